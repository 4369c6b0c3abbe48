// SPDX-License-Identifier: Apache-2.0
// The plain evaluator; see walk.h.
#include "policy/walk.h"

#include "policy/network.h"
#include "policy/text_pattern.h"

namespace sockwarden::policy {
namespace {

bool is_absent(const Value &value) { return std::holds_alternative<Absent>(value); }
bool is_unknown(const Value &value) { return std::holds_alternative<Unknown>(value); }

bool compare(OperatorId op, std::int64_t a, std::int64_t b) {
    switch (op) {
        case OperatorId::equal:
            return a == b;
        case OperatorId::not_equal:
            return a != b;
        case OperatorId::less:
            return a < b;
        case OperatorId::less_equal:
            return a <= b;
        case OperatorId::greater:
            return a > b;
        case OperatorId::greater_equal:
            return a >= b;
        default:
            return false;
    }
}

// Whether two texts are the same. Where one is cut, only what is there can tell them apart.
Truth same(const Text &a, const Text &b) {
    if (!a.cut && !b.cut) {
        return truth_of(a.bytes == b.bytes);
    }
    const std::size_t common = std::min(a.bytes.size(), b.bytes.size());
    const bool longer =
        (a.cut && !b.cut && a.bytes.size() >= b.bytes.size()) || (b.cut && !a.cut && b.bytes.size() >= a.bytes.size());
    const bool differ = a.bytes.compare(0, common, b.bytes, 0, common) != 0;
    return differ || longer ? Truth::no : Truth::unknown;
}

Truth starts_with(const Text &text, const std::string &prefix) {
    if (text.bytes.size() >= prefix.size() || !text.cut) {
        return truth_of(text.bytes.starts_with(prefix));
    }
    return prefix.starts_with(text.bytes) ? Truth::unknown : Truth::no;
}

Truth test_text(OperatorId op, const Text &text, const std::string &value) {
    switch (op) {
        case OperatorId::equal:
            return same(text, {value});
        case OperatorId::not_equal:
            return negated(same(text, {value}));
        case OperatorId::starts_with:
            return starts_with(text, value);
        case OperatorId::ends_with:
            return text.cut ? Truth::unknown : truth_of(text.bytes.ends_with(value));
        case OperatorId::contains:
            return text.bytes.find(value) != std::string::npos ? Truth::yes : text.cut ? Truth::unknown : Truth::no;
        default:
            return match_pattern(op, value, text);
    }
}

class Walk {
public:
    Walk(const Facts &facts, const FileLookup &files) : facts_(facts), files_(files) {}

    Truth of(const Node &node) {
        return std::visit([this](const auto &what) { return of(what); }, node.what);
    }

private:
    Truth of(const Constant &constant) const { return truth_of(constant.value); }
    Truth of(const Bare &) const { return Truth::unknown; }  // the checker leaves none
    Truth of(const Not &node) { return negated(of(*node.part)); }

    Truth of(const AllOf &node) {
        Truth truth = Truth::yes;
        for (const Node &part : node.parts) {
            truth = both(truth, of(part));
        }
        return truth;
    }

    Truth of(const AnyOf &node) {
        Truth truth = Truth::no;
        for (const Node &part : node.parts) {
            truth = either(truth, of(part));
        }
        return truth;
    }

    Truth of(const Has &node) {
        if (fact(node.fact.fact).type == FactType::list) {
            const auto list = facts_.lists.find(node.fact.fact);
            return list == facts_.lists.end() ? Truth::no : is_there(list->second);
        }
        const Value &value = value_of(node.fact);
        return is_unknown(value) ? Truth::unknown : truth_of(!is_absent(value));
    }

    Truth of(const Each &node) {
        const auto list = facts_.lists.find(node.list.fact);
        if (list == facts_.lists.end()) {
            return Truth::no;
        }
        const bool exists = node.op == OperatorId::exists;
        const Elements &elements = list->second;
        Truth truth = exists ? Truth::no : is_there(elements);
        for (const FactMap &element : elements.items) {
            truth = add(exists, truth, of_element(node, element));
        }
        if (!elements.complete) {
            const FactMap nothing_known = unknown_facts(node.list.fact);
            const Truth may_be = of_element(node, nothing_known);
            truth = add(exists, truth, exists ? both(may_be, Truth::unknown) : either(may_be, Truth::unknown));
        }
        return truth;
    }

    static Truth add(bool exists, Truth truth, Truth one) { return exists ? either(truth, one) : both(truth, one); }
    static Truth is_there(const Elements &elements) {
        return elements.items.empty() && !elements.complete ? Truth::unknown : Truth::yes;
    }
    Truth of_element(const Each &node, const FactMap &element) {
        elements_.push_back(&element);
        const Truth truth = of(*node.body);
        elements_.pop_back();
        return truth;
    }
    static FactMap unknown_facts(FactId list) {
        FactMap facts;
        for (const FactRow &row : sockwarden::facts()) {
            if (list_of(row) == &fact(list)) {
                facts[row.id] = Unknown{};
            }
        }
        return facts;
    }

    Truth of(const Test &test) {
        const Value &value = value_of(test.fact);
        if (is_absent(value)) {
            return Truth::no;
        }
        if (const auto *other = std::get_if<Name>(&test.against)) {
            return against_fact(test.op, value, value_of(*other));
        }
        if (is_unknown(value)) {
            return Truth::unknown;
        }
        if (const auto *list = std::get_if<List>(&test.against)) {
            Truth truth = Truth::no;
            for (const Literal &item : list->items) {
                truth = either(truth, against(OperatorId::equal, value, item));
            }
            return truth;
        }
        return against(test.op, value, std::get<Literal>(test.against));
    }

    static Truth against_fact(OperatorId op, const Value &a, const Value &b) {
        if (is_absent(b)) {
            return Truth::no;
        }
        if (is_unknown(a) || is_unknown(b)) {
            return Truth::unknown;
        }
        const bool texts = std::holds_alternative<Text>(a) && std::holds_alternative<Text>(b);
        const Truth equal = texts ? same(std::get<Text>(a), std::get<Text>(b)) : truth_of(a == b);
        return op == OperatorId::equal ? equal : negated(equal);
    }

    // `value` is known, and the checker has seen to it that the literal is one of its type.
    Truth against(OperatorId op, const Value &value, const Literal &literal) const {
        if (const auto *number = std::get_if<std::int64_t>(&value)) {
            return truth_of(compare(op, *number, std::get<std::int64_t>(literal.value)));
        }
        if (const auto *boolean = std::get_if<bool>(&value)) {
            return truth_of((*boolean == std::get<bool>(literal.value)) == (op == OperatorId::equal));
        }
        const std::string &word = std::get<std::string>(literal.value);
        if (const auto *text = std::get_if<Text>(&value)) {
            return test_text(op, *text, word);
        }
        if (const auto *file = std::get_if<File>(&value)) {
            return truth_of((files_(word) == *file) == (op == OperatorId::equal));
        }
        if (const auto *address = std::get_if<IpAddress>(&value)) {
            return test_address(op, *address, word);
        }
        const std::vector<std::string> &names = std::get<Flags>(value).names;
        return truth_of(std::ranges::find(names, word) != names.end());
    }

    static Truth test_address(OperatorId op, const IpAddress &address, const std::string &word) {
        if (op == OperatorId::in_cidr) {
            const std::optional<Network> network = parse_network(word);
            return truth_of(network && contains(*network, address));
        }
        return truth_of((parse_address(word) == address) == (op == OperatorId::equal));
    }

    const Value &value_of(const Name &name) const {
        return policy::value_of(name.variable ? *elements_[*name.variable] : facts_.values, name.fact);
    }

    const Facts &facts_;
    const FileLookup &files_;
    std::vector<const FactMap *> elements_;  // of the `Each` around, outermost first
};

}  // namespace

Truth walk(const Node &node, const Facts &facts, const FileLookup &files) { return Walk(facts, files).of(node); }

}  // namespace sockwarden::policy
