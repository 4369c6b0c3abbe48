// SPDX-License-Identifier: Apache-2.0
// Fuzzes the parsers of patterns and the making of automata from them: lines of regular expressions, or of globs.
#include <cstdlib>

#include "policy/pattern/glob.h"
#include "policy/pattern/matcher.h"
#include "policy/pattern/regex.h"

namespace {

using namespace sockwarden::pattern;

constexpr std::size_t kMostInput = 512;
constexpr Limits kLimits{.states = 64, .table_bytes = 8 << 10, .nfa_steps = 2000, .work = 1 << 18};

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::vector<Node> parse_lines(std::string_view text, bool globs) {
    std::vector<Node> nodes;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        auto node = globs ? parse_glob(line) : parse_regex(line);
        if (node) {
            nodes.push_back(std::move(*node));
        } else {
            require(node.error().offset <= line.size() && !node.error().message.empty());
        }
    }
    return nodes;
}

void check_arrays(const Dfa &dfa) {
    require(dfa.states() <= kLimits.states && dfa.table_bytes() <= kLimits.table_bytes);
    require(dfa.next.size() == dfa.states() * dfa.classes && dfa.start < dfa.states() && dfa.plain <= dfa.states());
    for (const std::uint8_t byte_class : dfa.class_of) {
        require(byte_class < dfa.classes);
    }
    for (const std::uint16_t state : dfa.next) {
        require(state < dfa.states());
    }
    for (std::size_t state = 0; state < dfa.states(); ++state) {
        require((dfa.visit[state] + 1U) * dfa.set_words <= dfa.sets.size());
        require((dfa.end[state] + 1U) * dfa.set_words <= dfa.sets.size());
    }
}

// Whether each pattern matches must not depend on how the text is cut, nor on the patterns beside it.
void check_matches(const Dfa &dfa, std::span<const Node> nodes, std::string_view text) {
    Matcher whole(dfa), bytewise(dfa);
    whole.feed(text);
    whole.finish();
    for (const char &c : text) {
        bytewise.feed({&c, 1});
    }
    bytewise.finish();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        require(whole.has_matched(i) == bytewise.has_matched(i));
        const auto alone = compile(nodes.subspan(i, 1), kLimits);
        if (!alone) {
            continue;
        }
        Matcher matcher(*alone);
        matcher.feed(text);
        matcher.finish();
        require(matcher.has_matched(0) == whole.has_matched(i));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0 || size > kMostInput) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    const std::vector<Node> nodes = parse_lines(text, (data[0] & 1) != 0);
    if (const auto dfa = compile(nodes, kLimits)) {
        check_arrays(*dfa);
        check_matches(*dfa, nodes, text);
    } else {
        require(dfa.error().pattern < nodes.size() && dfa.error().count > dfa.error().limit);
    }
    return 0;
}
