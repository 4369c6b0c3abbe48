// SPDX-License-Identifier: Apache-2.0
// Classes of bytes; see alphabet.h.
#include "policy/pattern/alphabet.h"

#include <algorithm>

namespace sockwarden::pattern {
namespace {

// Splits classes by whether a byte is in `set`. A class that is split keeps its number for the bytes outside.
void refine(std::array<std::uint16_t, 256> &class_of, std::uint16_t &classes, const ByteSet &set) {
    std::array<std::uint16_t, 256> inside{};  // the new number of a class; 0: none yet, as class 0 is never new
    std::array<bool, 256> has_outside{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        has_outside[class_of[byte]] |= !set.test(byte);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::uint16_t old = class_of[byte];
        if (!set.test(byte) || !has_outside[old]) {
            continue;
        }
        if (inside[old] == 0) {
            inside[old] = classes++;
        }
        class_of[byte] = inside[old];
    }
}

bool asks(const Nfa &nfa, Assertion one, Assertion other) {
    return std::ranges::any_of(nfa.steps, [&](const Nfa::Step &step) {
        return step.op == Nfa::Op::assertion && (step.assertion == one || step.assertion == other);
    });
}

}  // namespace

bool holds(Assertion assertion, Neighbour before, Neighbour after) {
    switch (assertion) {
        case Assertion::begin_text:
            return before == Neighbour::edge;
        case Assertion::end_text:
            return after == Neighbour::edge;
        case Assertion::begin_line:
            return before == Neighbour::edge || before == Neighbour::newline;
        case Assertion::end_line:
            return after == Neighbour::edge || after == Neighbour::newline;
        case Assertion::word_boundary:
            return (before == Neighbour::word) != (after == Neighbour::word);
        case Assertion::not_word_boundary:
            return (before == Neighbour::word) == (after == Neighbour::word);
    }
    return false;
}

Alphabet alphabet_of(const Nfa &nfa) {
    ByteSet newline, word;
    if (asks(nfa, Assertion::begin_line, Assertion::end_line)) {
        newline = bytes_in("\n");
    }
    if (asks(nfa, Assertion::word_boundary, Assertion::not_word_boundary)) {
        word = *perl_class('w');
    }
    std::array<std::uint16_t, 256> class_of{};
    std::uint16_t classes = 1;
    refine(class_of, classes, newline);
    refine(class_of, classes, word);
    for (const ByteSet &set : nfa.sets) {
        refine(class_of, classes, set);
    }
    Alphabet alphabet;
    alphabet.kinds.resize(classes);
    for (unsigned byte = 0; byte < 256; ++byte) {
        alphabet.class_of[byte] = static_cast<std::uint8_t>(class_of[byte]);
        alphabet.kinds[class_of[byte]] = newline.test(byte) ? Neighbour::newline
                                         : word.test(byte)  ? Neighbour::word
                                                            : Neighbour::other;
    }
    for (const ByteSet &set : nfa.sets) {
        std::vector<bool> inside(classes);
        for (unsigned byte = 0; byte < 256; ++byte) {
            inside[class_of[byte]] = inside[class_of[byte]] || set.test(byte);
        }
        std::vector<std::uint8_t> &of_set = alphabet.set_classes.emplace_back();
        for (unsigned number = 0; number < classes; ++number) {
            if (inside[number]) {
                of_set.push_back(static_cast<std::uint8_t>(number));
            }
        }
    }
    return alphabet;
}

}  // namespace sockwarden::pattern
