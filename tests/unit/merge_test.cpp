// SPDX-License-Identifier: Apache-2.0
// Queues merged in the order of time.
#include "source/merge.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "records.h"

namespace sockwarden {
namespace {

struct FakeQueue {
    std::deque<test::Record> records;
    std::size_t released = 0, published = 0;

    Bytes front() const { return records.empty() ? Bytes() : Bytes(records.front()); }
    void release() {
        records.pop_front();
        ++released;
    }
    void publish() { published = released; }

    void add(std::uint64_t time) {
        wire::piece_record record{};
        record.head.time = time;
        records.push_back(test::record_of(record));
    }
};

// The times of what was handed over.
std::vector<std::uint64_t> drain(Merge<FakeQueue> &merge, std::vector<FakeQueue> &queues, std::uint64_t horizon,
                                 std::size_t budget = 1000) {
    std::vector<std::uint64_t> taken;
    const std::size_t count = merge.drain(queues, horizon, budget, [&](Bytes record) {
        wire::record_head head;
        std::memcpy(&head, record.data(), sizeof(head));
        taken.push_back(head.time);
    });
    EXPECT_EQ(count, taken.size());
    return taken;
}

TEST(Merge, GivesNothingOfNothing) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> none;
    EXPECT_TRUE(drain(merge, none, 100).empty());
    std::vector<FakeQueue> empty(3);
    EXPECT_TRUE(drain(merge, empty, 100).empty());
}

TEST(Merge, OrdersByTime) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(3);
    for (const std::uint64_t time : {1, 4, 7}) {
        queues[0].add(time);
        queues[1].add(time + 1);
        queues[2].add(time + 2);
    }
    const auto taken = drain(merge, queues, 100);
    ASSERT_EQ(taken.size(), 9U);
    for (std::uint64_t i = 0; i < 9; ++i) {
        EXPECT_EQ(taken[i], i + 1);
    }
    EXPECT_EQ(queues[0].published, 3U);
}

TEST(Merge, HoldsBackWhatIsYoungerThanTheHorizon) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(2);
    queues[0].add(5);
    queues[0].add(10);
    queues[1].add(9);
    EXPECT_EQ(drain(merge, queues, 10).size(), 2U);
    EXPECT_TRUE(drain(merge, queues, 10).empty());
    EXPECT_EQ(drain(merge, queues, 11).size(), 1U);
}

TEST(Merge, HandsOverWhatCameAfterItsPlace) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(2);
    queues[0].add(10);
    EXPECT_EQ(drain(merge, queues, 100), (std::vector<std::uint64_t>{10}));
    queues[1].add(9);
    queues[1].add(11);
    EXPECT_EQ(drain(merge, queues, 100), (std::vector<std::uint64_t>{9, 11}));
}

TEST(Merge, KeepsToItsBudgetAndGoesOnAfterwards) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(2);
    for (std::uint64_t time = 0; time < 500; ++time) {
        queues[time % 2].add(time);
    }
    std::uint64_t next = 0;
    for (std::size_t round = 0; round < 50; ++round) {
        for (const std::uint64_t taken : drain(merge, queues, 1000, 10)) {
            EXPECT_EQ(taken, next++);
        }
    }
    EXPECT_EQ(next, 500U);
    EXPECT_EQ(queues[0].published, queues[0].released);
}

TEST(Merge, LetsARecordThatIsTooShortThrough) {
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(1);
    queues[0].records.push_back(test::Record(3));
    std::size_t count = merge.drain(queues, 1, 10, [](Bytes record) { EXPECT_EQ(record.size(), 3U); });
    EXPECT_EQ(count, 1U);
}

// Each queue in order, any interleaving: nothing is lost, and all is in order.
TEST(Merge, LosesNothing) {
    std::mt19937 random(4);
    Merge<FakeQueue> merge;
    std::vector<FakeQueue> queues(4);
    std::uint64_t clock = 0, last = 0;
    std::size_t added = 0, taken = 0;
    for (int round = 0; round < 2000; ++round) {
        for (FakeQueue &queue : queues) {
            if (random() % 2 == 0) {
                queue.add(++clock);
                ++added;
            }
        }
        for (const std::uint64_t time : drain(merge, queues, clock > 3 ? clock - 3 : 0, 1 + random() % 8)) {
            EXPECT_GE(time, last);
            last = time;
            ++taken;
        }
    }
    taken += drain(merge, queues, UINT64_MAX, SIZE_MAX).size();
    EXPECT_EQ(taken, added);
}

}  // namespace
}  // namespace sockwarden
