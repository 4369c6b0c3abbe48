// SPDX-License-Identifier: Apache-2.0
// Placement; see placement.h.
#include "policy/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "catalog/catalog.h"
#include "policy/compile/clauses.h"
#include "policy/compile/image.h"

namespace sockwarden::policy {
namespace {

// What a clause asks about, and the sockets that it can hold for.
struct Asked {
    std::set<FactId> facts;
    std::set<std::pair<FactId, FactId>> compared;               // with each other
    std::optional<std::set<std::string_view>> families, types;  // nothing: all

    bool is_unix() const { return families && *families == std::set<std::string_view>{"AF_UNIX"}; }
};

// Whether messages of the event have the fact at all; else it is absent, and that is certain.
bool applies(FactId fact, const EventRow &event) {
    switch (fact) {
        case FactId::payload:
        case FactId::payload_length:
            return event.set != "connections" && event.set != "fds";
        case FactId::args_flags:
            return has_field(event.id, FieldId::flags);
        case FactId::iovlen:
            return has_field(event.id, FieldId::iovlen);
        case FactId::peeked:
            return has_field(event.id, FieldId::peeked);
        default:
            return true;
    }
}

// Whether a test of the event passes; one of anything else may, unless it asks what such a message has not.
bool may_pass(const Atom &atom, const EventRow &row) {
    const std::string_view event = row.name;
    if (!applies(atom.fact, row)) {
        return atom.negated;
    }
    if (atom.fact != FactId::event || atom.kind != Atom::Kind::test ||
        std::holds_alternative<Name>(atom.test->against)) {
        return true;
    }
    const auto is_it = [&](const Literal &literal) { return std::get<std::string>(literal.value) == event; };
    const auto *list = std::get_if<List>(&atom.test->against);
    const bool is_among =
        list != nullptr ? std::ranges::any_of(list->items, is_it) : is_it(std::get<Literal>(atom.test->against));
    const bool passes = is_among != (atom.test->op == OperatorId::not_equal);
    return passes != atom.negated;
}

// The values that a test of a name lets pass; nothing where it is of another kind.
std::optional<std::set<std::string_view>> passing_words(const Atom &atom) {
    if (atom.negated || atom.kind != Atom::Kind::test) {
        return std::nullopt;
    }
    std::set<std::string_view> words;
    const auto add = [&](const Literal &literal) { words.insert(std::get<std::string>(literal.value)); };
    if (const auto *literal = std::get_if<Literal>(&atom.test->against);
        literal != nullptr && atom.test->op == OperatorId::equal) {
        add(*literal);
    } else if (const auto *list = std::get_if<List>(&atom.test->against);
               list != nullptr && atom.test->op == OperatorId::in) {
        std::ranges::for_each(list->items, add);
    } else {
        return std::nullopt;
    }
    return words;
}

// Of which families the sockets are that a test of something else lets pass: some alone have what it asks for.
std::optional<std::set<std::string_view>> families_with(const Atom &atom) {
    switch (atom.fact) {
        case FactId::local_path:
        case FactId::local_path_text:
        case FactId::local_abstract:
        case FactId::remote_path:
        case FactId::remote_path_text:
        case FactId::remote_abstract:
            break;
        case FactId::local_address:
        case FactId::local_port:
        case FactId::remote_address:
        case FactId::remote_port:
            return atom.negated ? std::nullopt : std::optional(std::set<std::string_view>{"AF_INET", "AF_INET6"});
        case FactId::socket_family:
            return passing_words(atom);
        default:
            return std::nullopt;
    }
    return atom.negated ? std::nullopt : std::optional(std::set<std::string_view>{"AF_UNIX"});
}

void keep_common(std::optional<std::set<std::string_view>> &words,
                 const std::optional<std::set<std::string_view>> &others) {
    if (words && others) {
        std::erase_if(*words, [&](std::string_view word) { return !others->contains(word); });
    } else if (others) {
        words = others;
    }
}

void add_asked(const Clause &clause, Asked &asked) {
    for (const Atom &atom : clause) {
        keep_common(asked.families, families_with(atom));
        if (atom.fact == FactId::socket_type) {
            keep_common(asked.types, passing_words(atom));
        }
        asked.facts.insert(atom.fact);
        if (atom.kind == Atom::Kind::exists) {
            add_asked(atom.element, asked);
        } else if (atom.kind == Atom::Kind::test) {
            if (const auto *other = std::get_if<Name>(&atom.test->against)) {
                asked.facts.insert(other->fact);
                asked.compared.emplace(atom.fact, other->fact);
            }
        }
    }
}

// A list goes without saying where facts of its elements are missing, and that facts are compared where one is.
std::vector<std::string_view> missing_at(const PointRow &point, const Asked &asked, const EventRow &event) {
    const auto is_missing = [&](const FactRow &row) {
        const bool is_sender = row.id == FactId::senders || list_of(row) == &fact(FactId::senders);
        const bool is_known =
            has_fact(point, row, event.name) && (!is_sender || point.id != PointId::queueing || asked.is_unix());
        return asked.facts.contains(row.id) && applies(row.id, event) && !is_known;
    };
    std::vector<std::string_view> missing;
    for (const FactRow &row : facts()) {
        const bool is_implied = row.type == FactType::list && std::ranges::any_of(facts(), [&](const FactRow &other) {
                                    return list_of(other) == &row && is_missing(other);
                                });
        if (is_missing(row) && !is_implied) {
            missing.push_back(row.path);
        }
    }
    return missing;
}

// Facts that a clause compares with each other and that are not compared at a point.
std::vector<std::string_view> uncompared_at(const PointRow &point, const Asked &asked) {
    for (const auto &[one, other] : asked.compared) {
        if (!compares(point, one, other)) {
            return {fact(one).path, fact(other).path};
        }
    }
    return {};
}

// What a clause has to ask for, where it can hold for sockets that do not pass a point; empty where it cannot.
std::string beyond(const PointRow &point, const Asked &asked) {
    const auto exceeds = [&](const std::optional<std::set<std::string_view>> &words, std::string_view only) {
        return !only.empty() &&
               (!words || std::ranges::any_of(*words, [&](std::string_view word) { return !has_word(only, word); }));
    };
    std::string text;
    for (const auto &[fact, words] :
         {std::pair(FactId::socket_family, &asked.families), std::pair(FactId::socket_type, &asked.types)}) {
        const std::string_view only = only_values(point, fact);
        if (exceeds(*words, only)) {
            text += fmt::format("{}{} for one of {}", text.empty() ? "" : " and ", sockwarden::fact(fact).path, only);
        }
    }
    return text.empty() ? "" : fmt::format("other sockets do not pass {}: ask {}", point.name, text);
}

// The same, or what it compares that is not compared there. Empty where it can be placed.
std::string why_not_at(const PointRow &point, const Asked &asked) {
    const std::vector<std::string_view> uncompared = uncompared_at(point, asked);
    return uncompared.empty() ? beyond(point, asked)
                              : fmt::format("{} are not compared at {}", joined(uncompared, "and"), point.name);
}

// What could be ordered instead.
std::string no_point(ActionId action, std::string_view event, Enforcer by) {
    std::vector<std::string_view> others;
    for (const ActionRow &row : actions()) {
        const bool is_possible = std::ranges::any_of(points(), [&](const PointRow &one) {
            return one.by == by && has_event(one, event) && has_action(one, row.id);
        });
        if (is_possible) {
            others.push_back(row.name);
        }
    }
    others.emplace_back("alert");
    return fmt::format("{} is not possible there, only {}", sockwarden::action(action).name, joined(others, "or"));
}

// Where a clause belongs for an event: the point, or why there is none. Where nothing is done but to report, that can
// be done of any action once the message is delivered.
Placement place(const Asked &asked, ActionId action, Mode mode, const EventRow &event, Enforcer by) {
    const PointRow *nearest = nullptr;
    std::vector<std::string_view> least;
    std::string others;
    for (const PointRow &row : points()) {
        const bool is_possible =
            action == ActionId::alert || has_action(row, action) || (mode == Mode::audit && is_delivery(row.id));
        if (row.by != by || !has_event(row, event.name) || !is_possible) {
            continue;
        }
        std::vector<std::string_view> missing = missing_at(row, asked, event);
        if (missing.empty() && (others = why_not_at(row, asked)).empty()) {
            return {&row, "", true, {}};
        }
        if (nearest == nullptr || missing.size() < least.size()) {
            nearest = &row;
            least = std::move(missing);
        }
    }
    if (nearest == nullptr) {
        return {nullptr, no_point(action, event.name, by), false, {}};
    }
    if (!others.empty()) {
        return {nullptr, others, true, {}};
    }
    return {
        nullptr,
        fmt::format("{} {} not certain at {}", joined(least, "and"), least.size() == 1 ? "is" : "are", nearest->name),
        true,
        {}};
}

// What a rule that allows keeps from happening; nothing where nothing is refused after it.
std::optional<ActionId> kept_from(const Policy &policy, const Rule &allowing) {
    if (policy.otherwise != ActionId::allow) {
        return policy.otherwise;
    }
    bool is_behind = false;
    for (const Rule &rule : policy.rules) {
        if (is_behind && rule.action != ActionId::allow && rule.action != ActionId::alert) {
            return rule.action;
        }
        is_behind = is_behind || &rule == &allowing;
    }
    return std::nullopt;
}

// Where the action is possible for some events, those for which it is not need no advice. Likewise where something is
// reported: it is, wherever it can be known.
void summarise(std::vector<Placement> &placements, ActionId action) {
    const bool is_alert = action == ActionId::alert;
    const auto is_other = [&](const Placement &one) { return is_alert ? one.point == nullptr : !one.is_possible; };
    if (std::ranges::all_of(placements, is_other)) {
        return;
    }
    Placement others;
    for (Placement &one : placements) {
        if (is_other(one)) {
            others.events.insert(others.events.end(), one.events.begin(), one.events.end());
        }
    }
    std::erase_if(placements, is_other);
    if (!others.events.empty()) {
        others.reason = is_alert ? "what it asks is certain nowhere then"
                                 : fmt::format("{} is not possible there", sockwarden::action(action).name);
        others.is_possible = false;
        placements.push_back(std::move(others));
    }
}

std::vector<Placement> placements_of(const std::vector<Clause> &clauses, ActionId action, Mode mode, Enforcer by) {
    std::vector<Placement> placements;
    for (const Clause &clause : clauses) {
        Asked asked;
        add_asked(clause, asked);
        for (const EventRow &event : events()) {
            if (!std::ranges::all_of(clause, [&](const Atom &atom) { return may_pass(atom, event); })) {
                continue;
            }
            Placement found = place(asked, action, mode, event, by);
            const auto same = std::ranges::find_if(placements, [&](const Placement &one) {
                return one.point == found.point && one.reason == found.reason;
            });
            Placement &to = same != placements.end() ? *same : placements.emplace_back(std::move(found));
            if (std::ranges::find(to.events, event.name) == to.events.end()) {
                to.events.push_back(event.name);
            }
        }
    }
    summarise(placements, action);
    std::ranges::stable_sort(placements, {}, [](const Placement &one) {
        return one.point != nullptr ? static_cast<std::size_t>(one.point->id) : points().size();
    });
    return placements;
}

}  // namespace

std::vector<Placement> placements_of(const Policy &policy, const Rule &rule, Enforcer by) {
    const std::optional<ActionId> action = rule.action == ActionId::allow ? kept_from(policy, rule) : rule.action;
    if (!action) {
        return {};
    }
    if (!rule.when) {
        return placements_of({Clause{}}, *action, policy.mode, by);
    }
    const auto clauses = clauses_of(*rule.when, wire::IMAGE_CLAUSES);
    return clauses ? placements_of(*clauses, *action, policy.mode, by)
                   : std::vector<Placement>{};  // the compiler says what is wrong
}

std::optional<std::vector<std::string_view>> uncertain_at(const PointRow &point, const Rule &rule,
                                                          const EventRow &event) {
    if (!rule.when) {
        return std::vector<std::string_view>{};
    }
    const auto clauses = clauses_of(*rule.when, wire::IMAGE_CLAUSES);
    if (!clauses) {
        return std::nullopt;  // the compiler says what is wrong
    }
    std::optional<std::set<std::string_view>> uncertain;
    for (const Clause &clause : *clauses) {
        if (std::ranges::all_of(clause, [&](const Atom &atom) { return may_pass(atom, event); })) {
            Asked asked;
            add_asked(clause, asked);
            std::set<std::string_view> &all = uncertain ? *uncertain : uncertain.emplace();
            for (const auto &facts : {missing_at(point, asked, event), uncompared_at(point, asked)}) {
                all.insert(facts.begin(), facts.end());
            }
        }
    }
    return uncertain ? std::optional(std::vector(uncertain->begin(), uncertain->end())) : std::nullopt;
}

std::string joined(const std::vector<std::string_view> &words, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        text += i == 0 ? "" : i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
        text += words[i];
    }
    return text;
}

std::vector<Placement> placements_of_default(const Policy &policy, Enforcer by) {
    return policy.otherwise == ActionId::allow ? std::vector<Placement>{}
                                               : placements_of({Clause{}}, policy.otherwise, policy.mode, by);
}

}  // namespace sockwarden::policy
