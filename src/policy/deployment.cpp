// SPDX-License-Identifier: Apache-2.0
// Deployment; see deployment.h.
#include "policy/deployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "policy/placement.h"

namespace sockwarden::policy {
namespace {

// Rules of one policy at one point, and the events for which they decide there.
struct Post {
    std::map<const Rule *, std::set<std::string_view>> rules;
    std::set<std::string_view> otherwise;  // events that the default refuses
};

// The point where an enforcer judges what has been delivered; null where it does not.
const PointRow *delivery_of(Enforcer by) {
    const auto row =
        std::ranges::find_if(points(), [&](const PointRow &one) { return one.by == by && is_delivery(one.id); });
    return row == points().end() ? nullptr : &*row;
}

// One policy, taken apart.
class Deployer {
public:
    Deployer(const Policy &policy, std::size_t number, Enforcer by) : policy_(policy), number_(number), by_(by) {}

    void run(bool recheck) {
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
        if (const PointRow *delivery = delivery_of(by_); recheck && delivery && policy_.mode == Mode::enforce) {
            judge_again(*delivery);
        }
        for (auto &[id, post] : posts_) {
            add_allowing(point(id), post);
        }
    }

    const std::map<PointId, Post> &posts() const { return posts_; }
    const Post &again() const { return again_; }  // at delivery; may be empty
    std::vector<PolicyMistake> &mistakes() { return mistakes_; }

private:
    void blame(const Rule &rule, std::string message, std::string hint) {
        mistakes_.push_back({number_, {rule.place, std::move(message), std::move(hint)}});
    }

    // What refuses a message for events that end in its delivery refuses it there, too.
    void judge_again(const PointRow &delivery) {
        const auto add = [&](const std::set<std::string_view> &events, std::set<std::string_view> &to) {
            std::ranges::copy_if(events, std::inserter(to, to.end()),
                                 [&](std::string_view event) { return has_event(delivery, event); });
        };
        for (const auto &[id, post] : posts_) {
            if (id == delivery.id) {
                continue;
            }
            for (const auto &[rule, events] : post.rules) {
                std::set<std::string_view> delivered;
                add(events, delivered);
                if (rule->action != ActionId::alert && rule->action != ActionId::deny_fds && !delivered.empty()) {
                    again_.rules[rule].merge(delivered);
                }
            }
            add(post.otherwise, again_.otherwise);
        }
        add_allowing(delivery, again_);
    }

    void place(const Rule &rule) {
        std::map<std::string_view, const PointRow *> where;
        const std::vector<Placement> placements = placements_of(policy_, rule, by_);
        const bool is_anywhere = std::ranges::any_of(placements, &Placement::is_possible);
        for (const Placement &placement : placements) {
            if (placement.point == nullptr) {
                if (placement.is_possible || !is_anywhere) {
                    blame(rule,
                          fmt::format("the rule {} cannot be enforced for {}: {}", rule.name,
                                      joined(placement.events, "and"), placement.reason),
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
    Post again_;
    std::vector<PolicyMistake> mistakes_;
};

Excerpt excerpt_of(const Policy &policy, const Post &post, bool after) {
    Excerpt excerpt{&policy, {}, post.otherwise.empty() ? ActionId::allow : policy.otherwise, after};
    for (const Rule &rule : policy.rules) {
        if (post.rules.contains(&rule)) {
            excerpt.rules.push_back(&rule);
        }
    }
    return excerpt;
}

}  // namespace

Result<std::vector<Deployed>, std::vector<PolicyMistake>> deploy(std::span<const Policy *const> policies, Enforcer by,
                                                                 bool recheck) {
    std::map<PointId, Deployed> points;
    std::vector<PolicyMistake> mistakes;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        Deployer deployer(*policies[i], i, by);
        deployer.run(recheck);
        std::ranges::move(deployer.mistakes(), std::back_inserter(mistakes));
        const auto add = [&](PointId id, const Post &post, bool is_again) {
            Deployed &deployed = points[id];
            deployed.point = id;
            if (is_again) {
                deployed.rechecked.insert(deployed.policies.size());
            }
            deployed.policies.push_back(excerpt_of(*policies[i], post, is_delivery(id)));
            deployed.events.insert(post.otherwise.begin(), post.otherwise.end());
            for (const auto &[rule, events] : post.rules) {
                deployed.events.insert(events.begin(), events.end());
            }
        };
        for (const auto &[id, post] : deployer.posts()) {
            add(id, post, false);
        }
        if (const Post &again = deployer.again(); !again.rules.empty() || !again.otherwise.empty()) {
            add(delivery_of(by)->id, again, true);
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
