// SPDX-License-Identifier: Apache-2.0
// A command under `sockwarden run`, as an ordinary user.
#pragma once

#include <string>
#include <vector>

#include "actor.h"
#include "process.h"
#include "stream.h"

namespace run {

using namespace enforced;

using live::Json;

struct Result {
    live::Ended ended;
    std::vector<Json> told;  // messages
    live::Stream stream;     // all records
    bool Passed() const { return ended.Exited(0); }
    std::string Text() const { return ended.Text() + ": " + ended.err; }
};

// Rules that are asked about every message that is received and refuse none.
extern const char *const kHarmless;

// The command line of `sockwarden run` with a policy of these rules (empty: without one), and a function of the test
// program as the command.
class Supervised {
public:
    explicit Supervised(const std::string &rules, const std::string &head = "");
    ~Supervised();
    std::vector<std::string> Command(const std::string &actor, const std::vector<std::string> &more = {}) const;
    // Else root becomes an ordinary user first.
    void StayRoot() { stays_root_ = true; }
    // Any command.
    std::vector<std::string> CommandOf(const std::vector<std::string> &words,
                                       const std::vector<std::string> &more = {}) const;
    // The same by another command of sockwarden, such as {"guard", "--engine", "supervisor"}.
    std::vector<std::string> CommandBy(const std::vector<std::string> &way, const std::string &actor) const;
    static std::vector<std::string> Actor(const std::string &actor);
    static const std::string &Tool();

private:
    std::vector<std::string> Whole(const std::vector<std::string> &way, const std::vector<std::string> &words) const;

    std::string policy_;  // path; empty where there is none
    bool stays_root_ = false;
};

Result RunUnder(const std::string &rules, const std::string &actor, const std::vector<std::string> &more = {});
Result RunUnder(const Supervised &supervised, const std::string &actor, const std::vector<std::string> &more = {});

// The verdicts that were told, a word each.
std::string Verdicts(const Result &result);

}  // namespace run
