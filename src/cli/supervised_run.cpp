// SPDX-License-Identifier: Apache-2.0
// A command under the supervisor; see supervised_run.h.
#include "cli/supervised_run.h"

#include <fmt/format.h>

#include <memory>

#include "base/text.h"
#include "catalog/catalog.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/supervised_policies.h"

namespace sockwarden {

int run_supervised(const RunOptions &options, SupervisedRun run) {
    std::unique_ptr<SupervisedPolicies> policies;
    SupervisionOptions &what = run.supervisor.what;
    std::string saying = "tracing with the supervisor engine";
    if (run.policies.empty()) {
        what.traced = what.traced != 0 ? what.traced : events_named("receive") & supervised_events();
    } else {
        Result<std::unique_ptr<SupervisedPolicies>> read = SupervisedPolicies::read(run.policies, run.audit);
        if (!read) {
            return fail({"nothing is run: " + read.error().message, read.error().exit_code});
        }
        policies = *std::move(read);
        what.judged = policies->events();
        what.judge = [&](const Message &message, Known known) { return policies->judge(message, known); };
        what.follow_files = [&] { return policies->follow_files(); };
        saying =
            fmt::format("{} at {} with the supervisor engine", run.audit ? "watching" : "enforcing", policies->where());
    }
    what.say = [](const std::string &line) {
        std::string shown;
        append_printable(shown, line);
        say("{}", shown);
    };
    run.supervisor.ring_size = options.ring_size;
    const std::uint32_t snaplen = what.snaplen;
    const EventMask traced = what.traced;
    Result<std::unique_ptr<Supervisor>> opened = Supervisor::open(std::move(run.supervisor));
    if (!opened) {
        return fail(opened.error());
    }
    Supervisor &supervisor = **opened;
    std::function<bool(Message &)> wants = run.wants;
    if (policies != nullptr) {
        wants = [&, traced](Message &message) {
            return policies->complete(message) ||
                   (traced & event_bit(static_cast<EventId>(message.wire->head.event))) != 0;
        };
    }
    Plan plan;
    plan.is_privileged = false;
    plan.enter = [&] { return supervisor.enter(); };
    plan.open = [&]() -> Result<Opened> {
        Opened source;
        source.uncovered = supervisor.uncovered();
        source.saying = saying;
        source.mark = [&](std::uint32_t pid) { return supervisor.supervise(static_cast<pid_t>(pid)); };
        source.feeds.push_back({*std::move(opened), std::string(kSupervisorEngine), snaplen,
                                supervised_events() | event_bit(EventId::refused), wants});
        return source;
    };
    return end_like(read_out(options, plan));
}

}  // namespace sockwarden
