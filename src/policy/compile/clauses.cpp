// SPDX-License-Identifier: Apache-2.0
// Clauses; see clauses.h.
#include "policy/compile/clauses.h"

#include <algorithm>

namespace sockwarden::policy {
namespace {

using Clauses = std::vector<Clause>;
using Lowered = Result<Clauses, LoweringError>;

Clauses constant(bool value) { return value ? Clauses{{}} : Clauses{}; }
Clauses alone(Atom atom) { return Clauses{Clause{std::move(atom)}}; }

Atom has(FactId fact, bool negated) { return {Atom::Kind::has, fact, negated, nullptr, {}}; }
Atom exists(FactId list, bool negated, Clause element) {
    return {Atom::Kind::exists, list, negated, nullptr, std::move(element)};
}

bool is_of_element(const Name &name) { return name.variable.has_value(); }
bool is_of_element(const Test &test) {
    const auto *other = std::get_if<Name>(&test.against);
    return is_of_element(test.fact) || (other != nullptr && is_of_element(*other));
}

class Lowering {
public:
    explicit Lowering(std::size_t most) : most_(most) {}

    Lowered of(const Node &node, bool negated) {
        return std::visit([&](const auto &what) { return of(what, node.span, negated); }, node.what);
    }

private:
    static Lowered of(const Constant &constant_, Span, bool negated) { return constant(constant_.value != negated); }
    static Lowered of(const Bare &, Span, bool) { return constant(false); }  // the checker leaves none
    static Lowered of(const Test &test, Span, bool negated) {
        return alone({Atom::Kind::test, test.fact.fact, negated, &test, {}});
    }
    static Lowered of(const Has &node, Span, bool negated) { return alone(has(node.fact.fact, negated)); }
    Lowered of(const Not &node, Span, bool negated) { return of(*node.part, !negated); }
    Lowered of(const AllOf &node, Span, bool negated) { return negated ? any(node, true) : all(node, false); }
    Lowered of(const AnyOf &node, Span, bool negated) { return negated ? all(node, true) : any(node, false); }

    Lowered of(const Each &node, Span span, bool negated) {
        if (inside_) {
            return LoweringError(NestedLists{span});
        }
        inside_ = true;
        const bool is_exists = node.op == OperatorId::exists;
        Lowered body = of(*node.body, !is_exists);  // all(x, b) has no element for which !b holds
        inside_ = false;
        if (!body) {
            return body;
        }
        const FactId list = node.list.fact;
        if (is_exists) {
            return negated ? none_exists(list, *body) : Lowered(some_exists(list, *body));
        }
        if (negated) {
            Clauses clauses = some_exists(list, *body);
            clauses.push_back({has(list, true)});
            return clauses;
        }
        Lowered none = none_exists(list, *body);
        return none ? both(alone(has(list, false)), *none) : none;
    }

    // A clause of a body: what asks about the element, and what does not.
    struct Parts {
        Clause element, message;
    };
    static Parts parts_of(const Clause &clause) {
        Parts parts;
        for (const Atom &atom : clause) {
            const bool element = atom.kind == Atom::Kind::test ? is_of_element(*atom.test)
                                                               : list_of(sockwarden::fact(atom.fact)) != nullptr;
            (element ? parts.element : parts.message).push_back(atom);
        }
        return parts;
    }

    static Clauses some_exists(FactId list, const Clauses &body) {
        Clauses clauses;
        for (const Clause &clause : body) {
            Parts parts = parts_of(clause);
            parts.message.push_back(exists(list, false, std::move(parts.element)));
            clauses.push_back(std::move(parts.message));
        }
        return clauses;
    }

    Lowered none_exists(FactId list, const Clauses &body) {
        Clauses clauses = constant(true);
        for (const Clause &clause : body) {
            Parts parts = parts_of(clause);
            Clauses one = alone(exists(list, true, std::move(parts.element)));
            for (Atom &atom : parts.message) {
                atom.negated = !atom.negated;
                one.push_back({std::move(atom)});
            }
            Lowered joined = both(clauses, one);
            if (!joined) {
                return joined;
            }
            clauses = *std::move(joined);
        }
        return clauses;
    }

    Lowered both(const Clauses &a, const Clauses &b) const {
        if (a.size() * b.size() > most_) {
            return LoweringError(TooManyClauses{a.size() * b.size()});
        }
        Clauses product;
        for (const Clause &left : a) {
            for (const Clause &right : b) {
                Clause &joined = product.emplace_back(left);
                joined.insert(joined.end(), right.begin(), right.end());
            }
        }
        return product;
    }

    template <typename Nary>
    Lowered all(const Nary &node, bool negated) {
        Clauses clauses = constant(true);
        for (const Node &part : node.parts) {
            const Lowered one = of(part, negated);
            Lowered joined = one ? both(clauses, *one) : one;
            if (!joined) {
                return joined;
            }
            clauses = *std::move(joined);
        }
        return clauses;
    }

    template <typename Nary>
    Lowered any(const Nary &node, bool negated) {
        Clauses clauses;
        for (const Node &part : node.parts) {
            Lowered one = of(part, negated);
            if (!one) {
                return one;
            }
            std::ranges::move(*one, std::back_inserter(clauses));
            if (clauses.size() > most_) {
                return LoweringError(TooManyClauses{clauses.size()});
            }
        }
        return clauses;
    }

    std::size_t most_;
    bool inside_ = false;
};

}  // namespace

Result<std::vector<Clause>, LoweringError> clauses_of(const Node &node, std::size_t most) {
    return Lowering(most).of(node, false);
}

}  // namespace sockwarden::policy
