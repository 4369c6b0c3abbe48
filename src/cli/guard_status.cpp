// SPDX-License-Identifier: Apache-2.0
// What a guard tells of itself; see guard_status.h.
#include "cli/guard_status.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "catalog/actions.h"
#include "source/bpf/guard.h"
#include "source/bpf/kept.h"

namespace sockwarden {
namespace {

using Json = nlohmann::ordered_json;

// Of a rule, or without one of the policy's default, through all points where a guard judges.
Json hits_at(const PlacedPolicies &placed, const policy::Policy &policy, const policy::Rule *rule) {
    Json places = Json::array();
    for (const policy::Deployed &point : placed.points) {
        if (is_delivery(point.point)) {
            continue;
        }
        std::size_t number = 0;
        for (std::size_t i = 0; i < point.policies.size(); ++i) {
            const policy::Excerpt &excerpt = point.policies[i];
            for (const policy::Rule *one : excerpt.rules) {
                if (one == rule) {
                    places.push_back(place_of_hits(point.point, number));
                }
                ++number;
            }
            if (rule == nullptr && excerpt.policy == &policy) {
                places.push_back(place_of_hits(point.point, wire::IMAGE_CLAUSES + i));
            }
        }
    }
    return places;
}

void count(Json &places, const std::vector<std::uint64_t> &hits) {
    std::uint64_t sum = 0;
    for (const Json &place : places) {
        sum += place.get<std::size_t>() < hits.size() ? hits[place.get<std::size_t>()] : 0;
    }
    places = sum;
}

// A text of it, fit for a terminal.
std::string shown(const Json &text) {
    std::string printable;
    append_printable(printable, text.get<std::string>());
    return printable;
}

// For people.
std::string policies_text(const Json &policies) {
    std::string text;
    for (const Json &policy : policies) {
        text += fmt::format("{}: {}, {}, default {}: {} times\n", shown(policy.at("file")), shown(policy.at("name")),
                            shown(policy.at("mode")), shown(policy.at("default")),
                            policy.at("default_hits").get<std::uint64_t>());
        for (const Json &rule : policy.at("rules")) {
            text += fmt::format("  {:<24} {:<8} {:>8} times\n", shown(rule.at("name")), shown(rule.at("action")),
                                rule.at("hits").get<std::uint64_t>());
        }
    }
    return text;
}

// What one that is kept tells. Its folder belongs to root alone, and yet another version may have written it.
Json status_of_kept(const std::string &name) {
    const Kept kept = describe_kept(name);
    Json status{{"name", name}, {"links", kept_links(name)}, {"unjudged", kept.unjudged}, {"policies", nullptr}};
    try {
        Json policies = Json::parse(kept.about);
        count_hits(policies, kept.hits);
        policies_text(policies);  // asks for all that it has to have
        status["policies"] = std::move(policies);
    } catch (const Json::exception &) {  // as another version says it, or before there was any
    }
    return status;
}

}  // namespace

Json about_policies(const PlacedPolicies &placed) {
    Json policies = Json::array();
    for (const PolicyFile &file : placed.files) {
        const policy::Policy &policy = file.policy;
        Json rules = Json::array();
        for (const policy::Rule &rule : policy.rules) {
            rules.push_back(
                {{"name", rule.name}, {"action", action(rule.action).name}, {"hits", hits_at(placed, policy, &rule)}});
        }
        policies.push_back({{"file", file.name},
                            {"name", policy.name},
                            {"mode", policy.mode == policy::Mode::enforce ? "enforce" : "audit"},
                            {"default", action(policy.otherwise).name},
                            {"default_hits", hits_at(placed, policy, nullptr)},
                            {"rules", std::move(rules)}});
    }
    return policies;
}

std::string json_text(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void count_hits(Json &policies, const std::vector<std::uint64_t> &hits) {
    for (Json &policy : policies) {
        count(policy.at("default_hits"), hits);
        for (Json &rule : policy.at("rules")) {
            count(rule.at("hits"), hits);
        }
    }
}

void print_status(const std::string &answer) {
    const Json status = Json::parse(answer);
    const Json &cgroup = status.at("cgroup");
    fmt::print("guard {}: {}, engine {}{}, generation {}, on exit: {}\n", status.at("pid").get<long>(),
               status.at("mode").get<std::string>(), status.at("engine").get<std::string>(),
               cgroup.is_string() ? " at " + cgroup.get<std::string>() : "", status.at("generation").get<long>(),
               status.at("on_exit").get<std::string>());
    fmt::print("{}", policies_text(status.at("policies")));
    for (const Json &hook : status.at("hooks")) {
        fmt::print("hook {:<22} at {:<9} {}\n", hook.at("hook").get<std::string>(), hook.at("point").get<std::string>(),
                   hook.at("proven").get<bool>() ? "proven" : "not proven");
    }
    fmt::print("unjudged {}{}\n", status.at("unjudged").get<std::uint64_t>(),
               status.at("best_effort").get<bool>() ? fmt::format(" at most; {}", kBestEffort) : "");
}

void print_kept(const std::vector<std::string> &kept, const std::string &output) {
    Json status{{"pid", nullptr}, {"mode", "kept"}, {"kept", Json::array()}};
    for (const std::string &name : kept) {
        status["kept"].push_back(status_of_kept(name));
    }
    if (output == "json") {
        fmt::print("{}\n", json_text(status));
        return;
    }
    fmt::print("no guard is at work; what one left stays in force, and nobody reads what it reports:\n");
    for (const Json &one : status.at("kept")) {
        fmt::print("{}", policies_text(one.at("policies")));
        fmt::print("kept {}/{}: {}\n", kKeptFolder, one.at("name").get<std::string>(),
                   fmt::join(one.at("links").get<std::vector<std::string>>(), ", "));
        fmt::print("unjudged {} at most\n", one.at("unjudged").get<std::uint64_t>());
    }
}

}  // namespace sockwarden
