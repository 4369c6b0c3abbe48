// SPDX-License-Identifier: Apache-2.0
// The compiler; see compile.h.
#include "policy/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "policy/compile/columns.h"

namespace sockwarden::policy {
namespace {

// A number of a vector fits 16 bits, as an image with more of them is too large.
static_assert(0x10000 * 2 * sizeof(std::uint64_t) >= wire::IMAGE_BYTES);

TooMuch too_much(const LoweringError &error) {
    if (const auto *many = std::get_if<TooManyClauses>(&error)) {
        return {0, fmt::format("it comes to {} clauses, of at most {}", many->count, int{wire::IMAGE_CLAUSES}),
                "|| inside && multiplies; ask with `in` where you can"};
    }
    return {0, "exists() or all() inside another cannot be compiled", "write two conditions"};
}

Mistake mistake_at(Place place, TooMuch error) { return {place, std::move(error.message), std::move(error.hint)}; }

wire::image_space_id space_of(FactId list) { return list == FactId::senders ? wire::SPACE_SENDERS : wire::SPACE_FDS; }

bool asks_for(const Clause &clause, FactId list, const Clause &element) {
    return std::ranges::any_of(clause, [&](const Atom &atom) {
        return atom.kind == Atom::Kind::exists && atom.fact == list && is_same(atom.element, element);
    });
}

// The element clauses that the clauses of a message ask for in a list, each once.
std::vector<Clause> elements_of(const std::vector<Clause> &clauses, FactId list) {
    std::vector<Clause> elements;
    for (const Clause &clause : clauses) {
        for (const Atom &atom : clause) {
            const auto same = [&](const Clause &one) { return is_same(one, atom.element); };
            if (atom.kind == Atom::Kind::exists && atom.fact == list && std::ranges::none_of(elements, same)) {
                elements.push_back(atom.element);
            }
        }
    }
    return elements;
}

class Compiler {
public:
    Compiler(const std::vector<Clause> &clauses, const FileLookup &files)
        : files_(files),
          spaces_{Space(wire::SPACE_MESSAGE, clauses),
                  Space(wire::SPACE_SENDERS, elements_of(clauses, FactId::senders)),
                  Space(wire::SPACE_FDS, elements_of(clauses, FactId::fds))} {}

    ImageWriter &writer() { return writer_; }

    // Everything but rules and policies.
    Result<Image, TooMuch> run() {
        for (Space &space : spaces_) {
            if (space.clauses().size() > wire::IMAGE_CLAUSES) {
                return TooMuch{message_clause(space, wire::IMAGE_CLAUSES),
                               fmt::format("{} things are asked of the elements of {}, of at most {}",
                                           space.clauses().size(), fact(list_of(space)).path, int{wire::IMAGE_CLAUSES}),
                               ""};
            }
            for (const FactRow &row : facts()) {
                const auto elements =
                    std::span(spaces_[row.type == FactType::list ? space_of(row.id) : wire::SPACE_MESSAGE].clauses());
                if (const auto added = add_column(space, row, files_, elements, writer_); !added) {
                    return blamed(space, added.error());
                }
            }
            if (const auto added = add_pairs(space, writer_); !added) {
                return blamed(space, added.error());
            }
        }
        for (const Space &space : spaces_) {
            put_vectors(space);
        }
        if (writer_.size() > wire::IMAGE_BYTES) {
            return TooMuch{
                0, fmt::format("the tables need {} bytes, of at most {}", writer_.size(), int{wire::IMAGE_BYTES}), ""};
        }
        return Image(writer_.take());
    }

private:
    static FactId list_of(const Space &space) {
        return space.id() == wire::SPACE_SENDERS ? FactId::senders : FactId::fds;
    }

    // The first clause of the message that asks for a clause of a space.
    std::size_t message_clause(const Space &space, std::size_t clause) const {
        const std::vector<Clause> &clauses = spaces_[wire::SPACE_MESSAGE].clauses();
        if (space.id() == wire::SPACE_MESSAGE) {
            return clause;
        }
        const auto found = std::ranges::find_if(
            clauses, [&](const Clause &one) { return asks_for(one, list_of(space), space.clauses()[clause]); });
        return static_cast<std::size_t>(found - clauses.begin());
    }

    TooMuch blamed(const Space &space, TooMuch error) const {
        error.clause = message_clause(space, error.clause);
        return error;
    }

    void put_vectors(const Space &space) {
        const std::uint32_t vectors = writer_.put(space.pool().words());
        wire::image_space &to = writer_.head().space[space.id()];
        to.clauses = static_cast<std::uint32_t>(space.clauses().size());
        to.words = (to.clauses + 63) / 64;
        to.vectors = vectors;
        for (std::size_t i = 0; i < wire::FACT_COUNT; ++i) {
            const wire::image_column &column = writer_.head().column[i];
            to.facts |= std::uint64_t{column.kind != wire::COLUMN_NONE && column.space == space.id()} << i;
        }
        const Bits all(space.clauses().size(), true);
        std::ranges::copy(all.words(), to.all);
        to.vector_count = static_cast<std::uint32_t>(space.pool().size());
    }

    const FileLookup &files_;
    std::array<Space, wire::SPACE_COUNT> spaces_;
    ImageWriter writer_;
};

// The clauses of policies, and which rule and policy each belongs to.
class RuleTable {
public:
    Result<Done, Mistake> add(const Excerpt &policy) {
        wire::image_policy to{};
        to.first_clause = static_cast<std::uint16_t>(clauses_.size());
        to.first_rule = static_cast<std::uint16_t>(rules_.size());
        to.otherwise = static_cast<std::uint8_t>(policy.otherwise);
        to.enforced = policy.policy->mode == Mode::enforce ? 1 : 0;
        for (const Rule *rule : policy.rules) {
            if (const Result<Done, Mistake> added = add(*rule, policy.after); !added) {
                return added.error();
            }
        }
        to.end_clause = static_cast<std::uint16_t>(clauses_.size());
        policies_.push_back(to);
        return Done{};
    }

    const std::vector<Clause> &clauses() const { return clauses_; }
    std::size_t rule_of(std::size_t clause) const { return clause < rule_of_.size() ? rule_of_[clause] : 0; }

    void put(ImageWriter &writer) const {
        const std::uint32_t rules = writer.put(rules_), rule_of = writer.put(rule_of_),
                            policies = writer.put(policies_);
        wire::image_head &head = writer.head();
        head.rules = rules;
        head.rule_count = static_cast<std::uint32_t>(rules_.size());
        head.rule_of = rule_of;
        head.policies = policies;
        head.policy_count = static_cast<std::uint32_t>(policies_.size());
    }

private:
    Result<Done, Mistake> add(const Rule &rule, bool after) {
        std::vector<Clause> clauses(1);  // an empty one always holds
        if (rule.when) {
            Result<std::vector<Clause>, LoweringError> lowered = clauses_of(*rule.when, wire::IMAGE_CLAUSES);
            if (!lowered) {
                TooMuch error = too_much(lowered.error());
                error.message = fmt::format("the rule {}: {}", rule.name, error.message);
                return mistake_at(rule.place, std::move(error));
            }
            clauses = std::move(*lowered);
        }
        if (clauses_.size() + clauses.size() > wire::IMAGE_CLAUSES) {
            return Mistake{rule.place,
                           fmt::format("the rule {} comes to {} clauses, which makes {} of at most {}", rule.name,
                                       clauses.size(), clauses_.size() + clauses.size(), int{wire::IMAGE_CLAUSES}),
                           "all policies share them; || inside && multiplies; ask with `in` where you can"};
        }
        wire::image_rule to{};
        to.first_clause = static_cast<std::uint16_t>(clauses_.size());
        std::ranges::move(clauses, std::back_inserter(clauses_));
        to.end_clause = static_cast<std::uint16_t>(clauses_.size());
        to.action = static_cast<std::uint8_t>(rule.action);
        const bool is_told = after && rule.action != ActionId::allow;
        const std::optional<ActionId> when_unknown =
            is_told ? std::optional(ActionId::alert) : action(rule.action).when_unknown;
        to.when_unknown = when_unknown ? static_cast<std::uint8_t>(*when_unknown) : IMAGE_NOTHING;
        to.error = static_cast<std::uint32_t>(rule.error);
        rule_of_.resize(clauses_.size(), static_cast<std::uint16_t>(rules_.size()));
        rules_.push_back(to);
        return Done{};
    }

    std::vector<Clause> clauses_;
    std::vector<wire::image_rule> rules_;
    std::vector<std::uint16_t> rule_of_;
    std::vector<wire::image_policy> policies_;
};

}  // namespace

bool is_same(const Clause &a, const Clause &b) {
    return std::ranges::equal(a, b, [](const Atom &x, const Atom &y) {
        return x.kind == y.kind && x.fact == y.fact && x.negated == y.negated && x.test == y.test;
    });
}

std::uint64_t Image::facts() const {
    std::uint64_t asked = 0;
    for (std::size_t i = 0; i < wire::FACT_COUNT; ++i) {
        asked |= std::uint64_t{head().column[i].kind != wire::COLUMN_NONE} << i;
    }
    return asked != 0 ? asked : fact_bit(FactId::event);
}

Result<Image, Mistakes> compile_expression(const Node &wanted, const FileLookup &files) {
    const Result<std::vector<Clause>, LoweringError> clauses = clauses_of(wanted, wire::IMAGE_CLAUSES);
    if (!clauses) {
        return Mistakes{mistake_at({}, too_much(clauses.error()))};
    }
    Result<Image, TooMuch> image = Compiler(*clauses, files).run();
    if (!image) {
        return Mistakes{mistake_at({}, image.error())};
    }
    return std::move(*image);
}

Excerpt whole(const Policy &policy) {
    Excerpt excerpt{&policy, {}, policy.otherwise};
    for (const Rule &rule : policy.rules) {
        excerpt.rules.push_back(&rule);
    }
    return excerpt;
}

Result<Image, PolicyMistake> compile_policies(std::span<const Policy *const> policies, const FileLookup &files) {
    std::vector<Excerpt> excerpts;
    for (const Policy *policy : policies) {
        excerpts.push_back(whole(*policy));
    }
    return compile_policies(excerpts, files);
}

Result<Image, PolicyMistake> compile_policies(std::span<const Excerpt> policies, const FileLookup &files) {
    if (policies.size() > wire::IMAGE_POLICIES) {
        const std::string message =
            fmt::format("{} policies at a time, of at most {}", policies.size(), int{wire::IMAGE_POLICIES});
        return PolicyMistake{wire::IMAGE_POLICIES, {{}, message, ""}};
    }
    RuleTable table;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        if (const Result<Done, Mistake> added = table.add(policies[i]); !added) {
            return PolicyMistake{i, added.error()};
        }
    }
    Compiler compiler(table.clauses(), files);
    table.put(compiler.writer());
    Result<Image, TooMuch> image = compiler.run();
    if (image) {
        return std::move(*image);
    }
    const std::size_t rule = table.rule_of(image.error().clause);
    std::size_t policy = 0, first = 0;
    while (rule >= first + policies[policy].rules.size()) {
        first += policies[policy++].rules.size();
    }
    const Rule &blamed = *policies[policy].rules[rule - first];
    TooMuch error = image.error();
    error.message = fmt::format("the rule {}: {}", blamed.name, error.message);
    return PolicyMistake{policy, mistake_at(blamed.place, std::move(error))};
}

}  // namespace sockwarden::policy
