// SPDX-License-Identifier: Apache-2.0
// The log of what truly happened, in shared memory and one append-only file.
#include "truth.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "scenario.h"

namespace traffic {
namespace {

constexpr const char *kScenario = "SOCKWARDEN_SCENARIO";

}  // namespace

Truth::Truth(int file, int counter) : file_(file), counter_(counter) {
    using Counter = std::atomic<unsigned long>;
    if (counter_ < 0) {
        counter_ = memfd_create("operations", 0);
        Check(counter_ >= 0 && ftruncate(counter_, sizeof(Counter)) == 0, "memfd_create");
    }
    void *shared = mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, counter_, 0);
    Check(shared != MAP_FAILED, "mmap");
    operations_ = static_cast<Counter *>(shared);  // a new memfd is all zeros: a counter at 0
}

Truth::~Truth() {
    munmap(operations_, sizeof(*operations_));
    close(counter_);
}

void Truth::NameScenario(const char *name) { setenv(kScenario, name, 1); }

void Truth::Append(Json line) const {
    if (const char *scenario = getenv(kScenario))
        line["scenario"] = scenario;
    const std::string text = line.dump() + "\n";
    const ssize_t written = write(file_, text.data(), text.size());
    Check(written == static_cast<ssize_t>(text.size()), "writing the truth");
}

}  // namespace traffic
