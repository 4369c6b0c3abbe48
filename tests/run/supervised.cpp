// SPDX-License-Identifier: Apache-2.0
// A command under `sockwarden run`; see supervised.h.
#include "supervised.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "options.h"

namespace run {

const char *const kHarmless = R"(
  - name: harmless
    when: event in ["recvmsg", "recvmmsg", "recvfrom", "read", "readv"] && payload.contains("never sent")
    action: deny
)";

namespace {

// A program by a descriptor that every process here inherits: where it lies, an ordinary user may not go.
std::string Inherited(const std::string &path) {
    return "/proc/self/fd/" + std::to_string(::open(path.c_str(), O_RDONLY));
}

const std::string &Self() {
    static const std::string self = Inherited("/proc/self/exe");
    return self;
}

}  // namespace

Supervised::Supervised(const std::string &rules, const std::string &head) {
    if (rules.empty()) {
        return;
    }
    char path[] = "/tmp/sockwarden-run-XXXXXX";
    ::close(::mkstemp(path));
    policy_ = path;
    std::ofstream(policy_) << "version: 1\nname: trial\n" << head << "rules:\n" << rules;
    ::chmod(path, 0644);
}

Supervised::~Supervised() {
    if (!policy_.empty()) {
        ::unlink(policy_.c_str());
    }
}

std::vector<std::string> Supervised::CommandOf(const std::vector<std::string> &words,
                                               const std::vector<std::string> &more) const {
    std::vector<std::string> way{"run"};
    way.insert(way.end(), more.begin(), more.end());
    return Whole(way, words);
}

std::vector<std::string> Supervised::CommandBy(const std::vector<std::string> &way, const std::string &actor) const {
    return Whole(way, Actor(actor));
}

std::vector<std::string> Supervised::Whole(const std::vector<std::string> &way,
                                           const std::vector<std::string> &words) const {
    std::vector<std::string> command;
    if (::geteuid() == 0 && !stays_root_) {
        command = {Self(), "--as-nobody"};
    }
    command.push_back(Tool());
    command.insert(command.end(), way.begin(), way.end());
    command.insert(command.end(), {"-o", "json", "-w", "-"});
    if (!policy_.empty()) {
        command.insert(command.end(), {"--policy", policy_});
    }
    command.emplace_back("--");
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

const std::string &Supervised::Tool() {
    static const std::string tool = Inherited(live::Chosen().sockwarden);
    return tool;
}

std::vector<std::string> Supervised::Actor(const std::string &actor) { return {Self(), "--actor", actor}; }

std::vector<std::string> Supervised::Command(const std::string &actor, const std::vector<std::string> &more) const {
    return CommandOf(Actor(actor), more);
}

Result RunUnder(const std::string &rules, const std::string &actor, const std::vector<std::string> &more) {
    return RunUnder(Supervised(rules), actor, more);
}

Result RunUnder(const Supervised &supervised, const std::string &actor, const std::vector<std::string> &more) {
    Result result;
    result.ended = live::RunCommand(supervised.Command(actor, more), live::Seconds(60));
    result.stream = live::ParseStream(result.ended.out);
    for (const Json &record : result.stream.records) {
        if (record.contains("verdict")) {
            result.told.push_back(record);
        }
    }
    return result;
}

std::string Verdicts(const Result &result) {
    std::string text;
    for (const Json &record : result.told) {
        text += live::TextAt(record, "/event") + ":" + live::TextAt(record, "/verdict/action") + " ";
    }
    return text;
}

}  // namespace run
