// SPDX-License-Identifier: Apache-2.0
// What a verdict costs in the kernel: with 1 clause and with 1,024, and for each byte of a text.
//
//   bench-policy OBJECT [--check]
//
// OBJECT is the kernel side's matcher alone (tests/unit/policy/evaluate.bpf.c). It is told a message of a process and a
// socket that rule no clause out, and judges it over and over; the steps that tell it are part of what is measured.
// Exits 2 where it could not measure, and with --check 1 where 1,024 clauses cost more than 1.3 times one, or a byte
// more than 3 ns.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kernel_matcher.h"
#include "policy/compile/compile.h"

namespace sockwarden::policy {
namespace {

constexpr unsigned kRepeat = 20'000, kRounds = 15;
constexpr unsigned kWords = 500;
constexpr double kFlat = 1.3, kByte = 3;

// A policy of count * count clauses over five facts, see bench/instructions/measure. The message is not refused.
std::string policy_text(unsigned count) {
    std::string first, second;
    for (unsigned i = 0; i < count; ++i) {
        first += fmt::format("{}(payload.length > {} && process.comm != \"c{}\")", i == 0 ? "" : " || ", i, i);
        second += fmt::format("{}payload.startsWith(\"{:02}\")", i == 0 ? "" : " || ", i);
    }
    return fmt::format(
        "version: 1\nname: bench\nrules:\n  - name: rule\n    when: >-\n      process.uid < 4294967295 && "
        "socket.family == "
        "\"AF_UNIX\" && ({}) && ({})\n    action: deny\n",
        first, second);
}

std::string text_policy(std::string_view when) {
    return fmt::format("version: 1\nname: bench\nrules:\n  - name: rule\n    when: >-\n      {}\n    action: drop\n",
                       when);
}

// Words that no text here has, of letters that all texts have: as many as fit into the tables of automata (256 KiB),
// which then hold a state for nearly each letter of each.
std::string words_policy(unsigned count) {
    std::string words;
    std::uint32_t state = 1;
    for (unsigned i = 0; i < count; ++i) {
        std::string word;
        for (unsigned at = 0; at < 8; ++at) {
            state = state * 1664525 + 1013904223;
            word += static_cast<char>('a' + (state >> 24) % 26);
        }
        words += (i == 0 ? "" : "|") + word + "0";
    }
    return text_policy(fmt::format("payload.matches(\"{}\")", words));
}

Facts letters(std::size_t length) {
    std::string text;
    std::uint32_t state = 7;
    for (std::size_t i = 0; i < length; ++i) {
        state = state * 1664525 + 1013904223;
        text += static_cast<char>('a' + (state >> 24) % 26);
    }
    Facts facts;
    facts.values[FactId::payload] = Text{std::move(text), false};
    return facts;
}

Facts message(std::size_t length) {
    Facts facts;
    facts.values[FactId::process_uid] = std::int64_t{1000};
    facts.values[FactId::process_comm] = Text{"bench", false};
    facts.values[FactId::socket_family] = Text{"AF_UNIX", false};
    facts.values[FactId::payload_length] = static_cast<std::int64_t>(length);
    facts.values[FactId::payload] = Text{std::string(length, 'x'), false};
    return facts;
}

[[noreturn]] void give_up(const std::string &why) {
    std::fprintf(stderr, "bench-policy: %s\n", why.c_str());
    std::exit(2);
}

// One policy and message; the least time of all rounds is its figure, as what disturbs only adds.
class Subject {
public:
    Subject(KernelMatcher &kernel, const std::string &text, Facts facts) : kernel_(kernel), facts_(std::move(facts)) {
        auto read = read_policy(text);
        if (!read) {
            give_up(mistake_text("policy", read.error().front()));
        }
        policy_ = std::move(*read);
        const Policy *only = &policy_;
        auto image = compile_policies(std::span(&only, 1), [](std::string_view) { return std::optional<File>(); });
        if (!image) {
            give_up(image.error().mistake.message);
        }
        image_ = std::move(*image);
    }

    void measure() {
        kernel_.take(*image_);
        Status status = kernel_.tell(facts_, 0);
        if (status) {
            status = kernel_.run(kRepeat);
        }
        if (!status) {
            give_up(status.error().message);
        }
        const Policy *only = &policy_;
        if (kernel_.verdict(std::span(&only, 1)) != judge(*image_, std::span(&only, 1), facts_)) {
            give_up("the kernel side decides something else than the matcher");
        }
        best_ = std::min(best_, static_cast<double>(kernel_.nanoseconds()) / kRepeat);
    }
    double nanoseconds() const { return best_; }
    std::size_t bytes() const { return image_->bytes().size(); }
    std::uint32_t clauses() const { return image_->head().space[wire::SPACE_MESSAGE].clauses; }

private:
    KernelMatcher &kernel_;
    Facts facts_;
    Policy policy_;
    std::optional<Image> image_;
    double best_ = 1e18;
};

int run(const char *object, bool is_checked) {
    Result<KernelMatcher> kernel = KernelMatcher::load(object);
    if (!kernel) {
        give_up(kernel.error().message);
    }
    constexpr std::size_t kShort = 24, kLong = 1000;
    const std::string search = text_policy("payload.contains(\"secret\") || payload.matches(\"pass(word|phrase)=\")");
    const std::string begin = text_policy("payload.startsWith(\"secret\")");
    Subject one(*kernel, policy_text(1), message(64)), many(*kernel, policy_text(32), message(64)),
        short_text(*kernel, search, message(kShort)), long_text(*kernel, search, message(kLong)),
        short_begin(*kernel, begin, message(kShort)), long_begin(*kernel, begin, message(kLong)),
        short_words(*kernel, words_policy(kWords), letters(kShort)),
        long_words(*kernel, words_policy(kWords), letters(kLong));
    for (unsigned i = 0; i < kRounds; ++i) {
        for (Subject *subject :
             {&one, &many, &short_text, &long_text, &short_begin, &long_begin, &short_words, &long_words}) {
            subject->measure();
        }
    }
    const double ratio = many.nanoseconds() / one.nanoseconds();
    const double byte = (long_text.nanoseconds() - short_text.nanoseconds()) / (kLong - kShort);
    const double decided = (long_begin.nanoseconds() - short_begin.nanoseconds()) / (kLong - kShort);
    const double word = (long_words.nanoseconds() - short_words.nanoseconds()) / (kLong - kShort);
    fmt::print("{} clause: {:.0f} ns, {} clauses: {:.0f} ns, {:.2f} times as much\n", one.clauses(), one.nanoseconds(),
               many.clauses(), many.nanoseconds(), ratio);
    fmt::print("a byte of a text that is searched: {:.2f} ns; of one that is decided at its first byte: {:.2f} ns\n",
               byte, decided);
    fmt::print("a byte that is searched for {} words, in an image of {} KiB: {:.2f} ns\n", kWords,
               long_words.bytes() >> 10, word);
    return is_checked && (ratio > kFlat || byte > kByte || word > kByte) ? 1 : 0;
}

}  // namespace
}  // namespace sockwarden::policy

int main(int argc, char **argv) {
    const bool is_checked = argc == 3 && std::string_view(argv[2]) == "--check";
    if (argc < 2 || (argc > 2 && !is_checked)) {
        std::fprintf(stderr, "usage: bench-policy OBJECT [--check]\n");
        return 2;
    }
    return sockwarden::policy::run(argv[1], is_checked);
}
