// SPDX-License-Identifier: Apache-2.0
// Connections over the less usual kinds of sockets, and when what was sent over one can be received whole.
#include "kinds.h"

#include <linux/tls.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "scenario.h"

namespace traffic {
namespace {

// As they stand in front of and behind each record of TLS 1.2 with AES-GCM (RFC 5246, RFC 5288).
constexpr size_t kRecord = 16384, kRecordHead = 5 + 8, kRecordTail = 16;

void Encrypt(const Fd &socket, int direction) {
    tls12_crypto_info_aes_gcm_128 keys{};
    keys.info.version = TLS_1_2_VERSION;
    keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
    std::memset(keys.key, 7, sizeof(keys.key));
    Check(setsockopt(socket.get(), SOL_TLS, direction, &keys, sizeof(keys)) == 0, "setsockopt(SOL_TLS)");
}

int Protocol(const Fd &socket) {
    int protocol = 0;
    socklen_t size = sizeof(protocol);
    getsockopt(socket.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
    return protocol;
}

bool IsEncrypted(const Fd &socket) {
    char name[16] = "";
    socklen_t size = sizeof(name);
    return getsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, name, &size) == 0 && std::strcmp(name, "tls") == 0;
}

}  // namespace

Pair VsockPair() {
    SocketAddress address;
    sockaddr_vm vsock{};
    vsock.svm_family = AF_VSOCK;
    vsock.svm_cid = VMADDR_CID_LOCAL;
    vsock.svm_port = VMADDR_PORT_ANY;
    std::memcpy(&address.storage, &vsock, address.size = sizeof(vsock));
    const Fd probe(socket(AF_VSOCK, SOCK_STREAM, 0));
    if (probe.get() < 0 || bind(probe.get(), address.get(), address.size) != 0)
        throw Skip("no vsock loopback");
    // What a ring of io_uring leaves behind interrupts a connect over vsock, which the kernel does not restart.
    for (int tries = 0;; ++tries) {
        try {
            return StreamPair(AF_VSOCK, SOCK_STREAM, address);
        } catch (const Failure &) {
            if (errno != EINTR || tries == 10)
                throw;
        }
    }
}

Pair MptcpPair() {
    if (Fd(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)).get() < 0)
        throw Skip("no multipath TCP");
    Pair pair = StreamPair(AF_INET, SOCK_STREAM, Loopback(AF_INET), IPPROTO_MPTCP);
    Option(pair.far, IPPROTO_TCP, TCP_NODELAY);
    return pair;
}

Pair KernelTlsPair() {
    Pair pair = TcpPair(AF_INET);
    for (const Fd *end : {&pair.near, &pair.far}) {
        if (setsockopt(end->get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) != 0)
            throw Skip("no TLS in the kernel");
    }
    Encrypt(pair.far, TLS_TX);
    Encrypt(pair.near, TLS_RX);
    return pair;
}

void Deliver(const Pair &pair, std::string_view bytes) {
    Send(pair.far, bytes);
    size_t count = bytes.size();
    switch (Protocol(pair.near)) {
        case IPPROTO_TCP:
            if (IsEncrypted(pair.near))
                count += (count + kRecord - 1) / kRecord * (kRecordHead + kRecordTail);
            [[fallthrough]];
        case IPPROTO_MPTCP:
            return AwaitQueued(pair.near, count);
        default:
            if (!bytes.empty())
                Await(pair.near.get(), POLLIN);  // the first packet holds all that is sent here at once
    }
}

}  // namespace traffic
