// SPDX-License-Identifier: Apache-2.0
// From wire records to whole messages; see assembler.h.
#include "decode/assembler.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "catalog/catalog.h"
#include "decode/address.h"
#include "decode/control.h"

namespace sockwarden {
namespace {

constexpr std::size_t kMaxPending = 4096;  // threads with pieces whose message never came
constexpr std::size_t kMaxPieces = 512;    // of one message: 16 payload, 16 paths, 253 descriptors, and the rest
constexpr std::uint32_t kMaxPayload = 65535;
constexpr int kScmPidfd = 4;  // include/linux/socket.h; not in the headers of Debian 12

template <typename T>
std::vector<T> array_of(const std::vector<std::byte> &data) {
    std::vector<T> items(data.size() / sizeof(T));
    if (!items.empty()) {
        std::memcpy(items.data(), data.data(), items.size() * sizeof(T));
    }
    return items;
}

// Numbers from include/uapi/linux/magic.h and fs/: file systems whose dentries are not in the tree of paths.
constexpr std::uint64_t kSockFs = 0x534f434b, kPipeFs = 0x50495045, kAnonInodeFs = 0x09041934;

std::string path_of(const PassedFd &fd, Bytes names) {
    const std::string joined = join_path(names);
    std::string path;
    if (fd.magic == kSockFs) {
        path = "socket:[" + std::to_string(fd.inode) + "]";
    } else if (fd.magic == kPipeFs) {
        path = "pipe:[" + std::to_string(fd.inode) + "]";
    } else if (fd.magic == kAnonInodeFs) {
        path = "anon_inode:" + joined.substr(1);
    } else {
        path = joined;
        if (fd.links == 0 && (fd.mode & 0170000) != 0) {
            path += " (deleted)";
        }
    }
    return path;
}

}  // namespace

void Assembler::take(Bytes record, std::int64_t wall_offset) {
    wire::record_head head;
    if (record.size() < sizeof(head)) {
        ++malformed_;
        return;
    }
    std::memcpy(&head, record.data(), sizeof(head));
    if (head.size < sizeof(head) || head.size > record.size()) {
        ++malformed_;
        return;
    }
    const Bytes whole = record.first(head.size);
    switch (head.kind) {
        case wire::RECORD_PROCESS:
            processes_.learn(whole);
            break;
        case wire::RECORD_SOCKET:
            sockets_.learn(whole);
            break;
        case wire::RECORD_PIECE:
            take_piece(whole);
            break;
        case wire::RECORD_MESSAGE:
            take_message(whole, wall_offset);
            break;
        default:
            ++malformed_;
    }
}

void Assembler::take_piece(Bytes record) {
    Piece piece;
    if (record.size() < sizeof(piece.head)) {
        ++malformed_;
        return;
    }
    std::memcpy(&piece.head, record.data(), sizeof(piece.head));
    const Bytes data = record.subspan(sizeof(piece.head));
    if (data.size() < piece.head.size) {
        ++malformed_;
        return;
    }
    piece.data.assign(data.begin(), data.begin() + piece.head.size);
    if (pending_.size() >= kMaxPending && !pending_.contains(piece.head.writer)) {
        std::erase_if(pending_,
                      [&](const auto &entry) { return entry.second.time + 60'000'000'000 < piece.head.head.time; });
        if (pending_.size() >= kMaxPending) {
            pending_.clear();
        }
    }
    Pending &pending = pending_[piece.head.writer];
    if (pending.call != piece.head.call) {
        pending.pieces.clear();
        pending.call = piece.head.call;
    }
    pending.time = piece.head.head.time;
    if (pending.pieces.size() < kMaxPieces) {
        pending.pieces.push_back(std::move(piece));
    }
}

void Assembler::take_message(Bytes record, std::int64_t wall_offset) {
    if (record.size() < sizeof(wire::message_record)) {
        ++malformed_;
        return;
    }
    const auto *wire = reinterpret_cast<const wire::message_record *>(record.data());
    const Bytes behind = record.subspan(sizeof(*wire));
    if (behind.size() < wire->inline_payload || wire->head.event >= events().size() || wire->ret < INT32_MIN ||
        wire->ret > INT32_MAX) {
        ++malformed_;
        return;
    }
    Message &message = message_;
    message.wire = wire;
    message.engine = engine_;
    message.wall_ns = static_cast<std::int64_t>(wire->head.time + static_cast<std::uint64_t>(wall_offset));
    classify(message);
    message.process = &processes_.find({wire->start, wire->tgid, wire->exec}, wire->head.time);
    if (wire->tid == wire->tgid && std::string_view(message.process->comm) !=
                                       std::string_view(wire->comm, strnlen(wire->comm, sizeof(wire->comm)))) {
        message.process->comm.assign(wire->comm, strnlen(wire->comm, sizeof(wire->comm)));
    }
    message.socket = wire->socket_key != 0 ? sockets_.find(wire->socket_key, wire->head.time) : nullptr;
    message.socket_reason = wire->socket_state;
    if (message.socket == nullptr && message.socket_reason == wire::REASON_here) {
        message.socket_reason = wire::REASON_description_lost;
    }
    message.iov.clear();
    message.iov_reason = wire->iov_state;
    message.name = {};
    message.name_reason = wire->name_state;
    message.control.clear();
    message.control_reason = wire->control_state;
    message.flags_reason = wire->flags_state;
    message.fds.clear();
    message.pieces_lost = false;
    message.verdict.reset();
    message.ruling = nullptr;
    message.fds_reason = wire->fds_state;
    message.fds_sent = wire->fds_sent;
    message.fds_delivered = 0;
    message.fds_denied = wire->fds_denied;
    message.payload = behind.first(wire->inline_payload);
    message.payload_reason = wire->payload_state;
    if (wire->iov_state == wire::REASON_here && wire->iovlen == 1) {
        message.iov.push_back({wire->iov_base, wire->iov_len});
    }
    if (wire->pieces != 0) {
        const auto pending = pending_.find(wire->writer);
        if (pending != pending_.end() && pending->second.call == wire->call) {
            join_pieces(message, pending->second);
            hand_over(message);
            pending_.erase(pending);
            return;
        }
        Pending none;
        join_pieces(message, none);
    } else {
        join_senders(message, {});
    }
    hand_over(message);
}

void Assembler::hand_over(Message &message) {
    const auto event = static_cast<EventId>(message.wire->head.event);
    if (event == EventId::fd_received) {
        show_passed(message, message.fds.empty() ? nullptr : &message.fds.front());
    }
    if ((asked_ & event_bit(event)) != 0) {
        deliver_(message);
    }
    if ((asked_ & event_bit(EventId::fd_received)) != 0 && !message.bare && !message.send) {
        hand_over_passed(message);
    }
}

// The descriptors that arrived with a message are events too, after it.
void Assembler::hand_over_passed(const Message &message) {
    for (const PassedFd &fd : message.fds) {
        hand_over_one(message, wire::WAY_RIGHTS, fd);
    }
    for (const ControlMessage &control : message.control) {
        if (control.level == SOL_SOCKET && control.type == kScmPidfd) {
            for (const int number : rights_of(control)) {
                PassedFd fd;
                fd.number = number;
                hand_over_one(message, wire::WAY_PIDFD, fd);
            }
        }
    }
}

void Assembler::hand_over_one(const Message &message, std::uint8_t way, const PassedFd &fd) {
    wire::message_record wire = *message.wire;
    Message one;
    wire.head.event = wire::EVENT_fd_received;
    wire.way = way;
    wire.ret = fd.number;
    one.wire = &wire;
    one.engine = message.engine;
    one.wall_ns = message.wall_ns;
    one.process = message.process;
    one.socket = message.socket;
    one.socket_reason = message.socket_reason;
    one.senders = message.senders;
    one.remote = message.remote;
    one.pieces_lost = message.pieces_lost;
    for (Sender &sender : one.senders) {
        sender.bytes = -1;
    }
    classify(one);
    show_passed(one, fd.described ? &fd : nullptr);
    deliver_(one);
}

void Assembler::show_passed(Message &message, const PassedFd *fd) {
    message.passed = fd;
    message.passed_socket = fd != nullptr && fd->magic == kSockFs
                                ? sockets_.find(PASSED_SOCKET | fd->inode, message.wire->head.time)
                                : nullptr;
}

void Assembler::classify(Message &message) {
    static const EventMask sends = events_named("send"), bare = events_named("connections") | events_named("fds"),
                           asking = event_bit(EventId::connect) | event_bit(EventId::io_uring_connect);
    const EventMask bit = event_bit(static_cast<EventId>(message.wire->head.event));
    message.send = (sends & bit) != 0;
    message.bare = (bare & bit) != 0;
    message.has_senders = ((sends | asking) & bit) == 0;
    message.passed = nullptr;
    message.passed_socket = nullptr;
}

void Assembler::join_pieces(Message &message, Pending &pending) {
    const bool lost = pending.pieces.size() < message.wire->pieces;
    message.pieces_lost = lost;
    for (const Piece &piece : pending.pieces) {
        if (piece.head.head.event == wire::PIECE_IOVEC) {
            message.iov = array_of<wire::user_iovec>(piece.data);
        } else if (piece.head.head.event == wire::PIECE_NAME) {
            message.name = piece.data;
        } else if (piece.head.head.event == wire::PIECE_VERDICT && piece.data.size() >= sizeof(wire::verdict_part)) {
            std::memcpy(&message.verdict.emplace(), piece.data.data(), sizeof(wire::verdict_part));
        }
    }
    if (lost) {
        const auto mark = [](std::uint8_t &reason) {
            if (reason == wire::REASON_here) {
                reason = wire::REASON_ring_full;
            }
        };
        if (message.wire->iovlen > 1 && message.iov.empty()) {
            mark(message.iov_reason);
        }
        if (message.name.empty()) {
            mark(message.name_reason);
        }
    }
    join_control(message, pending);
    if (lost && message.control.empty() && message.control_reason == wire::REASON_here) {
        message.control_reason = wire::REASON_ring_full;
    }
    join_fds(message, pending);
    join_payload(message, pending, message.payload);
    if (lost && message.payload_reason == wire::REASON_here && message.payload.size() < expected_payload(message)) {
        message.payload_reason = wire::REASON_ring_full;
    }
    join_senders(message, pending);
}

// The least that is captured of this message when nothing is lost.
std::size_t Assembler::expected_payload(const Message &message) const {
    std::uint64_t expected = std::min<std::uint64_t>(std::max<std::int64_t>(message.wire->ret, 0), snaplen_);
    std::uint64_t room = 0;
    for (const wire::user_iovec &part : message.iov) {
        room = part.len > UINT64_MAX - room ? UINT64_MAX : room + part.len;
    }
    const bool all = message.iov_reason == wire::REASON_here && message.iov.size() == message.wire->iovlen;
    if (all) {
        expected = std::min(expected, room);  // with MSG_TRUNC the call may return more than it delivered
    }
    return all || (message.wire->flags & MSG_TRUNC) == 0 ? expected : 0;
}

void Assembler::join_control(Message &message, const Pending &pending) {
    rights_.clear();
    for (const Piece &piece : pending.pieces) {
        const Bytes data = piece.data;
        if (piece.head.head.event == wire::PIECE_CONTROL) {
            message.control = split_control(data);
        } else if (piece.head.head.event == wire::PIECE_CMSG && data.size() >= sizeof(wire::cmsg_part)) {
            wire::cmsg_part part;
            std::memcpy(&part, data.data(), sizeof(part));
            message.control.push_back(
                {part.level, part.type, data.subspan(sizeof(part)), part.length > data.size() - sizeof(part)});
        } else if (piece.head.head.event == wire::PIECE_FD_NUMBER && data.size() >= sizeof(wire::fd_number)) {
            wire::fd_number number;
            std::memcpy(&number, data.data(), sizeof(number));
            rights_.push_back(number.fd);
        }
    }
    if (!rights_.empty()) {  // the kernel writes SCM_RIGHTS last
        const auto *bytes = reinterpret_cast<const std::byte *>(rights_.data());
        message.control.push_back({SOL_SOCKET, SCM_RIGHTS, Bytes(bytes, rights_.size() * sizeof(int)), false});
    }
}

void Assembler::join_fds(Message &message, const Pending &pending) {
    std::vector<wire::fd_part> parts;
    std::vector<int> numbers;
    for (const Piece &piece : pending.pieces) {
        if (piece.head.head.event == wire::PIECE_FDS) {
            parts = array_of<wire::fd_part>(piece.data);
        }
    }
    for (const ControlMessage &control : message.control) {
        if (control.level == SOL_SOCKET && control.type == SCM_RIGHTS) {
            const std::vector<int> more = rights_of(control);
            numbers.insert(numbers.end(), more.begin(), more.end());
        }
    }
    if (message.bare) {
        numbers.assign(parts.size(), static_cast<int>(message.wire->ret));
    }
    if (message.send) {
        message.fds_sent = std::max(message.fds_sent, static_cast<std::uint32_t>(numbers.size()));
    } else {
        message.fds_delivered = static_cast<std::uint32_t>(numbers.size());
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        PassedFd fd;
        fd.number = numbers[i];
        if (i < parts.size()) {
            fd.described = true;
            fd.inode = parts[i].inode;
            fd.magic = parts[i].magic;
            fd.device = parts[i].device;
            fd.mode = parts[i].mode;
            fd.access = parts[i].access;
            fd.links = parts[i].links;
        }
        message.fds.push_back(std::move(fd));
    }
    for (const Piece &piece : pending.pieces) {
        if (piece.head.head.event == wire::PIECE_FD_PATH && piece.head.offset < message.fds.size()) {
            PassedFd &fd = message.fds[piece.head.offset];
            fd.path = path_of(fd, piece.data);
            fd.path_known = fd.described;
        }
    }
}

// Payload pieces carry their offset; bytes of a piece that was lost end the payload there.
void Assembler::join_payload(Message &message, const Pending &pending, Bytes inline_bytes) {
    std::vector<const Piece *> rest;
    for (const Piece &piece : pending.pieces) {
        if (piece.head.head.event == wire::PIECE_PAYLOAD) {
            rest.push_back(&piece);
        }
    }
    if (rest.empty() || message.wire->ret <= 0) {  // what a send that failed was given is no payload
        return;
    }
    std::ranges::stable_sort(rest, {}, [](const Piece *piece) { return piece->head.offset; });
    payload_.assign(inline_bytes.begin(), inline_bytes.end());
    const auto length = static_cast<std::size_t>(std::max<std::int64_t>(message.wire->ret, 0));
    for (const Piece *piece : rest) {
        if (piece->head.offset != payload_.size()) {
            if (piece->head.offset > payload_.size()) {
                if (message.payload_reason == wire::REASON_here) {
                    message.payload_reason = wire::REASON_ring_full;
                }
                break;
            }
            payload_.resize(piece->head.offset);  // read again, from user memory: the later piece counts
        }
        payload_.insert(payload_.end(), piece->data.begin(), piece->data.end());
        if (payload_.size() > kMaxPayload) {
            payload_.resize(kMaxPayload);
        }
    }
    payload_.resize(std::min(payload_.size(), length));
    message.payload = payload_;
}

// Who wrote the message: where several did, those before the last stand in pieces.
void Assembler::join_senders(Message &message, const Pending &pending) {
    message.senders.clear();
    const wire::message_record &wire = *message.wire;
    message.remote = false;
    if (wire.sender_known == wire::SENDER_UNNOTED && message.socket != nullptr) {
        const Bytes own = as_bytes_of(message.socket->local);
        message.remote = is_elsewhere(message.name.empty() ? as_bytes_of(message.socket->remote) : message.name, own);
    }
    if (!message.has_senders || wire.sender_known == wire::SENDER_NONE || wire.sender_pid == 0 || wire.ret < 0) {
        return;
    }
    const bool guess = wire.sender_known == wire::SENDER_PEER || wire.sender_known == wire::SENDER_LIKELY ||
                       wire.sender_known == wire::SENDER_WRITER;
    for (const Piece &piece : pending.pieces) {
        wire::sender_part part;
        if (piece.head.head.event == wire::PIECE_SENDER && piece.data.size() >= sizeof(part)) {
            std::memcpy(&part, piece.data.data(), sizeof(part));
            add_sender(message, part, guess);
        }
    }
    wire::sender_part last{};
    last.start = wire.sender_start;
    last.tgid = wire.sender_pid;
    last.tid = wire.sender_tid;
    last.exec = wire.sender_exec;
    last.uid = wire.sender_uid;
    last.gid = wire.sender_gid;
    last.bytes = message.bare ? 0 : message.senders.empty() ? static_cast<wire::u32>(wire.ret) : wire.sender_bytes;
    add_sender(message, last, guess);
}

void Assembler::add_sender(Message &message, const wire::sender_part &part, bool guess) {
    const std::uint64_t now = message.wire->head.time;
    Sender sender;
    sender.pid = part.tgid;
    sender.tid = part.tid;
    sender.uid = part.uid;
    sender.gid = part.gid;
    sender.guess = guess;
    sender.bytes = message.bare ? -1 : std::int64_t{part.bytes};
    sender.process =
        part.start != 0 ? processes_.peek({part.start, part.tgid, part.exec}) : processes_.find_pid(part.tgid, now);
    message.senders.push_back(sender);
}

}  // namespace sockwarden
