// SPDX-License-Identifier: Apache-2.0
// Judges and prints measurements.
#include "overhead/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

#include "common/statistics.h"

namespace sockwarden::bench {
namespace {

struct WorkloadName {
    std::string_view key;    // in JSON
    std::string_view words;  // of a row of its own; empty where the workload is a column
};

constexpr std::array<WorkloadName, workload_count> workload_names = {{
    {"pair", ""},
    {"getppid", ""},
    {"new_socket", "a new socket each message"},
    {"new_process", "a new process each message"},
    {"sendmsg", "sendmsg"},
    {"read", "read"},
    {"recvmmsg", "recvmmsg of 32 messages"},
    {"tcp_16k", "16 KiB over TCP"},
    {"udp", "over UDP"},
}};

const WorkloadName &name_of(Workload workload) { return workload_names[static_cast<std::size_t>(workload)]; }

// Half of what the cheapest attachment to system calls costs (6 ns, one classic tracepoint), and
// more than the medians of two runs differ by.
constexpr double free_ns = 3.0;
// Runs per getppid that messages of other processes can explain.
constexpr double free_runs = 0.05;

Quartiles added(const Report &report, std::size_t variant, Workload workload) {
    return quartiles(report.results[variant].added[static_cast<std::size_t>(workload)]);
}

double time(const Report &report, std::size_t variant, Workload workload) {
    return median(report.results[variant].times[static_cast<std::size_t>(workload)]);
}

bool measured(const Report &report, std::size_t variant, Workload workload) {
    return report.results[variant].failure.empty() &&
           !report.results[variant].times[static_cast<std::size_t>(workload)].empty();
}

std::string cell(const Quartiles &ns) {
    return fmt::format("{:+.0f} [{:.0f} .. {:.0f}]", ns.median, ns.first, ns.third);
}

std::string loss(const VariantResult &result) {
    return result.loss_known ? fmt::format("{}", result.lost) : std::string("?");
}

constexpr std::string_view row_format = "{:<42} {:>24} {:>7} {:>20} {:>8}\n";

// A row for a workload that is no column: what the variant adds to it, and what it takes by itself.
std::string workload_row(const Report &report, std::size_t variant, Workload workload) {
    const std::string_view words = name_of(workload).words;
    if (words.empty() || !measured(report, variant, workload))
        return {};
    const std::string name = fmt::format("{}, {}", report.variants[variant].name, words);
    return fmt::format(row_format, name, cell(added(report, variant, workload)),
                       fmt::format("{:.2f}", ratio_to_floor(report, variant, workload)), "",
                       fmt::format("of {:.0f}", time(report, baseline_variant, workload)));
}

std::string row(const Report &report, std::size_t variant) {
    const VariantResult &result = report.results[variant];
    const std::string &name = report.variants[variant].name;
    if (!result.failure.empty())
        return fmt::format("{:<42} not measured: {}\n", name, result.failure);
    return fmt::format(row_format, name, cell(added(report, variant, Workload::pair)),
                       fmt::format("{:.2f}", ratio_to_floor(report, variant, Workload::pair)),
                       cell(added(report, variant, Workload::getppid)), loss(result));
}

Target ratio_target(const Report &report, std::size_t variant, double limit) {
    const std::string &name = report.variants[variant].name;
    const std::string text = fmt::format("{}: at most {:.1f} x floor", name, limit);
    if (!measured(report, variant, Workload::pair))
        return {text, "not measured", false};
    const double ratio = ratio_to_floor(report, variant, Workload::pair);
    // A message that is dropped costs less than one that is reported.
    const VariantResult &result = report.results[variant];
    const bool complete = result.loss_known && result.lost == 0;
    const std::string remark = complete ? "" : fmt::format(", but lost {}", loss(result));
    return {text, fmt::format("{:.2f}{}", ratio, remark), complete && ratio <= limit};
}

Target getppid_target(const Report &report, std::size_t variant, Result<RunCounts> &runs) {
    const std::string text = fmt::format("{}: getppid costs nothing", report.variants[variant].name);
    if (!measured(report, variant, Workload::getppid))
        return {text, "not measured", false};
    if (!runs)
        return {text, runs.error().text, false};
    const double ns = added(report, variant, Workload::getppid).median;
    return {text,
            fmt::format("{:+.1f} ns, {:.2f} program runs (per pair: {:.2f})", ns, runs->per_getppid, runs->per_pair),
            ns <= free_ns && runs->per_getppid <= free_runs && runs->per_pair > 0};
}

// Where nothing needs the content of a message.
Target supervised_target(const Report &report) {
    constexpr double limit = 0.5;
    const std::string text =
        fmt::format("{}: at most {:.1f} x strace", report.variants[supervised_variant].name, limit);
    if (!measured(report, supervised_variant, Workload::pair) || !measured(report, strace_variant, Workload::pair))
        return {text, "not measured", false};
    const double ratio =
        added(report, supervised_variant, Workload::pair).median / added(report, strace_variant, Workload::pair).median;
    return {text, fmt::format("{:.2f}", ratio), ratio <= limit};
}

// A guard that lets a message pass, over UDP: there every engine judges its content.
Target guard_target(const Report &report, std::size_t variant) {
    constexpr double limit = 1.3;
    const std::string text = fmt::format("{}: at most {:.1f} x tracing", report.variants[variant].name, limit);
    if (!measured(report, variant, Workload::udp) || !measured(report, default_variant, Workload::udp))
        return {text, "not measured", false};
    const double ratio =
        added(report, variant, Workload::udp).median / added(report, default_variant, Workload::udp).median;
    return {text, fmt::format("{:.2f}", ratio), ratio <= limit};
}

bool uses_trampoline(const VariantResult &result) { return result.engine_line.find("trampoline") != std::string::npos; }

std::string escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '"' || c == '\\')
            escaped += '\\';
        escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return escaped;
}

std::string json_workload(const Report &report, std::size_t variant, Workload workload) {
    const Quartiles ns = added(report, variant, workload);
    const double ratio = ratio_to_floor(report, variant, workload);
    return fmt::format(R"("{}":{{"ns":{:.2f},"added":{:.2f},"first_quartile":{:.2f},"third_quartile":{:.2f},)"
                       R"("ratio":{}}})",
                       name_of(workload).key, time(report, variant, workload), ns.median, ns.first, ns.third,
                       std::isfinite(ratio) ? fmt::format("{:.3f}", ratio) : std::string("null"));
}

std::string json_variant(const Report &report, std::size_t variant) {
    const VariantResult &result = report.results[variant];
    std::string text = fmt::format(R"({{"name":"{}")", report.variants[variant].key);
    if (!result.failure.empty())
        return text + fmt::format(R"(,"failure":"{}"}})", escape(result.failure));
    text += fmt::format(R"(,"lost":{})", result.loss_known ? loss(result) : "null");
    for (const Workload workload : report.variants[variant].workloads)
        text += ',' + json_workload(report, variant, workload);
    return text + '}';
}

}  // namespace

double ratio_to_floor(const Report &report, std::size_t variant, Workload workload) {
    return added(report, variant, workload).median / added(report, floor_variant, Workload::pair).median;
}

std::vector<Target> judge(Report &report) {
    std::vector<Target> targets = {
        ratio_target(report, light_variant, 2.0),
        ratio_target(report, default_variant, 2.5),
        ratio_target(report, idle_filter_variant, 1.3),
        getppid_target(report, light_variant, report.light_runs),
    };
    if (uses_trampoline(report.results[default_variant]))
        targets.push_back(getppid_target(report, default_variant, report.default_runs));
    targets.push_back(supervised_target(report));
    targets.push_back(guard_target(report, guard_variant));
    targets.push_back(guard_target(report, guard_variant + 1));
    return targets;
}

std::string table(const Report &report) {
    std::string text = fmt::format(
        "One send + recvmsg of {} bytes, AF_UNIX datagram: {:.0f} ns with nothing attached; "
        "getppid: {:.0f} ns.\nAdded by, in ns: median over {} rounds [quartiles].\n\n",
        message_size, time(report, baseline_variant, Workload::pair), time(report, baseline_variant, Workload::getppid),
        report.rounds);
    if (!report.results[default_variant].engine_line.empty())
        text += report.results[default_variant].engine_line + "\n\n";
    text += fmt::format(row_format, "", "to the pair", "ratio", "to getppid", "lost");
    for (std::size_t variant = 1; variant < report.variants.size(); variant++) {
        text += row(report, variant);
        for (const Workload workload : report.variants[variant].workloads)
            text += workload_row(report, variant, workload);
    }
    return text;
}

std::string target_lines(const std::vector<Target> &targets) {
    std::string text;
    for (const Target &target : targets)
        text += fmt::format("{:<7} {:<58} {}\n", target.holds ? "holds" : "FAILS", target.name, target.measured);
    return text;
}

std::string json(const Report &report, const std::vector<Target> &targets) {
    std::vector<std::string> variants;
    for (std::size_t variant = 0; variant < report.variants.size(); variant++)
        variants.push_back(json_variant(report, variant));
    std::vector<std::string> judged;
    std::transform(targets.begin(), targets.end(), std::back_inserter(judged), [](const Target &target) {
        return fmt::format(R"({{"target":"{}","measured":"{}","holds":{}}})", escape(target.name),
                           escape(target.measured), target.holds);
    });
    return fmt::format("{{\"rounds\":{},\"variants\":[{}],\"targets\":[{}]}}\n", report.rounds,
                       fmt::join(variants, ",\n"), fmt::join(judged, ",\n"));
}

}  // namespace sockwarden::bench
