// SPDX-License-Identifier: Apache-2.0
// A send or a connect made in the place of the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/text.h"
#include "source/supervisor/caller.h"
#include "source/supervisor/calls.h"
#include "source/supervisor/subjects.h"

namespace sockwarden {

// One message that a call sends, or where it connects to. Addresses are the caller's.
struct SendRequest {
    std::uint64_t msghdr = 0;  // 0: the call has none
    std::string name;          // bytes of a sockaddr, read once
    std::vector<wire::user_iovec> iov;
    std::uint64_t iovlen = 0, total = 0;
    std::vector<std::byte> control;  // as the caller laid it out, read once
    std::uint32_t flags = 0;
};
// Message `index` of the call's. 0, or the errno that the kernel would fail with.
int read_request(const Call &call, const CallerMemory &memory, std::uint32_t index, SendRequest &request);

// Where the kernel goes when it is given this name by a socket of this family, to ask rules about: no address is this
// machine's own (ip_route_connect(), include/net/route.h), and UDP sends to a name without a family over IPv4, over
// IPv6 to its peer (net/ipv4/udp.c, net/ipv6/udp.c): empty then.
std::string meant_by(const std::string &name, std::uint16_t family, bool sends);

// An address that means to this process what it means to the caller. A UNIX path is looked up from the caller's root
// and working directory once, with its rights: what was found is then what is connected to, whatever stands there
// later.
struct Destination {
    std::string name;  // bytes of a sockaddr
    Fd file;           // that a UNIX path leads to, which `name` refers to
};
Result<Destination, int> resolve(const std::string &name, pid_t tid, const Subject &subject);

// While it lives, this thread acts with the user and groups of the subject: what it opens, connects to and sends is
// judged and signed as the subject's.
class Impersonation {
public:
    explicit Impersonation(const Subject &subject);
    Impersonation(const Impersonation &) = delete;
    Impersonation &operator=(const Impersonation &) = delete;
    ~Impersonation();
    // False where this process may not become that user.
    bool is_complete() const { return is_complete_; }

private:
    bool is_changed_ = false, is_complete_ = true;
    std::vector<gid_t> groups_;
};

// A control buffer as this process can send it. Descriptors are taken from the caller; the process id in
// SCM_CREDENTIALS becomes this process' own, as the kernel lets nobody else's pass; one that is not the caller's is
// EPERM.
struct SendControl {
    std::vector<std::byte> bytes;
    std::vector<Fd> files;
};
Result<SendControl, int> take_control(const std::vector<std::byte> &control, const CallerMemory &memory, pid_t caller,
                                      const std::function<int(int)> &take_fd);

}  // namespace sockwarden
