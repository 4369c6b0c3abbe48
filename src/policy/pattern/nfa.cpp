// SPDX-License-Identifier: Apache-2.0
// Building nondeterministic automata; see nfa.h.
#include "policy/pattern/nfa.h"

#include <algorithm>
#include <unordered_map>

namespace sockwarden::pattern {
namespace {

// Builds from the end to the beginning: each node is told where to go on, and says where it begins.
class Builder {
public:
    explicit Builder(std::size_t limit) : limit_(limit) {}

    bool add(const Node &root) {
        const std::uint32_t match = step({.op = Nfa::Op::match});
        nfa_.starts.push_back(build(root, match));
        ++pattern_;
        return !full();
    }
    std::size_t count() const { return std::max(visits_, nfa_.steps.size()); }
    Nfa take() { return std::move(nfa_); }

private:
    bool full() const { return count() > limit_; }

    std::uint32_t step(Nfa::Step step) {
        step.pattern = pattern_;
        nfa_.steps.push_back(step);
        return static_cast<std::uint32_t>(nfa_.steps.size() - 1);
    }
    std::uint32_t split(std::uint32_t out, std::uint32_t other) {
        return step({.op = Nfa::Op::split, .out = out, .other = other});
    }

    std::uint32_t set_index(const ByteSet &set) {
        const auto [place, is_new] = set_indices_.try_emplace(set, static_cast<std::uint32_t>(nfa_.sets.size()));
        if (is_new) {
            nfa_.sets.push_back(set);
        }
        return place->second;
    }

    // Once full, nothing is built any more, and what is returned means nothing.
    std::uint32_t build(const Node &node, std::uint32_t next) {
        ++visits_;
        if (full()) {
            return next;
        }
        switch (node.kind) {
            case Node::Kind::bytes:
                return step({.op = Nfa::Op::bytes, .set = set_index(node.bytes), .out = next});
            case Node::Kind::assertion:
                return step({.op = Nfa::Op::assertion, .assertion = node.assertion, .out = next});
            case Node::Kind::sequence:
                for (std::size_t i = node.children.size(); i-- > 0 && !full();) {
                    next = build(node.children[i], next);
                }
                return next;
            case Node::Kind::choice:
                return build_choice(node, next);
            case Node::Kind::repeat:
                return build_repeat(node, next);
        }
        return next;
    }

    std::uint32_t build_choice(const Node &node, std::uint32_t next) {
        std::uint32_t begin = build(node.children.back(), next);
        for (std::size_t i = node.children.size() - 1; i-- > 0 && !full();) {
            begin = split(build(node.children[i], next), begin);
        }
        return begin;
    }

    // x{2,4} is xx(x(x)?)?, x{2,} is xxx*.
    std::uint32_t build_repeat(const Node &node, std::uint32_t next) {
        const Node &child = node.children.front();
        std::uint32_t begin = next;
        if (node.most == Node::kUnlimited) {
            begin = split(0, next);
            const std::uint32_t body = build(child, begin);
            nfa_.steps[begin].out = body;
        }
        for (unsigned i = node.least; node.most != Node::kUnlimited && i < node.most && !full(); ++i) {
            begin = split(build(child, begin), next);
        }
        for (unsigned i = 0; i < node.least && !full(); ++i) {
            begin = build(child, begin);
        }
        return begin;
    }

    std::size_t limit_;
    std::size_t visits_ = 0;
    std::uint32_t pattern_ = 0;
    Nfa nfa_;
    std::unordered_map<ByteSet, std::uint32_t> set_indices_;
};

}  // namespace

Result<Nfa, NfaOverflow> build_nfa(std::span<const Node> patterns, std::size_t limit) {
    Builder builder(limit);
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (!builder.add(patterns[i])) {
            return NfaOverflow{i, builder.count(), limit};
        }
    }
    return builder.take();
}

}  // namespace sockwarden::pattern
