// SPDX-License-Identifier: Apache-2.0
// Reads policies; see policy.h.
#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "policy/given.h"
#include "policy/yaml_map.h"

namespace sockwarden::policy {
namespace {

constexpr std::size_t kLongestName = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Names of policies and rules stand in records and in messages.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; });
}
// Names of lists stand in expressions.
bool is_identifier(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && is_letter(text[0]) &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

int errno_of(std::string_view name) {
    constexpr int kLastErrno = 133;  // EHWPOISON, include/uapi/asm-generic/errno.h
    for (int code = 1; code <= kLastErrno; ++code) {
        const char *known = ::strerrorname_np(code);
        if (known != nullptr && known == name) {
            return code;
        }
    }
    return 0;
}

// A scalar of a list: a number where it looks like one and is not quoted.
std::optional<Literal> item_of(const Yaml &yaml) {
    if (yaml.kind != Yaml::Kind::scalar) {
        return std::nullopt;
    }
    std::int64_t number = 0;
    const char *end = yaml.text.data() + yaml.text.size();
    const auto [rest, error] = std::from_chars(yaml.text.data(), end, number);
    const bool is_number = !yaml.quoted && error == std::errc{} && rest == end && !yaml.text.empty();
    return is_number ? Literal{{}, number} : Literal{{}, yaml.text};
}

class PolicyReader {
public:
    explicit PolicyReader(const YamlDocument &document) : document_(document) {}

    Result<Policy, Mistakes> run() {
        const Yaml *lists = nullptr, *rules = nullptr, *tests = nullptr;  // read in this order, wherever they stand
        const auto keep = [](const Yaml *&place) { return [&place](const Yaml &yaml) { place = &yaml; }; };
        read_map(document_.root(), "a policy",
                 {{"version", true, [this](const Yaml &yaml) { read_version(yaml); }},
                  {"name", true, [this](const Yaml &yaml) { read_name(yaml, "a policy", policy_.name); }},
                  {"mode", false, [this](const Yaml &yaml) { read_mode(yaml); }},
                  {"default", false, [this](const Yaml &yaml) { read_default(yaml); }},
                  {"lists", false, keep(lists)},
                  {"rules", true, keep(rules)},
                  {"tests", false, keep(tests)}},
                 mistakes_);
        if (lists != nullptr) {
            read_lists(*lists);
        }
        if (rules != nullptr) {
            read_rules(*rules);
        }
        if (tests != nullptr) {
            read_tests(*tests);
        }
        if (mistakes_.empty()) {
            return std::move(policy_);
        }
        sort_by_place(mistakes_);
        return std::move(mistakes_);
    }

private:
    void complain(Place place, std::string message, std::string hint = "") {
        mistakes_.push_back({place, std::move(message), std::move(hint)});
    }

    void read_version(const Yaml &yaml) {
        const std::string *text = read_text(yaml, "the version 1", mistakes_);
        if (text != nullptr && *text != "1") {
            complain(yaml.place, fmt::format("expected version 1, and this is {}", *text),
                     "this sockwarden reads policies of version 1");
        }
    }

    void read_name(const Yaml &yaml, std::string_view of, std::string &to) {
        const std::string *text = read_text(yaml, fmt::format("the name of {}", of), mistakes_);
        if (text != nullptr && !is_name(*text)) {
            complain(yaml.place, fmt::format("\"{}\" is not a name", *text),
                     fmt::format("names are of letters, digits, _ - and ., at most {}", kLongestName));
        } else if (text != nullptr) {
            to = *text;
        }
    }

    void read_mode(const Yaml &yaml) {
        const auto mode = read_word(yaml, "a mode", {"enforce", "audit"}, mistakes_);
        policy_.mode = mode == 1U ? Mode::audit : Mode::enforce;
    }

    void read_default(const Yaml &yaml) {
        const auto word = read_word(yaml, "a default", {"allow", "deny"}, mistakes_);
        policy_.otherwise = word == 1U ? ActionId::deny : ActionId::allow;
    }

    void read_lists(const Yaml &yaml) {
        if (yaml.kind != Yaml::Kind::map) {
            complain(yaml.place, "expected lists as a map of names");
            return;
        }
        for (const YamlMember &member : yaml.members) {
            const std::string &name = member.key.text;
            if (!is_identifier(name)) {
                complain(member.key.place, fmt::format("\"{}\" is not the name of a list", name),
                         "names of lists are of letters, digits and _");
            }
            if (const std::vector<Yaml> *items = read_items(member.value, "the items of a list", mistakes_)) {
                policy_.lists[name] = read_list(member, *items);
            }
        }
    }

    std::vector<Literal> read_list(const YamlMember &member, const std::vector<Yaml> &items) {
        if (items.empty()) {
            complain(member.value.place, fmt::format("the list {} is empty", member.key.text));
        }
        if (items.size() > kMostListItems) {
            complain(member.value.place,
                     fmt::format("a list has at most {} items, and this has {}", kMostListItems, items.size()));
            return {};
        }
        std::vector<Literal> list;
        for (const Yaml &item : items) {
            if (std::optional<Literal> literal = item_of(item)) {
                list.push_back(*std::move(literal));
            } else {
                complain(item.place, "expected a number or a string in a list");
            }
        }
        return list;
    }

    void read_rules(const Yaml &yaml) {
        const std::vector<Yaml> *items = read_items(yaml, "rules as a list", mistakes_);
        if (items == nullptr) {
            return;
        }
        if (items->size() > kMostRules) {
            complain(yaml.place,
                     fmt::format("a policy has at most {} rules, and this has {}", kMostRules, items->size()));
            return;
        }
        for (const Yaml &item : *items) {
            read_rule(item);
        }
    }

    void read_rule(const Yaml &yaml) {
        Rule rule;
        rule.place = yaml.place;
        const Yaml *error = nullptr, *when = nullptr;
        read_map(yaml, "a rule",
                 {{"name", true, [&](const Yaml &value) { read_name(value, "a rule", rule.name); }},
                  {"when", false, [&](const Yaml &value) { when = &value; }},
                  {"action", true, [&](const Yaml &value) { read_action(value, "an action", rule.action); }},
                  {"errno", false, [&](const Yaml &value) { error = &value; }},
                  {"message", false, [&](const Yaml &value) { read_message(value, rule); }}},
                 mistakes_);
        if (error != nullptr) {
            read_errno(*error, rule);
        }
        if (when != nullptr) {
            read_when(*when, rule);
        }
        check_order(rule);
        if (when == nullptr && rule.action != ActionId::alert && !last_) {
            last_ = rule.name;
        }
        policy_.rules.push_back(std::move(rule));
    }

    void check_order(const Rule &rule) {
        for (const Rule &before : policy_.rules) {
            if (!rule.name.empty() && before.name == rule.name) {
                complain(rule.place, fmt::format("there are two rules {}", rule.name), "rename one of them");
            }
        }
        if (last_) {
            complain(rule.place, fmt::format("the rule {} is never reached", rule.name),
                     fmt::format("the rule {} before it always matches", *last_));
        }
    }

    void read_when(const Yaml &yaml, Rule &rule) {
        if (read_text(yaml, "an expression", mistakes_) == nullptr) {
            return;
        }
        Result<Node, Mistakes> node = read_expression(document_.source_of(yaml), policy_.lists);
        if (node) {
            rule.when = *std::move(node);
        } else {
            mistakes_.insert(mistakes_.end(), node.error().begin(), node.error().end());
        }
    }

    void read_action(const Yaml &yaml, std::string_view what, ActionId &to) {
        const std::string *word = read_text(yaml, what, mistakes_);
        const ActionRow *row = word == nullptr ? nullptr : find_action(*word);
        if (row != nullptr) {
            to = row->id;
        } else if (word != nullptr) {
            const std::vector<std::string_view> names = action_names();
            std::string hint = nearest_hint(*word, names);
            complain(yaml.place, fmt::format("there is no action {}", *word),
                     hint.empty() ? fmt::format("it is one of {}", fmt::join(names, ", ")) : std::move(hint));
        }
    }

    void read_errno(const Yaml &yaml, Rule &rule) {
        const std::string *name = read_text(yaml, "the name of an error", mistakes_);
        if (name == nullptr) {
            return;
        }
        rule.error = errno_of(*name);
        if (rule.error == 0) {
            complain(yaml.place, fmt::format("there is no error {}", *name),
                     "errors are called as in errno(3): EACCES");
        } else if (rule.action != ActionId::deny) {
            complain(yaml.place, fmt::format("an errno makes no sense with the action {}", action(rule.action).name),
                     "only a call that is denied has one");
        }
    }

    void read_message(const Yaml &yaml, Rule &rule) {
        if (const std::string *text = read_text(yaml, "a message", mistakes_)) {
            rule.message = *text;
        }
    }

    void read_tests(const Yaml &yaml) {
        const std::vector<Yaml> *items = read_items(yaml, "tests as a list", mistakes_);
        for (const Yaml &item : items == nullptr ? std::vector<Yaml>{} : *items) {
            read_test(item);
        }
    }

    void read_test(const Yaml &yaml) {
        PolicyTest test;
        test.place = yaml.place;
        const Yaml *given = nullptr, *unknown = nullptr;
        read_map(yaml, "a test",
                 {{"name", false, [&](const Yaml &value) { read_test_name(value, test); }},
                  {"given", true, [&](const Yaml &value) { given = &value; }},
                  {"unknown", false, [&](const Yaml &value) { unknown = &value; }},
                  {"expect", true, [&](const Yaml &value) { read_action(value, "an action", test.expect); }},
                  {"rule", false, [&](const Yaml &value) { read_test_rule(value, test); }},
                  {"certain", false, [&](const Yaml &value) { read_certain(value, test); }}},
                 mistakes_);
        if (given != nullptr) {
            test.given = read_given(*given, policy_.test_files, mistakes_);
        }
        if (unknown != nullptr) {
            read_unknown(*unknown, test.given, mistakes_);
        }
        policy_.tests.push_back(std::move(test));
    }

    void read_test_name(const Yaml &yaml, PolicyTest &test) {
        if (const std::string *text = read_text(yaml, "what the test is about", mistakes_)) {
            test.name = *text;
        }
    }

    void read_test_rule(const Yaml &yaml, PolicyTest &test) {
        const std::string *name = read_text(yaml, "the name of a rule", mistakes_);
        if (name == nullptr) {
            return;
        }
        test.rule = *name;
        std::vector<std::string_view> names;
        std::ranges::transform(policy_.rules, std::back_inserter(names), &Rule::name);
        if (std::ranges::find(names, *name) == names.end()) {
            complain(yaml.place, fmt::format("there is no rule {}", *name), nearest_hint(*name, names));
        }
    }

    void read_certain(const Yaml &yaml, PolicyTest &test) {
        if (const auto word = read_word(yaml, "true or false", {"false", "true"}, mistakes_)) {
            test.certain = *word == 1;
        }
    }

    const YamlDocument &document_;
    Policy policy_;
    std::optional<std::string> last_;  // the first rule that ends every search
    Mistakes mistakes_;
};

}  // namespace

Result<Policy, Mistakes> read_policy(std::string text) {
    const Parsed<YamlDocument> document = YamlDocument::parse(std::move(text));
    if (!document) {
        return Mistakes{document.error()};
    }
    return PolicyReader(*document).run();
}

}  // namespace sockwarden::policy
