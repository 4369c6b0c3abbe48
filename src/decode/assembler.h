// SPDX-License-Identifier: Apache-2.0
// Puts wire records, in the order of their time, together into whole messages: pieces to their message, descriptions of
// processes and sockets to those who refer to them. Trusts no byte.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.h"
#include "decode/message.h"
#include "identity/process.h"
#include "identity/socket.h"

namespace sockwarden {

class Assembler {
public:
    using Deliver = std::function<void(Message &)>;

    // `engine` must outlive the assembler. Every message record that is not malformed reaches `deliver` exactly once.
    // `snaplen` is what was asked for, to tell payload that was lost from payload that nobody wanted.
    // Of events that are not among `asked` only the descriptors that they carry are delivered, where those are.
    Assembler(std::string_view engine, Deliver deliver, std::uint32_t snaplen = wire::INLINE_PAYLOAD,
              EventMask asked = ~event_bit(EventId::fd_received))
        : engine_(engine), deliver_(std::move(deliver)), snaplen_(snaplen), asked_(asked) {}

    // One record, as it stands in the ring. `wall_offset` is what to add to its monotonic time for wall-clock time.
    void take(Bytes record, std::int64_t wall_offset);

    std::uint64_t malformed() const { return malformed_; }
    // Threads with pieces whose message has not come.
    std::size_t pending() const { return pending_.size(); }
    const ProcessTable &processes() const { return processes_; }

private:
    struct Piece {
        wire::piece_record head;
        std::vector<std::byte> data;
    };
    struct Pending {
        std::uint32_t call = 0;
        std::uint64_t time = 0;
        std::vector<Piece> pieces;
    };

    void take_piece(Bytes record);
    void take_message(Bytes record, std::int64_t wall_offset);
    void hand_over(Message &message);
    void hand_over_passed(const Message &message);
    void hand_over_one(const Message &message, std::uint8_t way, const PassedFd &fd);
    void show_passed(Message &message, const PassedFd *fd);
    static void classify(Message &message);
    void join_pieces(Message &message, Pending &pending);
    void join_control(Message &message, const Pending &pending);
    void join_fds(Message &message, const Pending &pending);
    void join_payload(Message &message, const Pending &pending, Bytes inline_bytes);
    void join_senders(Message &message, const Pending &pending);
    void add_sender(Message &message, const wire::sender_part &part, bool guess);
    std::size_t expected_payload(const Message &message) const;

    std::string_view engine_;
    Deliver deliver_;
    std::uint32_t snaplen_;
    EventMask asked_;
    ProcessTable processes_;
    SocketTable sockets_;
    std::unordered_map<std::uint32_t, Pending> pending_;  // by thread
    std::vector<std::byte> payload_;
    std::vector<int> rights_;  // numbers of passed descriptors, where they come one by one
    Message message_;
    std::uint64_t malformed_ = 0;
};

}  // namespace sockwarden
