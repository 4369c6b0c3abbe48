// SPDX-License-Identifier: Apache-2.0
// One send call, made by the bare system call so that no library stands between.
#include "sending.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "describe.h"
#include "uring.h"

namespace traffic {
namespace {

bool HasHeader(SendBy by) { return by == SendBy::sendmsg || by == SendBy::sendmmsg || by == SendBy::uring_sendmsg; }
bool HasVector(SendBy by) { return by == SendBy::writev || by == SendBy::uring_write; }
bool IsTransfer(SendBy by) { return by == SendBy::sendfile || by == SendBy::splice; }

}  // namespace

std::string_view EventOf(SendBy by) {
    switch (by) {
        case SendBy::sendmsg:
            return "sendmsg";
        case SendBy::sendmmsg:
            return "sendmmsg";
        case SendBy::sendto:
        case SendBy::send:
            return "sendto";
        case SendBy::write:
            return "write";
        case SendBy::writev:
            return "writev";
        case SendBy::sendfile:
        case SendBy::splice:
            return "sendfile";
        case SendBy::uring_send:
            return "io_uring_send";
        case SendBy::uring_sendmsg:
            return "io_uring_sendmsg";
        case SendBy::uring_write:
            return "io_uring_write";
    }
    return "";
}

Sending::Sending(Context &context, int fd, std::string bytes) : context_(context), fd_(fd), bytes_(std::move(bytes)) {
    Parts({bytes_.size()});
}

Sending &Sending::By(SendBy by) {
    by_ = by;
    if (by == SendBy::sendmmsg)
        index_ = 0;
    return *this;
}

Sending &Sending::Parts(const std::vector<size_t> &sizes) {
    iov_.clear();
    size_t at = 0;
    for (const size_t size : sizes) {
        iov_.push_back({bytes_.data() + at, size});
        at += size;
    }
    header_.msg_iov = iov_.data();
    header_.msg_iovlen = iov_.size();
    return *this;
}

Sending &Sending::To(SocketAddress address) {
    to_ = address;
    has_address_ = true;
    header_.msg_name = to_.get();
    header_.msg_namelen = to_.size;
    return *this;
}

Sending &Sending::Descriptors(const std::vector<int> &fds) {
    const size_t before = control_.size();
    const size_t size = fds.size() * sizeof(int);
    control_.resize(before + CMSG_SPACE(size));
    auto *message = reinterpret_cast<cmsghdr *>(control_.data() + before);
    message->cmsg_level = SOL_SOCKET;
    message->cmsg_type = SCM_RIGHTS;
    message->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(message), fds.data(), size);
    Json shown = Json::array();
    for (const int fd : fds) {
        Json one = PassedDescriptor(fd);
        one["status"] = "sent";
        shown.push_back(one);
    }
    control_truth_.push_back({{"level", "SOL_SOCKET"}, {"type", "SCM_RIGHTS"}, {"fds", shown}});
    descriptors_ += fds.size();
    header_.msg_control = control_.data();
    header_.msg_controllen = control_.size();
    return *this;
}

Sending &Sending::Credentials() {
    const size_t before = control_.size();
    const ucred who{getpid(), getuid(), getgid()};
    control_.resize(before + CMSG_SPACE(sizeof(who)));
    auto *message = reinterpret_cast<cmsghdr *>(control_.data() + before);
    message->cmsg_level = SOL_SOCKET;
    message->cmsg_type = SCM_CREDENTIALS;
    message->cmsg_len = CMSG_LEN(sizeof(who));
    std::memcpy(CMSG_DATA(message), &who, sizeof(who));
    control_truth_.push_back(
        {{"level", "SOL_SOCKET"}, {"type", "SCM_CREDENTIALS"}, {"pid", who.pid}, {"uid", who.uid}, {"gid", who.gid}});
    header_.msg_control = control_.data();
    header_.msg_controllen = control_.size();
    return *this;
}

Sending &Sending::Flags(int flags) {
    flags_ = flags;
    return *this;
}

Sending &Sending::ZeroCopy() {
    zero_copy_ = true;
    return *this;
}

Sending &Sending::Async() {
    async_ = true;
    return *this;
}

Sending &Sending::At(void *buffer) {
    iov_[0].iov_base = buffer;
    return *this;
}

Sending &Sending::BeforeSocket() {
    before_socket_ = true;
    return *this;
}

Sending &Sending::Unknown(const std::string &pointer) {
    unknown_.push_back(pointer);
    return *this;
}

void Sending::Sends() {
    const ssize_t result = Make();
    Check(result == static_cast<ssize_t>(bytes_.size()),
          std::string(EventOf(by_)) + " returned " + std::to_string(result));
}

size_t Sending::SendsSome() {
    const ssize_t result = Make();
    Check(result > 0, std::string(EventOf(by_)));
    return static_cast<size_t>(result);
}

void Sending::Fails(int error) {
    const ssize_t result = Make();
    Check(result == -1 && errno == error, std::string(EventOf(by_)) + " returned " + std::to_string(result) +
                                              " and did not fail with " + ErrnoName(error));
}

ssize_t Sending::Make() {
    before_ = Socket(fd_);
    context_.truth.CountOperation();
    errno = 0;
    const ssize_t result = Call();
    const int error = errno;
    Tell(result, error);
    errno = error;
    return result;
}

// What the call returned; of sendmmsg the bytes of its message.
ssize_t Sending::Call() {
    const iovec &first = iov_[0];
    switch (by_) {
        case SendBy::sendmsg:
            return syscall(SYS_sendmsg, fd_, &header_, flags_);
        case SendBy::sendmmsg: {
            const long count = syscall(SYS_sendmmsg, fd_, &array_, vlen_, flags_);
            return count < 0 ? count : static_cast<ssize_t>(array_.msg_len);
        }
        case SendBy::sendto:
            return syscall(SYS_sendto, fd_, first.iov_base, first.iov_len, flags_, has_address_ ? to_.get() : nullptr,
                           has_address_ ? to_.size : 0);
        case SendBy::send:
            return syscall(SYS_sendto, fd_, first.iov_base, first.iov_len, flags_, nullptr, 0);
        case SendBy::write:
            return syscall(SYS_write, fd_, first.iov_base, first.iov_len);
        case SendBy::writev:
            return syscall(SYS_writev, fd_, iov_.data(), iov_.size());
        case SendBy::sendfile:
        case SendBy::splice:
            return Transfer();
        case SendBy::uring_send:
        case SendBy::uring_sendmsg:
        case SendBy::uring_write:
            return Request();
    }
    return -1;
}

// By way of a file, or of a pipe, that holds the bytes.
ssize_t Sending::Transfer() {
    if (by_ == SendBy::sendfile) {
        const Fd file(memfd_create("sent", MFD_CLOEXEC));
        Check(pwrite(file.get(), bytes_.data(), bytes_.size(), 0) == static_cast<ssize_t>(bytes_.size()), "pwrite");
        in_fd_ = file.get();
        return syscall(SYS_sendfile, fd_, file.get(), nullptr, bytes_.size());
    }
    int ends[2];
    Check(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    const Fd out(ends[0]), in(ends[1]);
    Check(::write(in.get(), bytes_.data(), bytes_.size()) == static_cast<ssize_t>(bytes_.size()), "write to a pipe");
    in_fd_ = out.get();
    return syscall(SYS_splice, out.get(), nullptr, fd_, nullptr, bytes_.size(), 0);
}

// The same by io_uring; errno is set as a system call would.
ssize_t Sending::Request() {
    Uring ring;
    io_uring_sqe request{};
    request.fd = fd_;
    request.flags = async_ ? IOSQE_ASYNC : 0;
    request.user_data = 1;
    if (by_ == SendBy::uring_sendmsg) {
        request.opcode = zero_copy_ ? IORING_OP_SENDMSG_ZC : IORING_OP_SENDMSG;
        request.addr = reinterpret_cast<unsigned long>(&header_);
        request.len = 1;
    } else {
        request.opcode = by_ != SendBy::uring_send ? IORING_OP_WRITE : zero_copy_ ? IORING_OP_SEND_ZC : IORING_OP_SEND;
        request.addr = reinterpret_cast<unsigned long>(iov_[0].iov_base);
        request.len = static_cast<unsigned>(iov_[0].iov_len);
    }
    if (by_ != SendBy::uring_write)
        request.msg_flags = static_cast<unsigned>(flags_);
    ring.Submit(request);
    const io_uring_cqe done = ring.Await();
    if (done.res >= 0)
        return done.res;
    errno = -done.res;
    return -1;
}

Json Sending::Describe() const {
    Json record = {{"event", EventOf(by_)}, {"process", Process()}, {"socket", before_},        {"index", nullptr},
                   {"peeked", false},       {"senders", nullptr},   {"args", {{"sockfd", fd_}}}};
    Json &args = record["args"];
    const bool plain = by_ == SendBy::write || HasVector(by_) || IsTransfer(by_);
    const bool request = by_ == SendBy::uring_send || by_ == SendBy::uring_sendmsg;
    if (!plain)
        args["flags"] = MessageFlags(unsigned(flags_ | (request ? MSG_NOSIGNAL : 0) | (zero_copy_ ? MSG_ZEROCOPY : 0)));
    if (HasHeader(by_)) {
        args["msg"] = {
            {"address", Hex(address_)}, {"name", nullptr}, {"iovlen", iov_.size()}, {"iov", DescribeVector()}};
        if (has_address_)
            args["msg"]["name"] = Address(reinterpret_cast<const sockaddr *>(&to_.storage), to_.size);
        args["msg"]["control"] = control_truth_;
        if (by_ == SendBy::sendmmsg)
            args["vlen"] = vlen_;
    } else if (HasVector(by_)) {
        args["iovcnt"] = iov_.size();
        args["iov"] = DescribeVector();
    } else if (IsTransfer(by_)) {
        args["in_fd"] = in_fd_;
        args["len"] = bytes_.size();
    } else {
        args["buf"] = Hex(iov_[0].iov_base);
        args["len"] = iov_[0].iov_len;
        if (by_ != SendBy::write) {
            args["dest_addr"] =
                has_address_ ? Address(reinterpret_cast<const sockaddr *>(&to_.storage), to_.size) : Json(nullptr);
        }
    }
    return record;
}

Json Sending::DescribeVector() const {
    Json shown = Json::array();
    for (const iovec &part : iov_)
        shown.push_back({{"base", Hex(part.iov_base)}, {"len", part.iov_len}});
    return shown;
}

void Sending::Tell(ssize_t result, int error) {
    Json record = Describe();
    record["return"] = result;
    record["fds"] = {{"sent", descriptors_}, {"delivered", nullptr}, {"denied", nullptr}, {"lost", nullptr}};
    if (result < 0) {
        record["errno"] = ErrnoName(error);
        record["payload"] = {{"length", 0}, {"captured", 0}};
        if (before_socket_) {
            record.erase("fds");
            if (record["args"].contains("msg"))
                record["args"]["msg"] = {{"address", Hex(address_)}};
            record["args"].erase("dest_addr");
        }
    } else {
        const std::string taken = bytes_.substr(0, static_cast<size_t>(result));
        record["errno"] = nullptr;
        record["index"] = index_;
        record["payload"] = PayloadBytes(taken);
        record["payload"]["length"] = result;
        record["payload"]["captured"] = taken.size();
    }
    for (const std::string &pointer : unknown_) {
        const Json::json_pointer path(pointer);
        if (record.contains(path))
            record[path.parent_pointer()].erase(path.back());
    }
    context_.truth.Append({{"record", record}, {"before_socket", before_socket_}});
}

Sending &SendBatch::Next(std::string bytes) {
    messages_.push_back(std::make_unique<Sending>(context_, fd_, std::move(bytes)));
    return messages_.back()->By(SendBy::sendmmsg);
}

void SendBatch::Sends(int flags, size_t sent) {
    std::vector<mmsghdr> array;
    for (const auto &message : messages_)
        array.push_back(message->array_);
    const Json before = Socket(fd_);
    const long count = syscall(SYS_sendmmsg, fd_, array.data(), array.size(), flags);
    Check(count == static_cast<long>(sent), "sendmmsg returned " + std::to_string(count));
    for (size_t i = 0; i < sent; ++i) {
        context_.truth.CountOperation();
        Sending &message = *messages_[i];
        message.address_ = &array[i].msg_hdr;
        message.index_ = i;
        message.flags_ = flags;
        message.vlen_ = static_cast<unsigned>(array.size());
        message.before_ = before;
        message.Tell(array[i].msg_len, 0);
    }
}

}  // namespace traffic
