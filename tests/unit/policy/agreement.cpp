// SPDX-License-Identifier: Apache-2.0
// Random expressions, policies and messages: the matcher, over the compiled image, must say what the plain evaluator
// says.
//
//   agreement COUNT [SEED [OBJECT]]
//
// With the object file of evaluate.bpf.c the kernel side must say the same of each. That needs privilege.
//
// Every fact and operator must come out as a match, as no match and as unknown. Of a text that is cut the plain
// evaluator may say unknown where the automaton knows better; then what the automaton says must hold for every way the
// text may go on that is tried.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "catalog/catalog.h"
#include "kernel_matcher.h"
#include "policy/check.h"
#include "policy/compile/compile.h"
#include "policy/compile/judge.h"
#include "policy/network.h"
#include "policy/walk.h"

namespace sockwarden::policy {
namespace {

using Words = std::vector<std::string>;

class Grower {
public:
    explicit Grower(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <typename Items>
    auto one_of(const Items &items) {
        return items[below(items.size())];
    }

    // A condition on the facts of `list`'s elements, called `x`, and on those of the message.
    std::string expression(unsigned depth, const FactRow *list = nullptr) {
        if (depth == 0 || chance(30)) {
            return leaf(list);
        }
        switch (below(list == nullptr ? 5 : 4)) {
            case 0:
                return "!(" + expression(depth - 1, list) + ")";
            case 1:
            case 2:
                return fmt::format("({} && {})", expression(depth - 1, list), expression(depth - 1, list));
            case 3:
                return fmt::format("({} || {})", expression(depth - 1, list), expression(depth - 1, list));
            default: {
                const FactRow &row = fact(chance(50) ? FactId::fds : FactId::senders);
                return fmt::format("{}.{}(x, {})", row.path, chance(50) ? "exists" : "all",
                                   expression(depth - 1, &row));
            }
        }
    }

    std::string leaf(const FactRow *list) {
        std::vector<const FactRow *> rows;
        for (const FactRow &row : facts()) {
            const bool is_seen = list_of(row) == nullptr || list_of(row) == list;
            if (row.type != FactType::list && is_seen) {
                rows.push_back(&row);
            }
        }
        return test(*one_of(rows), list);
    }

    std::string test(const FactRow &row, const FactRow *list) {
        const std::string name = name_of(row, list);
        if (chance(10)) {
            return fmt::format("has({})", name);
        }
        std::vector<const OperatorRow *> ops;
        for (const OperatorRow &op : operators()) {
            if (has_operator(row, op.id)) {
                ops.push_back(&op);
            }
        }
        const OperatorRow &op = *one_of(ops);
        if (chance(15) && op.set == operator_sets::EQ && op.id != OperatorId::in) {
            if (const FactRow *other = same_type(row, list)) {
                return fmt::format("{} {} {}", name, op.spelling, name_of(*other, list));
            }
        }
        return test(row, name, op);
    }

    std::string test(const FactRow &row, const std::string &name, const OperatorRow &op) {
        if (op.id == OperatorId::holds) {
            return fmt::format("{} in {}", quoted(one_of(values_of(row))), name);
        }
        if (op.id == OperatorId::in) {
            std::string items = literal(row, op.id);
            for (std::size_t more = below(3); more > 0; --more) {
                items += ", " + literal(row, op.id);
            }
            return fmt::format("{} in [{}]", name, items);
        }
        if (op.spelling.starts_with('.')) {
            return fmt::format("{}{}({})", name, op.spelling.substr(0, op.spelling.size() - 2), literal(row, op.id));
        }
        return fmt::format("{} {} {}", name, op.spelling, literal(row, op.id));
    }

    Facts message(const FileLookup &files) {
        Facts facts;
        fill(nullptr, facts.values, files);
        for (const FactId list : {FactId::fds, FactId::senders}) {
            if (chance(15)) {
                continue;
            }
            Elements &elements = facts.lists[list];
            elements.complete = !chance(25);
            for (std::size_t count = below(4); count > 0; --count) {
                fill(&fact(list), elements.items.emplace_back(), files);
            }
        }
        return facts;
    }

    // The same message, where each text that was cut goes on at random.
    Facts completed(Facts facts) {
        complete(facts.values);
        for (auto &[id, elements] : facts.lists) {
            std::ranges::for_each(elements.items, [this](FactMap &item) { complete(item); });
        }
        return facts;
    }

private:
    static std::string quoted(std::string_view text) { return fmt::format("'{}'", text); }
    static std::string name_of(const FactRow &row, const FactRow *list) {
        return list != nullptr && list_of(row) == list ? "x" + std::string(row.path.substr(list->path.size()))
                                                       : std::string(row.path);
    }

    const FactRow *same_type(const FactRow &row, const FactRow *list) {
        std::vector<const FactRow *> rows;
        for (const FactRow &other : facts()) {
            const bool is_seen = list_of(other) == nullptr || list_of(other) == list;
            if (other.type == row.type && other.id != row.id && is_seen) {
                rows.push_back(&other);
            }
        }
        return rows.empty() ? nullptr : one_of(rows);
    }

    std::string literal(const FactRow &row, OperatorId op) {
        static const Words kTexts{"", "a", "b", "ab", "a/b", "/a", "aab", "ba"},
            kRegexes{"a", "^a", "b$", "a.b", "(a|b)+$", "^$", "[^a]b", "^(ab)*$", "\\\\bab\\\\b", "a{2}"},
            kGlobs{"a*", "**", "?b", "[ab]*", "*/b", "a", "**b"},
            kAddresses{"10.0.0.1", "::1", "10.0.0.2", "fe80::1", "::ffff:10.0.0.3", "255.255.255.255"},
            kNetworks{"10.0.0.0/8", "fe80::/10", "0.0.0.0/0", "::/0", "10.0.0.1/32", "::1/128", "10.0.0.2/31"},
            kFiles{"/bin/a", "/bin/b", "/none"};
        if (is_number(row.type)) {
            return std::to_string(below(4) == 0 ? below(60000) : below(6));
        }
        switch (row.type) {
            case FactType::boolean:
                return chance(50) ? "true" : "false";
            case FactType::name:
                return quoted(one_of(values_of(row)));
            case FactType::address:
                return quoted(one_of(op == OperatorId::in_cidr ? kNetworks : kAddresses));
            case FactType::file:
                return quoted(one_of(kFiles));
            default:
                return quoted(one_of(op == OperatorId::matches ? kRegexes : op == OperatorId::glob ? kGlobs : kTexts));
        }
    }

    std::string random_text() {
        std::string text;
        for (std::size_t length = below(chance(3) ? 300 : 5); length > 0; --length) {
            text += one_of(std::string_view("aab/ \n"));
        }
        return text;
    }

    Value value(const FactRow &row, const FileLookup &files) {
        if (is_number(row.type)) {
            return static_cast<std::int64_t>(below(4) == 0 ? below(60000) : below(7));
        }
        switch (row.type) {
            case FactType::boolean:
                return chance(50);
            case FactType::name:
                return Text{std::string(chance(5) ? "77" : one_of(values_of(row)))};
            case FactType::flags: {
                const std::string_view sets = row.values;
                const std::string_view set =
                    chance(60) ? sets.substr(0, sets.find(' ')) : sets.substr(sets.rfind(' ') + 1);
                Flags flags;
                for (const ConstantRow &constant : constants()) {
                    if (constant.set == set && chance(50)) {
                        flags.names.emplace_back(constant.name);
                    }
                }
                return flags;
            }
            case FactType::address: {
                static const Words kAddresses{"10.0.0.1",        "::1",        "10.0.0.3",  "11.0.0.0",
                                              "9.255.255.255",   "fe80::1",    "::",        "10.0.0.0",
                                              "255.255.255.255", "::ffff:0:0", "febf::ffff"};
                return *parse_address(one_of(kAddresses));
            }
            case FactType::file:
                return *files(one_of(Words{"/bin/a", "/bin/b", "/bin/c"}));
            default:
                return Text{random_text(), chance(25)};
        }
    }

    void fill(const FactRow *list, FactMap &to, const FileLookup &files) {
        for (const FactRow &row : facts()) {
            if (row.type == FactType::list || list_of(row) != list || chance(15)) {
                continue;
            }
            to[row.id] = chance(15) ? Value(Unknown{}) : value(row, files);
        }
    }

    void complete(FactMap &facts) {
        for (auto &[id, value] : facts) {
            if (auto *text = std::get_if<Text>(&value); text != nullptr && text->cut) {
                text->bytes += one_of(std::string_view("ab/ \n")) + random_text();
                text->cut = false;
            }
        }
    }

    std::mt19937_64 random_;
};

struct Cell {
    const FactRow *fact;
    const OperatorRow *op;
};

// How often each fact and operator came out in each way.
class Cells {
public:
    Cells() {
        for (const FactRow &row : facts()) {
            for (const OperatorRow &op : operators()) {
                if (has_operator(row, op.id)) {
                    all_.push_back({&row, &op});
                }
            }
        }
    }
    const std::vector<Cell> &all() const { return all_; }
    void add(FactId id, OperatorId op, Truth truth) { ++counts_[{id, op}][static_cast<std::size_t>(truth)]; }

    // Prints the table; the number of empty cells.
    std::size_t print() const {
        std::size_t empty = 0;
        std::printf("%-34s %-14s %9s %9s %9s\n", "fact", "operator", "match", "no match", "unknown");
        for (const auto &[row, op] : all_) {
            const auto found = counts_.find({row->id, op->id});
            const Counts counts = found == counts_.end() ? Counts{} : found->second;
            empty += static_cast<std::size_t>(std::ranges::count(counts, 0U));
            std::printf("%-34s %-14s %9zu %9zu %9zu\n", std::string(row->path).c_str(),
                        std::string(op->spelling).c_str(), counts[2], counts[0], counts[1]);
        }
        return empty;
    }

private:
    using Counts = std::array<std::size_t, 3>;
    std::vector<Cell> all_;
    std::map<std::pair<FactId, OperatorId>, Counts> counts_;
};

class Agreement {
public:
    Agreement(std::uint64_t seed, std::optional<KernelMatcher> kernel) : grow_(seed), kernel_(std::move(kernel)) {}

    bool run(std::size_t count) {
        std::size_t pairs = 0, expressions = 0;
        while (pairs < count) {
            const Cell &next = cells_.all()[expressions / 2 % cells_.all().size()];
            const FactRow &row = *next.fact;
            const OperatorRow &op = *next.op;
            const bool is_cell = ++expressions % 2 == 0;
            const std::string text = is_cell ? cell(row, op) : grow_.expression(4);
            const Result<Node, Mistakes> node = read_expression(plain_source(text), {});
            if (!node) {
                continue;  // it can never hold
            }
            const Result<Image, Mistakes> image = compile_expression(*node, lookup());
            if (!image) {
                if (image.error().front().message.find("clauses") == std::string::npos) {
                    std::printf("%s\n  cannot be compiled: %s\n", text.c_str(), image.error().front().message.c_str());
                    return false;
                }
                continue;
            }
            if (kernel_) {
                kernel_->take(*image);
            }
            for (unsigned i = 0; i < kMessages; ++i, ++pairs) {
                const Truth truth = compare(text, *node, *image);
                if (failed_) {
                    return false;
                }
                if (is_cell) {
                    cells_.add(row.id, op.id, truth);
                }
            }
        }
        const std::size_t empty = cells_.print();
        std::printf("%zu pairs, %zu expressions, %zu finer than the plain evaluator, %zu empty cells\n", pairs,
                    expressions, finer_, empty);
        return judge_policies(count / 4) && empty == 0;
    }

private:
    static constexpr unsigned kMessages = 20, kContinuations = 20;

    // Whether the kernel side has an answer.
    bool ask_kernel(const Facts &facts) {
        if (!kernel_) {
            return false;
        }
        Status status = kernel_->tell(facts, grow_.below(100));
        if (status) {
            status = kernel_->run();
        }
        if (!status) {
            std::printf("%s\n", status.error().message.c_str());
            failed_ = true;
        }
        return !failed_;
    }

    // A rule of a policy, and its expression as an image of its own.
    struct GrownRule {
        std::string text;
        Result<Image, Mistakes> image;
    };
    struct Grown {
        std::vector<Policy> policies;
        std::vector<GrownRule> rules;  // those that have a `when`, of all policies
    };

    Grown grow_policies() {
        Grown grown;
        for (std::size_t p = 0, count = 1 + grow_.below(3); p < count; ++p) {
            Policy &policy = grown.policies.emplace_back();
            policy.name = fmt::format("policy-{}", p);
            policy.mode = grow_.chance(70) ? Mode::enforce : Mode::audit;
            policy.otherwise = grow_.chance(70) ? ActionId::allow : ActionId::deny;
            for (std::size_t wanted = grow_.below(7); policy.rules.size() < wanted;) {
                Rule rule;
                rule.name = fmt::format("rule-{}", policy.rules.size());
                rule.action = grow_.one_of(actions()).id;
                rule.error = rule.action == ActionId::deny ? static_cast<int>(grow_.below(100)) : 0;
                if (!grow_.chance(5)) {
                    const std::string text = grow_.expression(2);
                    Result<Node, Mistakes> node = read_expression(plain_source(text), {});
                    if (!node) {
                        continue;  // it can never hold
                    }
                    Result<Image, Mistakes> image = compile_expression(*node, lookup());
                    if (!image) {
                        continue;
                    }
                    rule.when = std::move(*node);
                    grown.rules.push_back({text, std::move(image)});
                }
                policy.rules.push_back(std::move(rule));
            }
        }
        return grown;
    }

    // Whether the matcher knows no more of a rule than the plain evaluator.
    bool is_as_fine(const Grown &grown, const Facts &facts) {
        std::size_t next = 0;
        for (const Policy &policy : grown.policies) {
            for (const Rule &rule : policy.rules) {
                if (rule.when && walk(*rule.when, facts, lookup()) != match(*grown.rules[next++].image, facts)) {
                    return false;
                }
            }
        }
        return true;
    }

    bool judge_policies(std::size_t count) {
        std::size_t pairs = 0, sets = 0, finer = 0;
        std::map<std::pair<ActionId, bool>, std::size_t> verdicts;
        while (pairs < count) {
            const Grown grown = grow_policies();
            std::vector<const Policy *> all;
            std::ranges::transform(grown.policies, std::back_inserter(all), [](const Policy &one) { return &one; });
            const Result<Image, PolicyMistake> image = compile_policies(all, lookup());
            if (!image) {
                std::printf("policies cannot be compiled: %s\n", image.error().mistake.message.c_str());
                return false;
            }
            ++sets;
            if (kernel_) {
                kernel_->take(*image);
            }
            for (unsigned i = 0; i < kMessages; ++i, ++pairs) {
                const Facts facts = grow_.message(lookup());
                const Verdict expected = judge(all, facts, lookup()), got = judge(*image, all, facts);
                ++verdicts[{expected.action, expected.certain}];
                if (ask_kernel(facts) && kernel_->verdict(all) != got) {
                    std::printf("the kernel side, and not the matcher:\n");
                    print_policies(grown, got, kernel_->verdict(all));
                    return false;
                }
                if (failed_) {
                    return false;
                }
                if (expected == got) {
                    continue;
                }
                ++finer;
                if (is_as_fine(grown, facts)) {
                    print_policies(grown, expected, got);
                    return false;
                }
            }
        }
        std::printf("%zu verdicts of %zu sets of policies, %zu finer than the plain evaluator:", pairs, sets, finer);
        std::size_t empty = 0;
        for (const ActionRow &row : actions()) {
            for (const bool certain : {true, false}) {
                // Alerts decide nothing, and a doubt allows nobody.
                const bool is_possible = row.id != ActionId::alert && (certain || row.id != ActionId::allow);
                const std::size_t seen = verdicts[{row.id, certain}];
                std::printf(" %s%s %zu", std::string(row.name).c_str(), certain ? "" : " uncertain", seen);
                empty += is_possible == (seen == 0) ? 1 : 0;
            }
        }
        std::printf("\n");
        return empty == 0;
    }

    static void print_policies(const Grown &grown, const Verdict &expected, const Verdict &got) {
        std::size_t next = 0;
        for (const Policy &policy : grown.policies) {
            std::printf("%s, default %s\n", policy.name.c_str(), std::string(action(policy.otherwise).name).c_str());
            for (const Rule &rule : policy.rules) {
                std::printf("  %s: %s: %s\n", rule.name.c_str(), std::string(action(rule.action).name).c_str(),
                            rule.when ? grown.rules[next++].text.c_str() : "always");
            }
        }
        const auto text = [](const Verdict &verdict) {
            return fmt::format("{} by {}/{}, certain {}, enforced {}, {} alerts", action(verdict.action).name,
                               verdict.policy, verdict.rule, verdict.certain, verdict.enforced, verdict.alerts.size());
        };
        std::printf("the plain evaluator: %s\nthe matcher: %s\n", text(expected).c_str(), text(got).c_str());
    }

    FileLookup lookup() {
        return [this](std::string_view path) {
            return path == "/none" ? std::nullopt : std::optional<File>(files_(path));
        };
    }

    std::string cell(const FactRow &row, const OperatorRow &op) {
        if (op.set == operator_sets::EACH) {
            return fmt::format("{}{}(x, {})", row.path, op.spelling.substr(0, op.spelling.size() - 2),
                               grow_.leaf(&row));
        }
        const FactRow *list = list_of(row);
        if (list != nullptr) {
            return fmt::format("{}.exists(x, {})", list->path,
                               grow_.test(row, "x" + std::string(row.path.substr(list->path.size())), op));
        }
        return grow_.test(row, std::string(row.path), op);
    }

    Truth compare(const std::string &text, const Node &node, const Image &image) {
        const Facts facts = grow_.message(lookup());
        const Truth expected = walk(node, facts, lookup()), got = match(image, facts);
        if (ask_kernel(facts) && kernel_->truth() != got) {
            std::printf("%s\n  the matcher says %d, the kernel side %d\n", text.c_str(), static_cast<int>(got),
                        static_cast<int>(kernel_->truth()));
            failed_ = true;
        }
        if (failed_ || expected == got) {
            return got;
        }
        bool holds = expected == Truth::unknown;
        for (unsigned i = 0; holds && i < kContinuations; ++i) {
            holds = walk(node, grow_.completed(facts), lookup()) == got;
        }
        ++finer_;
        if (!holds) {
            failed_ = true;
            std::printf("%s\n  the plain evaluator says %d, the matcher %d\n", text.c_str(), static_cast<int>(expected),
                        static_cast<int>(got));
        }
        return got;
    }

    Grower grow_;
    std::optional<KernelMatcher> kernel_;
    NamedFiles files_;
    Cells cells_;
    std::size_t finer_ = 0;
    bool failed_ = false;
};

}  // namespace
}  // namespace sockwarden::policy

int main(int argc, char **argv) {
    using namespace sockwarden::policy;
    const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
    const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    std::optional<KernelMatcher> kernel;
    if (argc > 3) {
        sockwarden::Result<KernelMatcher> loaded = KernelMatcher::load(argv[3]);
        if (!loaded) {
            std::printf("%s\n", loaded.error().message.c_str());
            return 1;
        }
        kernel.emplace(std::move(*loaded));
    }
    return Agreement(seed, std::move(kernel)).run(count) ? 0 : 1;
}
