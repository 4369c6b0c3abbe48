// SPDX-License-Identifier: Apache-2.0
// Deployment; see deployment.h.
#include "policy/deployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "catalog/guards.h"
#include "policy/placement.h"

namespace sockwarden::policy {
namespace {

// Rules of one policy at one point, and the events for which they decide there.
struct Post {
    std::map<const Rule *, std::set<std::string_view>> rules;
    std::set<std::string_view> otherwise;  // events that the default refuses
};

std::string why_not(const Placement &placement) {
    return placement.point == nullptr ? placement.reason
                                      : fmt::format("it belongs at {}, where no guard judges", placement.point->name);
}

// One policy, taken apart.
class Deployer {
public:
    Deployer(const Policy &policy, std::size_t number, Enforcer by) : policy_(policy), number_(number), by_(by) {}

    void run() {
        for (const Rule &rule : policy_.rules) {
            if (rule.action != ActionId::allow) {
                place(rule);
            }
        }
        for (const Placement &placement : placements_of_default(policy_, by_)) {
            if (placement.point != nullptr) {
                posts_[placement.point->id].otherwise.insert(placement.events.begin(), placement.events.end());
            } else if (placement.is_possible) {
                mistakes_.push_back(
                    {number_,
                     {policy_.rules.empty() ? Place{} : policy_.rules.front().place,
                      fmt::format("the default cannot be enforced for {}: {}", joined(placement.events, "and"),
                                  placement.reason),
                      "`default: allow`, and a last rule that asks for the sockets that it is to deny"}});
            }
        }
        for (auto &[id, post] : posts_) {
            add_allowing(point(id), post);
        }
    }

    std::map<PointId, Post> &posts() { return posts_; }
    std::vector<PolicyMistake> &mistakes() { return mistakes_; }

private:
    void blame(const Rule &rule, std::string message, std::string hint) {
        mistakes_.push_back({number_, {rule.place, std::move(message), std::move(hint)}});
    }

    // The guard has no programs at some of its points.
    bool judges(PointId id) const { return by_ == Enforcer::supervisor || is_guarded(id); }

    void place(const Rule &rule) {
        std::map<std::string_view, const PointRow *> where;
        const std::vector<Placement> placements = placements_of(policy_, rule, by_);
        const bool is_anywhere = std::ranges::any_of(placements, &Placement::is_possible);
        for (const Placement &placement : placements) {
            if (placement.point == nullptr || !judges(placement.point->id)) {
                if (placement.point != nullptr || placement.is_possible || !is_anywhere) {
                    blame(rule,
                          fmt::format("the rule {} cannot be enforced for {}: {}", rule.name,
                                      joined(placement.events, "and"), why_not(placement)),
                          "`sockwarden policy check` says where each rule can be");
                }
                continue;
            }
            Post &post = posts_[placement.point->id];
            for (const std::string_view event : placement.events) {
                const auto [at, is_first] = where.emplace(event, placement.point);
                if (!is_first) {
                    blame(rule,
                          fmt::format("parts of the rule {} are certain at different points for {}: {} and {}",
                                      rule.name, event, at->second->name, placement.point->name),
                          "make a rule of each part");
                }
                post.rules[&rule].insert(event);
            }
        }
    }

    // A rule that allows has to know what it asks wherever one behind it refuses.
    void add_allowing(const PointRow &point, Post &post) {
        for (auto rule = policy_.rules.begin(); rule != policy_.rules.end(); ++rule) {
            if (rule->action != ActionId::allow) {
                continue;
            }
            std::set<std::string_view> refused = post.otherwise;
            for (const auto &[other, events] : post.rules) {
                if (other > &*rule && other->action != ActionId::alert) {
                    refused.insert(events.begin(), events.end());
                }
            }
            for (const std::string_view event : refused) {
                const auto uncertain = uncertain_at(point, *rule, *find_event(event));
                if (uncertain && uncertain->empty()) {
                    post.rules[&*rule].insert(event);
                } else if (uncertain) {
                    blame(*rule,
                          fmt::format("the rule {} cannot keep {} from being refused at {}: {} {} not certain there",
                                      rule->name, event, point.name, joined(*uncertain, "and"),
                                      uncertain->size() == 1 ? "is" : "are"),
                          "ask for the event in the rules, so that each is judged where it knows what it asks");
                    break;
                }
            }
        }
    }

    const Policy &policy_;
    const std::size_t number_;
    const Enforcer by_;
    std::map<PointId, Post> posts_;
    std::vector<PolicyMistake> mistakes_;
};

Excerpt excerpt_of(const Policy &policy, const Post &post) {
    Excerpt excerpt{&policy, {}, post.otherwise.empty() ? ActionId::allow : policy.otherwise};
    for (const Rule &rule : policy.rules) {
        if (post.rules.contains(&rule)) {
            excerpt.rules.push_back(&rule);
        }
    }
    return excerpt;
}

}  // namespace

Result<std::vector<Deployed>, std::vector<PolicyMistake>> deploy(std::span<const Policy *const> policies, Enforcer by) {
    std::map<PointId, Deployed> points;
    std::vector<PolicyMistake> mistakes;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        Deployer deployer(*policies[i], i, by);
        deployer.run();
        std::ranges::move(deployer.mistakes(), std::back_inserter(mistakes));
        for (const auto &[id, post] : deployer.posts()) {
            Deployed &deployed = points[id];
            deployed.point = id;
            deployed.policies.push_back(excerpt_of(*policies[i], post));
            deployed.events.insert(post.otherwise.begin(), post.otherwise.end());
            for (const auto &[rule, events] : post.rules) {
                deployed.events.insert(events.begin(), events.end());
            }
        }
    }
    if (!mistakes.empty()) {
        return mistakes;
    }
    std::vector<Deployed> deployed;
    deployed.reserve(points.size());
    for (auto &[id, one] : points) {
        deployed.push_back(std::move(one));
    }
    return deployed;
}

}  // namespace sockwarden::policy
