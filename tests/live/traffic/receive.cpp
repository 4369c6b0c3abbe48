// SPDX-License-Identifier: Apache-2.0
// One receive call, made by the bare system call so that no library stands between.
#include "receive.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "describe.h"
#include "uring.h"

namespace traffic {
namespace {

constexpr size_t kShownBuffers = 64;  // the record shows as many; iovlen tells the rest

std::string Gather(const std::vector<iovec> &iov, size_t size) {
    std::string bytes;
    for (const iovec &one : iov) {
        const size_t part = std::min(one.iov_len, size - bytes.size());
        bytes.append(static_cast<const char *>(one.iov_base), part);
    }
    return bytes;
}

std::vector<int> ReceivedDescriptors(const Json &control) {
    std::vector<int> fds;
    for (const Json &message : control) {
        if (message.value("type", "") != "SCM_RIGHTS")
            continue;
        for (const Json &fd : message["fds"])
            fds.push_back(fd["fd"].get<int>());
    }
    return fds;
}

}  // namespace

std::string_view EventOf(Operation operation) {
    switch (operation) {
        case Operation::recvmsg:
            return "recvmsg";
        case Operation::recvmmsg:
            return "recvmmsg";
        case Operation::recvfrom:
        case Operation::recv:
            return "recvfrom";
        case Operation::read:
            return "read";
        case Operation::readv:
            return "readv";
        case Operation::splice:
            return "splice";
        case Operation::uring_recv:
            return "io_uring_recv";
        case Operation::uring_recvmsg:
            return "io_uring_recvmsg";
        case Operation::uring_read:
            return "io_uring_read";
    }
    return "";
}

bool HasHeader(Operation operation) {
    return operation == Operation::recvmsg || operation == Operation::recvmmsg || operation == Operation::uring_recvmsg;
}

Receive::Receive(Context &context, int fd) : context_(context), fd_(fd), header_(&array_.msg_hdr) {
    Buffers({256});
    Writer(getpid());
}

Receive &Receive::By(Operation operation) {
    operation_ = operation;
    if (operation == Operation::recvfrom)
        Name();
    if (operation == Operation::recvmmsg)
        index_ = 0;
    return *this;
}

Receive &Receive::Async() {
    async_ = true;
    return *this;
}

Receive &Receive::Between(std::function<void()> work) {
    between_ = std::move(work);
    return *this;
}

Receive &Receive::Buffers(const std::vector<size_t> &sizes) {
    memory_.clear();
    iov_.clear();
    for (const size_t size : sizes)
        memory_.emplace_back(size, '\xee');
    for (std::vector<char> &part : memory_)
        iov_.push_back({part.data(), part.size()});
    return Vector(iov_.data(), iov_.size());
}

Receive &Receive::Control(size_t room) {
    control_.assign(room, '\0');
    own_.msg_control = control_.data();
    own_.msg_controllen = room;
    return *this;
}

Receive &Receive::Name() {
    wants_name_ = true;
    own_.msg_name = &name_;
    own_.msg_namelen = sizeof(name_);
    return *this;
}

Receive &Receive::Flags(int flags) {
    flags_ = flags;
    return *this;
}

Receive &Receive::Vector(iovec *iov, size_t count) {
    own_.msg_iov = iov;
    own_.msg_iovlen = count;
    return *this;
}

Receive &Receive::NameLength(int length) {
    own_.msg_namelen = static_cast<socklen_t>(length);
    return *this;
}

Receive &Receive::Header(msghdr *header) {
    header_ = header;
    return *this;
}

Receive &Receive::Writer(pid_t pid) {
    also_["senders"] = Json::array({{{"pid", pid}, {"tid", pid}}});
    return *this;
}

Receive &Receive::WriterThread(const std::atomic<pid_t> &thread) {
    writer_thread_ = &thread;
    return *this;
}

Receive &Receive::Also(const Json &fields) {
    also_.update(fields, true);
    return *this;
}

Receive &Receive::Unknown(const std::string &pointer) {
    unknown_.push_back(pointer);
    return *this;
}

Receive &Receive::Sent(size_t descriptors) {
    sent_ = descriptors;
    return *this;
}

Receive &Receive::BeforeSocket() {
    before_socket_ = true;
    return *this;
}

Receive &Receive::RestartedOnce() {
    restarted_ = true;
    return *this;
}

Outcome Receive::Gets(std::string_view bytes) {
    Outcome outcome = Returns(static_cast<ssize_t>(bytes.size()));
    if (outcome.bytes != bytes)
        throw Failure(std::string(EventOf(operation_)) + " delivered other bytes than were sent");
    return outcome;
}

Outcome Receive::Returns(ssize_t result) {
    Outcome outcome = Make();
    Check(outcome.result == result, std::string(EventOf(operation_)) + " returned " + std::to_string(outcome.result) +
                                        " and not " + std::to_string(result));
    return outcome;
}

Outcome Receive::Fails(int error) {
    Outcome outcome = Make();
    Check(outcome.result == -1 && outcome.error == error, std::string(EventOf(operation_)) + " returned " +
                                                              std::to_string(outcome.result) +
                                                              " and did not fail with " + ErrnoName(error));
    return outcome;
}

Outcome Receive::Succeeds() {
    Outcome outcome = Make();
    Check(outcome.result >= 0, "recvmsg");
    return outcome;
}

Outcome Receive::Make() {
    before_ = Socket(fd_);
    context_.truth.CountOperation();
    Outcome outcome;
    outcome.result = Call();
    if (outcome.result < 0) {
        outcome.error = errno;
        index_ = nullptr;
    } else {
        outcome.flags = header_->msg_flags;
        outcome.control = header_->msg_controllen;
        outcome.bytes = Gather(iov_, static_cast<size_t>(outcome.result));
    }
    if (restarted_)
        TellRestart();
    Tell(outcome);
    errno = outcome.error;
    return outcome;
}

// What the call returned; of recvmmsg the bytes of its message.
ssize_t Receive::Call() {
    const bool one = !HasHeader(operation_) && operation_ != Operation::readv;
    const iovec first = one ? own_.msg_iov[0] : iovec{};
    switch (operation_) {
        case Operation::recvmsg:
            return syscall(SYS_recvmsg, fd_, header_, flags_);
        case Operation::recvmmsg: {
            const long count = syscall(SYS_recvmmsg, fd_, &array_, vlen_, flags_, nullptr);
            return count < 0 ? count : static_cast<ssize_t>(array_.msg_len);
        }
        case Operation::recvfrom:
            return syscall(SYS_recvfrom, fd_, first.iov_base, first.iov_len, flags_, &name_, &name_size_);
        case Operation::recv:
            return syscall(SYS_recvfrom, fd_, first.iov_base, first.iov_len, flags_, nullptr, nullptr);
        case Operation::read:
            return syscall(SYS_read, fd_, first.iov_base, first.iov_len);
        case Operation::readv:
            return syscall(SYS_readv, fd_, own_.msg_iov, own_.msg_iovlen);
        case Operation::splice:
            return Splice();
        case Operation::uring_recv:
        case Operation::uring_recvmsg:
        case Operation::uring_read:
            return Request();
    }
    return -1;
}

// Into a pipe, from which the bytes are then read.
ssize_t Receive::Splice() {
    constexpr int kRoom = 1 << 20;
    int ends[2];
    Check(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    const Fd out(ends[0]), in(ends[1]);
    Check(fcntl(in.get(), F_SETPIPE_SZ, kRoom) >= kRoom, "F_SETPIPE_SZ");
    pipe_ = in.get();
    const iovec &buffer = own_.msg_iov[0];
    const ssize_t result = syscall(SYS_splice, fd_, nullptr, in.get(), nullptr, buffer.iov_len, flags_);
    const int error = errno;
    if (result > 0)
        Check(read(out.get(), buffer.iov_base, buffer.iov_len) == result, "read from a pipe");
    errno = error;
    return result;
}

// The same by io_uring; errno is set as a system call would.
ssize_t Receive::Request() {
    Uring ring;
    io_uring_sqe request{};
    request.fd = fd_;
    request.flags = async_ ? IOSQE_ASYNC : 0;
    request.user_data = 1;
    if (operation_ == Operation::uring_recvmsg) {
        request.opcode = IORING_OP_RECVMSG;
        request.addr = reinterpret_cast<unsigned long>(header_);
        request.len = 1;
    } else {
        request.opcode = operation_ == Operation::uring_recv ? IORING_OP_RECV : IORING_OP_READ;
        request.addr = reinterpret_cast<unsigned long>(own_.msg_iov[0].iov_base);
        request.len = static_cast<unsigned>(own_.msg_iov[0].iov_len);
    }
    if (operation_ != Operation::uring_read)
        request.msg_flags = static_cast<unsigned>(flags_);
    ring.Submit(request);
    if (between_)
        between_();
    const io_uring_cqe done = ring.Await();
    if (done.res >= 0)
        return done.res;
    errno = -done.res;
    return -1;
}

Json Receive::DescribeCall() const {
    Json record = {{"event", EventOf(operation_)},
                   {"process", Process()},
                   {"socket", before_},
                   {"index", index_},
                   {"args", {{"sockfd", fd_}}}};
    Json &args = record["args"];
    const bool vector = operation_ == Operation::readv || operation_ == Operation::uring_read;
    if (operation_ != Operation::read && !vector)
        args["flags"] = MessageFlags(unsigned(flags_));
    if (operation_ == Operation::splice) {
        args["out_fd"] = pipe_;
        args["len"] = own_.msg_iov[0].iov_len;
    } else if (HasHeader(operation_)) {
        args["msg"] = {{"address", Hex(header_)}, {"name", nullptr}};
        if (operation_ == Operation::recvmmsg)
            args["vlen"] = vlen_;
        if (header_ == &own_ || operation_ == Operation::recvmmsg)
            DescribeBuffers(record);
    } else if (vector) {
        args["iovcnt"] = own_.msg_iovlen;
        args["iov"] = DescribeVector();
    } else {
        args["buf"] = Hex(own_.msg_iov[0].iov_base);
        args["len"] = own_.msg_iov[0].iov_len;
        if (EventOf(operation_) == "recvfrom")
            args["src_addr"] = nullptr;
    }
    return record;
}

void Receive::TellRestart() {
    context_.truth.CountOperation();
    Json record = DescribeCall();
    record.update({{"return", -1}, {"errno", "ERESTARTSYS"}});
    context_.truth.Append({{"record", record}, {"before_socket", false}});
}

void Receive::Tell(Outcome &outcome) {
    if (writer_thread_ != nullptr)
        also_["senders"] = Json::array({{{"pid", getpid()}, {"tid", writer_thread_->load()}}});
    Json record = DescribeCall();
    record["return"] = outcome.result;
    if (outcome.result < 0) {
        record["errno"] = ErrnoName(outcome.error);
        record["payload"] = {{"length", 0}, {"captured", 0}};
        also_.erase("senders");
    } else {
        record["errno"] = nullptr;
        DescribeMessage(outcome, record);
    }
    record.update(also_, true);
    for (const std::string &pointer : unknown_) {
        Json::json_pointer path(pointer);
        if (record.contains(path))
            record[path.parent_pointer()].erase(path.back());
    }
    context_.truth.Append({{"record", record}, {"before_socket", before_socket_}});
}

void Receive::DescribeBuffers(Json &record) const {
    Json &shown = record["args"]["msg"];
    shown["iovlen"] = own_.msg_iovlen;
    if (own_.msg_iov != iov_.data())
        return;
    shown["iov"] = DescribeVector();
}

Json Receive::DescribeVector() const {
    Json shown = Json::array();
    for (size_t i = 0; i < std::min(iov_.size(), kShownBuffers); ++i) {
        shown.push_back({{"base", Hex(iov_[i].iov_base)}, {"len", iov_[i].iov_len}});
    }
    return shown;
}

void Receive::DescribeMessage(Outcome &outcome, Json &record) {
    Json &args = record["args"];
    const auto *name = reinterpret_cast<const sockaddr *>(&name_);
    if (HasHeader(operation_)) {
        const Json control = traffic::Control(own_);
        outcome.descriptors = ReceivedDescriptors(control);
        args["msg"]["control"] = control;
        args["msg"]["flags"] = MessageFlags(unsigned(outcome.flags));
        if (wants_name_)
            args["msg"]["name"] = Address(name, own_.msg_namelen);
    } else if (operation_ == Operation::recvfrom) {
        args["src_addr"] = Address(name, name_size_);
    }
    const size_t delivered = outcome.descriptors.size();
    record["fds"] = {{"sent", sent_}, {"delivered", delivered}, {"denied", 0}, {"lost", sent_ - delivered}};
    record["peeked"] = (flags_ & MSG_PEEK) != 0;
    record["payload"] = PayloadBytes(outcome.bytes);
    record["payload"]["length"] = outcome.result;
    record["payload"]["captured"] = outcome.bytes.size();
}

Receive &Batch::Next() {
    messages_.push_back(std::make_unique<Receive>(context_, fd_));
    return messages_.back()->By(Operation::recvmmsg);
}

void Batch::Gets(int flags, const std::vector<std::string> &expected) {
    std::vector<mmsghdr> array;
    for (const auto &message : messages_)
        array.push_back(message->array_);
    const Json before = Socket(fd_);
    const long count = syscall(SYS_recvmmsg, fd_, array.data(), array.size(), flags, nullptr);
    Check(count == static_cast<long>(expected.size()), "recvmmsg returned " + std::to_string(count));
    for (size_t i = 0; i < expected.size(); ++i) {
        context_.truth.CountOperation();
        Receive &message = *messages_[i];
        message.own_ = array[i].msg_hdr;
        message.header_ = &array[i].msg_hdr;
        message.index_ = i;
        message.flags_ = flags;
        message.vlen_ = static_cast<unsigned>(array.size());
        message.before_ = before;
        Outcome outcome;
        outcome.result = array[i].msg_len;
        outcome.flags = message.own_.msg_flags;
        outcome.bytes = Gather(message.iov_, array[i].msg_len);
        if (outcome.bytes != expected[i])
            throw Failure("recvmmsg delivered other bytes than were sent");
        message.Tell(outcome);
    }
}

}  // namespace traffic
