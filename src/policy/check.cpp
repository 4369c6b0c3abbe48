// SPDX-License-Identifier: Apache-2.0
// The checker of expressions; see check.h.
#include "policy/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/check_value.h"
#include "policy/contradiction.h"
#include "policy/parser.h"

namespace sockwarden::policy {
namespace {

// A variable of exists() or all() and the list that it runs over; null where that is none.
struct Scope {
    std::string_view variable;
    const FactRow *list;
};

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('.')); }

class Checker {
public:
    Checker(const SourceText &source, const Lists &lists) : source_(source), lists_(lists) {}

    Mistakes run(Node &node) {
        check(node);
        sort_by_place(mistakes_);
        return std::move(mistakes_);
    }

private:
    void complain(Span span, std::string message, std::string hint = "") {
        mistakes_.push_back({source_.places[span.begin], std::move(message), std::move(hint)});
    }
    void complain(Span span, Complaint complaint) {
        complain(span, std::move(complaint.message), std::move(complaint.hint));
    }

    void check(Node &node) {
        if (auto *bare = std::get_if<Bare>(&node.what)) {
            node.what = Test{OperatorId::equal, std::move(bare->fact), Literal{node.span, true}};
            check_bare(std::get<Test>(node.what));
            return;
        }
        std::visit([this](auto &what) { check(what); }, node.what);
    }

    void check(Constant &) {}
    void check(Bare &) {}
    void check(Not &node) { check(*node.part); }
    void check(AnyOf &node) { check_parts(node.parts); }
    void check(Has &node) { resolve(node.fact, true); }
    void check(AllOf &node) {
        const std::size_t before = mistakes_.size();
        check_parts(node.parts);
        if (mistakes_.size() == before) {  // values of a wrong type would contradict anything
            std::vector<Tested> tested;
            check_together(node, tested);
        }
    }
    void check_parts(std::vector<Node> &parts) {
        for (Node &part : parts) {
            check(part);
        }
    }

    void check_bare(Test &test) {
        const FactRow *row = resolve(test.fact, false);
        if (row != nullptr && row->type != FactType::boolean) {
            complain(test.fact.span, fmt::format("expected a condition, and {} is not true or false", test.fact.path),
                     row->operators == operator_sets::FLAGS
                         ? fmt::format("write \"NAME\" in {}", test.fact.path)
                         : fmt::format("compare it, or write has({})", test.fact.path));
        }
    }

    void check(Test &test) {
        const FactRow *row = resolve(test.fact, false);
        if (row == nullptr || !check_operator(test, *row)) {
            return;
        }
        if (auto *other = std::get_if<Name>(&test.against)) {
            check_pair(test, *row, *other);
        } else if (auto *list = std::get_if<List>(&test.against)) {
            check_list(test, *row, *list);
        } else {
            const Literal &value = std::get<Literal>(test.against);
            if (std::optional<Complaint> complaint = check_value(*row, test.op, value)) {
                complain(value.span, *std::move(complaint));
            }
        }
    }

    bool check_operator(const Test &test, const FactRow &row) {
        if (has_operator(row, test.op)) {
            return true;
        }
        const std::string_view spelling = operator_row(test.op).spelling;
        std::string hint = fmt::format("it has {}", operators_text(row));
        if (const FactRow *text = text_of(row)) {
            const std::string below(text->path.substr(row.path.size()));
            hint = fmt::format("it is a file; its path as a string is {}{}", test.fact.path, below);
        } else if (row.type == FactType::flags) {
            hint = fmt::format("write \"NAME\" in {}", test.fact.path);
        }
        complain(test.fact.span, fmt::format("{} has no {}", test.fact.path, spelling), std::move(hint));
        return false;
    }

    // fact == fact
    void check_pair(const Test &test, const FactRow &row, Name &other) {
        const FactRow *with = resolve(other, false);
        if (with == nullptr) {
            return;
        }
        if (test.op != OperatorId::equal && test.op != OperatorId::not_equal) {
            complain(other.span, "two facts can only be compared by == and !=");
        } else if (row.type != with->type && !(is_number(row.type) && is_number(with->type))) {
            complain(other.span, fmt::format("{} is of type {}, and {} of type {}", test.fact.path,
                                             fact_type(row.type).name, other.path, fact_type(with->type).name));
        } else if (row.id == with->id && test.fact.variable == other.variable) {
            complain(other.span, fmt::format("{} is compared with itself", other.path));
        }
    }

    void check_list(const Test &test, const FactRow &row, List &list) {
        if (!list.name.empty()) {
            const auto named = lists_.find(list.name);
            if (named == lists_.end()) {
                std::vector<std::string_view> names;
                for (const auto &[name, items] : lists_) {
                    names.push_back(name);
                }
                complain(list.span, fmt::format("there is no list \"{}\"", list.name), nearest_hint(list.name, names));
                return;
            }
            list.items = named->second;
        }
        if (list.items.empty()) {
            complain(list.span, "nothing is in an empty list");
        }
        for (const Literal &item : list.items) {
            std::optional<Complaint> complaint = check_value(row, test.op, item);
            if (complaint && !list.name.empty()) {
                complaint->message = fmt::format("list {}: {}", list.name, complaint->message);
            }
            if (complaint) {
                complain(list.name.empty() ? item.span : list.span, *std::move(complaint));
            }
        }
    }

    void check(Each &node) {
        const FactRow *row = resolve(node.list, true);
        if (row != nullptr && row->type != FactType::list) {
            complain(node.list.span, fmt::format("{} has no {}", node.list.path, operator_row(node.op).spelling),
                     "only lists have: fds and senders");
            row = nullptr;
        }
        check_variable(node);
        scopes_.push_back({node.variable, row});
        check(*node.body);
        scopes_.pop_back();
    }

    void check_variable(const Each &node) {
        const bool hides =
            node.variable == "lists" ||
            std::ranges::any_of(facts(), [&](const FactRow &row) { return first_part(row.path) == node.variable; }) ||
            std::ranges::any_of(scopes_, [&](const Scope &scope) { return scope.variable == node.variable; });
        if (hides) {
            complain(node.list.span, fmt::format("the element's name {} hides another", node.variable),
                     "choose another name");
        }
    }

    // The fact that a name means, or null after a complaint. Only where `lists_too` may it be a list.
    const FactRow *resolve(Name &name, bool lists_too) {
        const std::string_view first = first_part(name.path);
        for (std::size_t i = scopes_.size(); i-- > 0;) {
            if (scopes_[i].variable == first) {
                name.variable = i;
                return scopes_[i].list == nullptr ? nullptr : resolve_element(name, *scopes_[i].list);
            }
        }
        const FactRow *row = find_fact(name.path);
        if (row == nullptr) {
            complain_unknown(name);
            return nullptr;
        }
        name.fact = row->id;
        if (const FactRow *list = list_of(*row)) {
            complain(name.span, fmt::format("{} is a fact of each element of {}", name.path, list->path),
                     fmt::format("write {0}.exists(x, x{1} …)", list->path, name.path.substr(list->path.size())));
            return nullptr;
        }
        if (row->type == FactType::list && !lists_too) {
            complain(name.span, fmt::format("{} is a list", name.path),
                     fmt::format("write {0}.exists(x, …) or {0}.all(x, …)", name.path));
            return nullptr;
        }
        return row;
    }

    const FactRow *resolve_element(Name &name, const FactRow &list) {
        const std::string_view below = std::string_view(name.path).substr(first_part(name.path).size());
        const FactRow *row = find_fact(std::string(list.path) + std::string(below));
        if (row != nullptr && !below.empty()) {
            name.fact = row->id;
            return row;
        }
        const std::string variable(first_part(name.path));
        std::vector<std::string> known;
        for (const FactRow &one : facts()) {
            if (list_of(one) == &list) {
                known.push_back(variable + std::string(one.path.substr(list.path.size())));
            }
        }
        if (below.empty()) {
            complain(name.span, fmt::format("{} is an element of {}, and not a value", name.path, list.path),
                     fmt::format("ask one of its facts, such as {}", known.front()));
        } else {
            complain(name.span, fmt::format("there is no fact {}", name.path),
                     nearest_hint(name.path, {known.begin(), known.end()}));
        }
        return nullptr;
    }

    void complain_unknown(const Name &name) {
        std::vector<std::string_view> known;
        std::string_view below;
        for (const FactRow &row : facts()) {
            if (row.path.starts_with(name.path + ".") && below.empty()) {
                below = row.path;
            }
            if (list_of(row) == nullptr) {
                known.push_back(row.path);
            }
        }
        complain(name.span, fmt::format("there is no fact {}", name.path),
                 below.empty() ? nearest_hint(name.path, known) : fmt::format("there is {}", below));
    }

    // ---- Tests that cannot hold together.

    // The tests of one fact that were met in a conjunction, and what they leave.
    struct Tested {
        const Test *first;
        Remainder remainder;
    };

    void check_together(const AllOf &all, std::vector<Tested> &tested) {
        for (const Node &part : all.parts) {
            if (const auto *inner = std::get_if<AllOf>(&part.what)) {
                check_together(*inner, tested);
            } else if (const auto *test = std::get_if<Test>(&part.what)) {
                check_against_others(*test, part.span, tested);
            }
        }
    }

    void check_against_others(const Test &test, Span span, std::vector<Tested> &tested) {
        auto same = std::ranges::find_if(tested, [&](const Tested &one) {
            return one.first->fact.fact == test.fact.fact && one.first->fact.variable == test.fact.variable;
        });
        if (same == tested.end()) {
            same = tested.insert(tested.end(), {&test, {}});
        }
        if (!same->remainder.add(test)) {
            complain(span,
                     fmt::format("this can never hold together with what is asked of {} before it", test.fact.path),
                     "did you mean ||?");
        }
    }

    const SourceText &source_;
    const Lists &lists_;
    std::vector<Scope> scopes_;
    Mistakes mistakes_;
};

}  // namespace

Mistakes check_expression(Node &node, const SourceText &source, const Lists &lists) {
    return Checker(source, lists).run(node);
}

Result<Node, Mistakes> read_expression(const SourceText &source, const Lists &lists) {
    Parsed<Node> node = parse_expression(source);
    if (!node) {
        return Mistakes{node.error()};
    }
    Mistakes mistakes = check_expression(*node, source, lists);
    if (!mistakes.empty()) {
        return mistakes;
    }
    return *std::move(node);
}

}  // namespace sockwarden::policy
