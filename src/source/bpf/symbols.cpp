// SPDX-License-Identifier: Apache-2.0
// Functions of requests; see symbols.h.
#include "source/bpf/symbols.h"

#include <algorithm>
#include <bit>
#include <fstream>
#include <string_view>

#include "catalog/catalog.h"

namespace sockwarden {
namespace {

// Kernels without the former serve both kinds of requests by the latter, which then tells neither.
constexpr std::string_view kSendZc = "io_send_zc", kSendmsgZc = "io_sendmsg_zc";

// Those that a hook at the entry sees the beginning of.
std::vector<std::pair<std::string, std::uint32_t>> functions_of_requests() {
    std::vector<std::pair<std::string, std::uint32_t>> wanted;
    for (const HookRow &row : hooks()) {
        if (row.engine == EngineId::trampoline && row.type == "fentry" && row.target.starts_with("io_")) {
            const EventMask events = row.target == kSendmsgZc ? event_bit(EventId::io_uring_sendmsg) : row.events;
            wanted.emplace_back(row.target, static_cast<std::uint32_t>(std::countr_zero(events)));
        }
    }
    for (const char *of_messages : {"scm_detach_fds", "scm_detach_fds_compat"}) {
        wanted.emplace_back(of_messages, std::uint32_t{wire::FUNCTION_OF_MESSAGE});
    }
    return wanted;
}

}  // namespace

std::vector<wire::request_function> request_functions(
    std::istream &symbols, const std::vector<std::pair<std::string, std::uint32_t>> &wanted) {
    std::vector<wire::request_function> found;
    bool has_send_zc = false;
    std::vector<std::uint64_t> joined;
    for (std::string line; std::getline(symbols, line);) {
        const std::string_view text(line);
        const std::size_t name_at = text.size() > 19 ? 19 : text.size();  // "ffffffff81000000 t name"
        std::string_view name = text.substr(name_at);
        const std::uint64_t address = std::strtoull(line.c_str(), nullptr, 16);
        for (wire::request_function &one : found) {
            if (address > one.from && (one.to == 0 || address < one.to)) {
                one.to = address;
            }
        }
        if ((!name.starts_with("io_") && !name.starts_with("scm_")) || address == 0) {
            continue;
        }
        name = name.substr(0, name.find('\t'));
        if (name.ends_with(".cold")) {
            continue;
        }
        name = name.substr(0, name.find('.'));
        has_send_zc = has_send_zc || name == kSendZc;
        const auto one = std::ranges::find(wanted, name, &std::pair<std::string, std::uint32_t>::first);
        if (one != wanted.end() && found.size() < wire::REQUEST_FUNCTIONS) {
            found.push_back({address, 0, one->second, 0});
            if (name == kSendmsgZc) {
                joined.push_back(address);
            }
        }
    }
    std::erase_if(found, [&](const wire::request_function &one) {
        return one.to == 0 || (!has_send_zc && std::ranges::find(joined, one.from) != joined.end());
    });
    return found;
}

std::vector<wire::request_function> request_functions() {
    static const std::vector<wire::request_function> found = [] {
        std::ifstream symbols("/proc/kallsyms");
        return request_functions(symbols, functions_of_requests());
    }();
    return found;
}

}  // namespace sockwarden
