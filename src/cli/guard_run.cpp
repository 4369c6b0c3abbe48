// SPDX-License-Identifier: Apache-2.0
// A guard over its whole life; see guard_run.h.
#include "cli/guard_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "cli/guard_status.h"
#include "cli/own_sockets.h"
#include "cli/privilege.h"
#include "cli/report.h"
#include "source/bpf/kept.h"
#include "source/bpf/tracefs.h"

namespace sockwarden {
namespace {

using Json = nlohmann::ordered_json;

// Where what was delivered is judged; null where nothing is.
const policy::Deployed *delivery_in(const PlacedPolicies &placed) {
    const auto at =
        std::ranges::find_if(placed.points, [](const policy::Deployed &one) { return is_delivery(one.point); });
    return at == placed.points.end() ? nullptr : &*at;
}

// Those of what was judged after delivery.
void add_hits(Json &policies, const DeliveryJudge &judge) {
    const auto add = [&](Json &hits, const Json &policy, const std::string &rule) {
        hits = hits.get<std::uint64_t>() + judge.hits(policy.at("name").get<std::string>(), rule);
    };
    for (Json &policy : policies) {
        add(policy.at("default_hits"), policy, "");
        for (Json &rule : policy.at("rules")) {
            add(rule.at("hits"), policy, rule.at("name").get<std::string>());
        }
    }
}

}  // namespace

Result<std::unique_ptr<GuardRun>> GuardRun::prepare(GuardPlan plan) {
    std::unique_ptr<GuardRun> run(new GuardRun(std::move(plan)));
    Result<std::shared_ptr<const PlacedPolicies>> placed = run->read();
    if (!placed) {
        return placed.error();
    }
    Result<std::unique_ptr<Version>> version = run->compile(*std::move(placed));
    if (!version) {
        return version.error();
    }
    run->current_ = std::move(*version);
    if (Status status = run->check_delivery(*run->current_); !status) {
        return status.error();
    }
    if (run->plan_.for_command) {
        const Status allowed = check_privilege();
        if (const Status made = allowed ? run->open_cgroup() : allowed; !made) {
            return made.error();
        }
    }
    return run;
}

Result<std::shared_ptr<const PlacedPolicies>> GuardRun::read() const {
    return place_policies(plan_.policies, plan_.audit, enforcer_of(plan_.kind), plan_.recheck);
}

Result<std::unique_ptr<GuardRun::Version>> GuardRun::compile(std::shared_ptr<const PlacedPolicies> placed) const {
    Result<CompiledPolicies> compiled = compile_placed(*placed);
    if (!compiled) {
        return compiled.error();
    }
    auto version = std::make_unique<Version>();
    version->generation = current_ != nullptr ? current_->generation + 1 : 0;
    version->rulings.emplace(placed->points);
    version->placed = std::move(placed);
    version->compiled = *std::move(compiled);
    return version;
}

Status GuardRun::load(Version &version) const {
    GuardOptions wanted;
    wanted.ring_size = plan_.ring_size;
    wanted.own = own_sockets();
    wanted.generation = version.generation;
    wanted.control = control_;
    wanted.keep = plan_.keep;
    wanted.about = plan_.keep ? json_text(about_policies(*version.placed)) : "";
    wanted.kind = plan_.kind;
    wanted.beside = current_ != nullptr ? current_->guard.get() : nullptr;
    wanted.cgroup = cgroup_ ? &*cgroup_ : nullptr;
    const std::vector<policy::Image> &images = version.compiled.images;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const PointId point = version.placed->points[i].point;
        if (!is_delivery(point)) {
            wanted.images.push_back({point, images[i].facts(), images[i].bytes()});
        }
    }
    Result<std::unique_ptr<Guard>> guard = Guard::open(wanted);
    if (!guard) {
        return guard.error();
    }
    version.guard = std::move(*guard);
    return Done{};
}

Status GuardRun::check_delivery(const Version &version) const {
    if (delivery_in(*version.placed) == nullptr) {
        return Done{};
    }
    if (plan_.keep) {
        return Error{"what was delivered is judged by the guard itself: its rules cannot go with --on-exit keep",
                     kExitUsage};
    }
    if (!plan_.for_command && plan_.cgroup != "/") {
        return Error{
            "what was delivered is judged for every process or for one command, not for a cgroup: leave --cgroup out, "
            "and ask process.cgroup in the rules",
            kExitUsage};
    }
    return Done{};
}

Result<std::unique_ptr<DeliveryJudge>> GuardRun::judge_deliveries(Version &version) const {
    const policy::Deployed *delivery = delivery_in(*version.placed);
    if (delivery == nullptr) {
        return std::unique_ptr<DeliveryJudge>();
    }
    policy::Image &image = version.compiled.images[static_cast<std::size_t>(delivery - version.placed->points.data())];
    Result<std::unique_ptr<DeliveryJudge>> judge = DeliveryJudge::open(
        version.placed, *delivery, std::move(image), {plan_.ring_size, plan_.snaplen, plan_.for_command, control_});
    if (judge && plan_.for_command && current_.get() != &version) {
        for (const pid_t pid : cgroup_->processes()) {  // what the command has become by now
            if (Status status = (*judge)->engine().mark(static_cast<std::uint32_t>(pid)); !status) {
                return status.error();
            }
        }
    }
    return judge;
}

std::string GuardRun::engine() const {
    const bool is_after_only = current_->guard->hooks().empty() && deliveries_->current() != nullptr;
    return is_after_only ? deliveries_->current()->engine_name() : std::string(name_of(plan_.kind));
}

std::string GuardRun::delivery_engine() const {
    return deliveries_->current() != nullptr ? deliveries_->current()->engine_name() : "";
}

Status GuardRun::mark(std::uint32_t pid) {
    DeliveryJudge *judge = deliveries_->current();
    return judge != nullptr && plan_.for_command ? judge->engine().mark(pid) : Status(Done{});
}

Status GuardRun::start(const FileIdentity &control) {
    control_ = control;
    keep_tracefs();  // for a reload
    const Result<std::vector<std::string>> earlier = kept_guards();
    if (!earlier) {
        return earlier.error();
    }
    if (!earlier->empty() && plan_.is_trial) {
        return Error{
            "an earlier guard left its policies in force, and a trial would end them: `sockwarden status` shows "
            "them, `sockwarden release` ends them",
            kExitUsage};
    }
    for (const std::string &name : *earlier) {
        const bool is_whole = !kept_links(name).empty();  // not where one was killed before its first link was pinned
        if (Status status = is_whole ? adopt_kept(name) : Status(Done{}); !status) {
            return status;
        }
    }
    Status loaded = is_in_cgroup() && !cgroup_ ? open_cgroup() : Status(Done{});
    loaded = loaded ? load(*current_) : loaded;
    const auto may_try_next = [&] { return !loaded && plan_.may_choose && loaded.error().exit_code == kExitUnproven; };
    if (may_try_next()) {
        const Error why = loaded.error();
        plan_.kind = GuardKind::modify;
        loaded = load(*current_);
        loaded = may_try_next() ? use_cgroups(why) : loaded;
    }
    if (!loaded) {
        return loaded;
    }
    Result<std::unique_ptr<DeliveryJudge>> judge = judge_deliveries(*current_);
    if (!judge) {
        return judge.error();
    }
    deliveries_->replace(*std::move(judge));
    for (const std::string &name : *earlier) {
        if (Status status = release_kept(name); !status) {
            return status;
        }
        say("took over from {}, which an earlier guard left in force", name);
    }
    return Done{};
}

Status GuardRun::open_cgroup() {
    Result<Cgroup> cgroup = Cgroup::open(plan_.cgroup);
    if (cgroup && plan_.for_command) {  // at the root, which no user has for their own
        cgroup = cgroup->make(fmt::format("sockwarden-{}", ::getpid()));
    }
    if (!cgroup) {
        return cgroup.error();
    }
    cgroup_ = *std::move(cgroup);
    door_ = cgroup_->door();
    return Done{};
}

Status GuardRun::use_cgroups(const Error &why) {
    const auto neither = [&](const Error &other) {
        return Error{fmt::format("{}; programs of cgroups, which it has, do not do here: {}; `sockwarden run` enforces "
                                 "policies for one command",
                                 why.message, other.message),
                     kExitUnproven};
    };
    plan_.kind = GuardKind::cgroup;
    Result<std::shared_ptr<const PlacedPolicies>> placed = read();
    if (!placed) {
        return neither(placed.error());
    }
    Result<std::unique_ptr<Version>> version = compile(*std::move(placed));
    if (!version) {
        return version.error();
    }
    current_ = *std::move(version);
    if (Status status = check_delivery(*current_); !status) {
        return status;
    }
    if (Status status = open_cgroup(); !status) {
        return neither(status.error());
    }
    const Status status = load(*current_);
    return status ? status : Status(neither(status.error()));
}

std::vector<std::string> GuardRun::uncovered() const {
    std::vector<std::string> limits;
    for (const policy::Deployed &one : current_->placed->points) {
        const PointRow &row = point(one.point);
        if (!row.limits.empty()) {
            limits.push_back(fmt::format("{}: {}", row.word, row.limits));
        }
    }
    if (DeliveryJudge *judge = deliveries_->current()) {
        for (const std::string &line : judge->engine().uncovered()) {
            limits.push_back(fmt::format("after, {}", line));
        }
    }
    if (plan_.kind == GuardKind::modify) {
        limits.emplace_back(kBestEffort);
    }
    return limits;
}

Status GuardRun::reload() {
    Result<std::shared_ptr<const PlacedPolicies>> placed = read();
    if (!placed) {
        return placed.error();
    }
    return replace(*std::move(placed));
}

Status GuardRun::replace(std::shared_ptr<const PlacedPolicies> placed) {
    Result<std::unique_ptr<Version>> next = compile(std::move(placed));
    if (!next) {
        return next.error();
    }
    tried_ = RealFiles();
    Status status = check_delivery(**next);
    status = status ? load(**next) : status;
    Result<std::unique_ptr<DeliveryJudge>> judge =
        status ? judge_deliveries(**next) : Result<std::unique_ptr<DeliveryJudge>>(status.error());
    if (!judge) {
        tried_ = std::move((*next)->compiled.files);
        return judge.error();
    }
    deliveries_->replace(*std::move(judge));
    former_.push_back(std::move(current_));
    current_ = std::move(*next);
    return former_.back()->guard->detach();
}

std::optional<Status> GuardRun::follow_files() {
    const RealFiles &last = tried_.is_empty() ? current_->compiled.files : tried_;
    return last.have_changed() ? std::optional(replace(current_->placed)) : std::nullopt;
}

std::size_t GuardRun::drain(const Take &take, bool all, std::size_t budget) {
    while (!former_.empty()) {
        Guard &oldest = *former_.front()->guard;
        if (const std::size_t count = oldest.drain(take, true, budget); count != 0) {
            return count;
        }
        add_losses(oldest.losses(), lost_);
        former_.erase(former_.begin());
    }
    return current_->guard->drain(take, all, budget);
}

int GuardRun::wake_fd() const { return current_->guard->wake_fd(); }
bool GuardRun::prepare_sleep() { return former_.empty() && current_->guard->prepare_sleep(); }

std::vector<Loss> GuardRun::losses() {
    std::vector<Loss> losses = current_->guard->losses();
    add_losses(lost_, losses);
    for (const auto &version : former_) {
        add_losses(version->guard->losses(), losses);
    }
    return losses;
}

bool GuardRun::complete(Message &message) {
    if (!message.verdict) {
        return false;
    }
    message.engine = name_of(plan_.kind);
    const auto is_it = [&](const auto &version) { return version->generation == message.verdict->generation; };
    const auto version = std::ranges::find_if(former_, is_it);
    if (version != former_.end()) {
        return (*version)->rulings->complete(message);
    }
    return is_it(current_) && current_->rulings->complete(message);
}

std::string GuardRun::saying() const {
    const std::string where = !is_in_cgroup()      ? ""
                              : cgroup_->is_root() ? " by programs of cgroups"
                                                   : " of the cgroup " + cgroup_->path();
    const DeliveryJudge *judge = deliveries_->current();
    return fmt::format("{} at {}{}; hooks proven: {}{}{}{}{}", plan_.audit ? "watching" : "guarding",
                       current_->placed->where(), where,
                       std::ranges::count_if(current_->guard->hooks(), &GuardHook::is_proven) + (judge ? 1 : 0),
                       judge ? fmt::format("; after delivery by the {} engine", judge->engine_name()) : "",
                       plan_.kind == GuardKind::modify ? fmt::format("; {}", kBestEffort) : "",
                       current_->guard->knows_requests() ? "" : fmt::format("; {}", kHiddenAddresses),
                       plan_.keep ? "; kept until `sockwarden release`" : "");
}

std::string GuardRun::status() const {
    Json status{{"pid", ::getpid()},
                {"mode", plan_.audit ? "audit" : "enforce"},
                {"engine", engine()},
                {"best_effort", plan_.kind == GuardKind::modify},
                {"cgroup", cgroup_ ? Json(cgroup_->path()) : Json()},
                {"generation", current_->generation},
                {"on_exit", plan_.keep ? "keep" : "release"}};
    Json policies = about_policies(*current_->placed);
    count_hits(policies, current_->guard->hits());
    DeliveryJudge *const judge = deliveries_->current();
    if (judge != nullptr) {
        add_hits(policies, *judge);
    }
    status["policies"] = std::move(policies);
    status["hooks"] = Json::array();
    for (const GuardHook &hook : current_->guard->hooks()) {
        status["hooks"].push_back(
            {{"hook", hook.row->target}, {"point", point(hook.row->point).word}, {"proven", hook.is_proven}});
    }
    if (judge != nullptr) {
        status["hooks"].push_back({{"hook", judge->engine_name()},
                                   {"point", point(delivery_in(*current_->placed)->point).word},
                                   {"proven", true}});
    }
    status["unjudged"] = 0;
    for (const Loss &loss : current_->guard->losses()) {
        if (loss.counter == "unjudged") {
            status["unjudged"] = status["unjudged"].get<std::uint64_t>() + loss.count;
        }
    }
    return json_text(status) + "\n";
}

int GuardRun::take_in() const { return ::write(door_.get(), "0", 1) == 1 ? 0 : errno; }

void GuardRun::stop() {
    has_stopped_ = true;
    if (plan_.for_command) {
        cgroup_.reset();  // with what still runs there: it would go on unguarded
    }
    if (!plan_.keep && !is_released_) {
        deliveries_->replace(nullptr);
        if (const Status status = current_->guard->detach(); !status) {
            say("{}", status.error().message);
        }
    }
}

Answer GuardRun::answer(std::string_view request) {
    if (request == "status") {
        return {true, status()};
    }
    if (request == "reload" && has_stopped_) {
        return {false, "the guard is at its end"};
    }
    if (request == "reload") {
        const Status status = reload();
        return status ? Answer{true, saying() + "\n"}
                      : Answer{false, status.error().message + "; the policies in force stay"};
    }
    if (request == "release") {
        is_released_ = true;
        deliveries_->replace(nullptr);
        const Status status = current_->guard->detach();
        return {!!status, status ? "released\n" : status.error().message};
    }
    return {false, "a guard knows status, reload and release"};
}

}  // namespace sockwarden
