// SPDX-License-Identifier: Apache-2.0
// A guard that judges in interrupts while it judges: datagrams over UNIX sockets and UDP at once, the latter steered to
// other CPUs. What gets through it must know of.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "guarding.h"
#include "options.h"
#include "temporary.h"

namespace guard {
namespace {

// A datagram that is refused by its last bytes, so that judging it takes long.
std::string Forbidden() { return std::string(3000, 'a') + "forbidden"; }

struct Ends {
    int from = -1, to = -1;
};

Ends UnixPair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    return {ends[0], ends[1]};
}

Ends UdpPair() {
    const Ends ends{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    auto *address = reinterpret_cast<sockaddr *>(&name);
    EXPECT_EQ(::bind(ends.to, address, size), 0);
    EXPECT_EQ(::getsockname(ends.to, address, &size), 0);
    EXPECT_EQ(::connect(ends.from, address, size), 0);
    return ends;
}

// Sends what is refused over a pair until it is told to stop, and counts what arrives all the same.
class Load {
public:
    explicit Load(Ends ends) : ends_(ends) {
        const timeval soon{0, 100'000};
        ::setsockopt(ends.to, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
        sender_ = std::thread([this] {
            for (const std::string bytes = Forbidden(); !done_;) {
                sent_ += ::send(ends_.from, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ? 1 : 0;
            }
        });
        receiver_ = std::thread([this] {
            char bytes[4096];
            while (!done_) {
                arrived_ += ::recv(ends_.to, bytes, sizeof(bytes), 0) > 0 ? 1 : 0;
            }
        });
    }
    ~Load() {
        ::close(ends_.from);
        ::close(ends_.to);
    }
    void Stop() {
        done_ = true;
        sender_.join();
        receiver_.join();
    }
    long sent() const { return sent_; }
    long arrived() const { return arrived_; }

private:
    Ends ends_;
    std::atomic<bool> done_ = false;
    std::atomic<long> sent_ = 0, arrived_ = 0;
    std::thread sender_, receiver_;
};

live::Json Status() {
    const live::Ended status = live::Process({live::Chosen().sockwarden, "status", "-o", "json"}).Wait();
    EXPECT_TRUE(status.Exited(0)) << status.err;
    return live::Json::parse(status.out);
}

struct Counts {
    long sent = 0, refused = 0, arrived = 0, unjudged = 0;
};

constexpr const char *kForbidden = R"(
  - name: word
    when: socket.type == "SOCK_DGRAM" && payload.contains("forbidden")
    action: drop
)";

Counts UnderLoad(int seconds) {
    std::ofstream("/sys/class/net/lo/queues/rx-0/rps_cpus") << "f";
    std::vector<std::unique_ptr<Load>> loads;
    for (int i = 0; i < 2; ++i) {
        loads.push_back(std::make_unique<Load>(UnixPair()));
        loads.push_back(std::make_unique<Load>(UdpPair()));
    }
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    Counts counts;
    for (const auto &load : loads) {
        load->Stop();
        counts.sent += load->sent();
        counts.arrived += load->arrived();
    }
    const live::Json status = Status();
    counts.unjudged = status["unjudged"].get<long>();
    counts.refused = status["policies"][0]["rules"][0]["hits"].get<long>();
    std::ofstream("/sys/class/net/lo/queues/rx-0/rps_cpus") << "0";
    std::printf("sent %ld, refused %ld, arrived %ld, unjudged %ld\n", counts.sent, counts.refused, counts.arrived,
                counts.unjudged);
    return counts;
}

TEST(Guard, KnowsWhatGetsThroughUnderLoad) {
    Guarding guarding(kForbidden, "", {"-w", "/dev/null"});
    ASSERT_TRUE(guarding.Works()) << guarding.Said();
    const Counts counts = UnderLoad(8);
    EXPECT_GT(counts.refused, 100);
    EXPECT_LE(counts.refused + counts.arrived, counts.sent);
    EXPECT_LE(counts.arrived, counts.unjudged);
    if (guarding.Said().find("best-effort") == std::string::npos) {
        EXPECT_EQ(counts.arrived, 0);
    }
}

// With --recheck each that got through is a record of its own.
TEST(Guard, FindsWhatGetsThroughUnderLoad) {
    const live::TemporaryFile pipe;
    ::unlink(pipe.path().c_str());
    ASSERT_EQ(::mkfifo(pipe.path().c_str(), 0600), 0);
    long escaped = 0, refused = 0;
    std::thread reader([&] {
        std::ifstream lines(pipe.path());
        for (std::string line; std::getline(lines, line);) {
            (line.find("\"escaped\":true") != std::string::npos ? escaped : refused) += 1;
        }
    });
    Guarding guarding(kForbidden, "", {"-w", pipe.path(), "--recheck"});
    EXPECT_TRUE(guarding.Works()) << guarding.Said();
    const Counts counts = UnderLoad(4);
    guarding.End();
    reader.join();
    std::printf("told as refused %ld, as escaped %ld\n", refused, escaped);
    EXPECT_GT(refused, 100);
    EXPECT_EQ(escaped, counts.arrived) << guarding.Said();
}

}  // namespace
}  // namespace guard
