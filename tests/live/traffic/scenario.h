// SPDX-License-Identifier: Apache-2.0
// What a scenario is: a name, a function that makes real receive calls, and what it needs to run.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace traffic {

class Truth;

// Thrown where a call did not do what the scenario was written for: the truth would be worthless.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Thrown where this kernel cannot do what the scenario needs; the message says what is absent.
struct Skip : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Context {
    Truth &truth;
};

using Run = void (*)(Context &);

struct Scenario {
    std::string_view name;
    Run run;
    std::string_view needs;  // for --list; the scenario itself throws Skip where it is not there
};

std::span<const Scenario> UnixScenarios();
std::span<const Scenario> InetScenarios();
std::span<const Scenario> OtherFamilyScenarios();
std::span<const Scenario> BufferScenarios();
std::span<const Scenario> DescriptorScenarios();
std::span<const Scenario> ControlScenarios();
std::span<const Scenario> ErrorScenarios();
std::span<const Scenario> PayloadScenarios();
std::span<const Scenario> TaskScenarios();
std::span<const Scenario> SignalScenarios();
std::span<const Scenario> WriterScenarios();
std::span<const Scenario> NamespaceScenarios();
std::span<const Scenario> UringScenarios();
std::span<const Scenario> DenialScenarios();
std::span<const Scenario> OperationScenarios();  // the same messages by every way to receive
// Those of other sets of events: `all` does not name them, the name of their group does.
struct Group {
    std::string_view name;
    std::span<const Scenario> scenarios;
};
std::span<const Scenario> SendScenarios();
std::span<const Scenario> ConnectionScenarios();
std::span<const Scenario> PassingScenarios();
// Chosen by name only: calls that are counted and not described.
std::span<const Scenario> FloodScenarios();
// Chosen by name only too: what it tells is not all of a record.
std::span<const Scenario> RaceScenarios();
std::span<const Scenario> SendRaceScenarios();

// What the program does after it has replaced itself; `socket` is the descriptor it kept.
void AfterExec(Context &context, int socket);

// Throws Failure with the text and errno unless `fine`.
void Check(bool fine, const std::string &what);

}  // namespace traffic
