// SPDX-License-Identifier: Apache-2.0
// The kernel side's matcher (src/bpf/match.h, verdict.h), loaded alone and told the facts of a message.
#pragma once

#include <memory>

#include "base/result.h"
#include "policy/compile/judge.h"

namespace sockwarden::wire {
#include "told.h"
}  // namespace sockwarden::wire

namespace sockwarden::policy {

class KernelMatcher {
public:
    // Of the object file that evaluate.bpf.c was compiled to. Needs CAP_BPF and CAP_PERFMON.
    static Result<KernelMatcher> load(const char *object);
    KernelMatcher(KernelMatcher &&) noexcept;
    ~KernelMatcher();

    // The image that is asked from now on.
    void take(const Image &image);
    // Tells it the facts; `cut_at` is where texts are fed in two pieces, modulo their length. What does not fit into a
    // place of the kernel side is an error of the test.
    Status tell(const Facts &facts, std::size_t cut_at);
    // Evaluates what was told: what belongs to the process, the socket and lists once, and the message `repeat` times
    // over.
    Status run(unsigned repeat = 1);

    // Answers of the last run.
    Truth truth() const;
    std::uint64_t nanoseconds() const;  // of the repeated part
    Verdict verdict(std::span<const Policy *const> policies) const;

private:
    struct State;
    explicit KernelMatcher(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace sockwarden::policy
