// SPDX-License-Identifier: Apache-2.0
// Scenarios over UNIX sockets: each type, each way to be named, messages glued and cut.
#include <unistd.h>

#include "receive.h"

namespace traffic {
namespace {

void DatagramPath(Context &context) {
    Scratch scratch;
    const Fd near = Open(AF_UNIX, SOCK_DGRAM);
    const Fd far = Open(AF_UNIX, SOCK_DGRAM);
    const SocketAddress here = UnixPath(scratch.Path("near"));
    Bind(near, here);
    Bind(far, UnixPath(scratch.Path("far")));
    SendTo(far, "to a path", here);
    Receive(context, near).Name().Gets("to a path");
}

void DatagramPathUnbound(Context &context) {
    Scratch scratch;
    const Fd near = Open(AF_UNIX, SOCK_DGRAM);
    const Fd far = Open(AF_UNIX, SOCK_DGRAM);
    const SocketAddress here = UnixPath(scratch.Path("near"));
    Bind(near, here);
    SendTo(far, "from nobody", here);
    Receive(context, near).Name().Gets("from nobody");
}

void DatagramAbstract(Context &context) {
    const Fd near = Open(AF_UNIX, SOCK_DGRAM);
    const Fd far = Open(AF_UNIX, SOCK_DGRAM);
    const SocketAddress here = UnixAbstract("sockwarden-near-" + std::to_string(getpid()));
    Bind(near, here);
    Bind(far, UnixAbstract("sockwarden-far-" + std::to_string(getpid())));
    SendTo(far, "to a name", here);
    Receive(context, near).Name().Gets("to a name");
}

void DatagramPair(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    Send(pair.far, "unnamed");
    Receive(context, pair.near).Name().Gets("unnamed");
}

void DatagramLongPath(Context &context) {
    Scratch scratch;
    const size_t room = 107 - scratch.Path("").size() - 1;  // sun_path with its NUL is 108
    const Fd near = Open(AF_UNIX, SOCK_DGRAM);
    const Fd far = Open(AF_UNIX, SOCK_DGRAM);
    const SocketAddress here = UnixPath(scratch.Path(std::string(room, 'n')));
    Bind(near, here);
    Bind(far, UnixPath(scratch.Path(std::string(room, 'f'))));
    SendTo(far, "long", here);
    Receive(context, near).Name().Gets("long");
}

void Datagram65535(Context &context) {
    const Pair pair = UnixPair(SOCK_DGRAM);
    const std::string bytes = Pattern(65535);
    Send(pair.far, bytes);
    Receive(context, pair.near).Buffers({65535}).Gets(bytes);
}

void StreamPairOfProcess(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "hello");
    Receive(context, pair.near).Gets("hello");
    Send(pair.near, "and back");
    Receive(context, pair.far).Gets("and back");
}

void StreamPath(Context &context) {
    Scratch scratch;
    const Pair pair = StreamPair(AF_UNIX, SOCK_STREAM, UnixPath(scratch.Path("listener")));
    Send(pair.far, "to the listener");
    Receive(context, pair.near).Gets("to the listener");
    Send(pair.near, "to the client");
    Receive(context, pair.far).Gets("to the client");
}

void StreamPartial(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "abcdefghijklmnopqrstuvwxyz");
    Receive(context, pair.near).Buffers({10}).Gets("abcdefghij");
    Receive(context, pair.near).Buffers({3, 7}).Gets("klmnopqrst");
    Receive(context, pair.near).Buffers({10}).Gets("uvwxyz");
}

void StreamGlued(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "first, ");
    Send(pair.far, "second");
    Receive(context, pair.near).Gets("first, second");
}

void StreamGluedThenCut(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    Send(pair.far, "aaaaaaaa");
    Send(pair.far, "bbbbbbbb");
    Receive(context, pair.near).Buffers({5}).Gets("aaaaa");
    Receive(context, pair.near).Buffers({7}).Gets("aaabbbb");
    Receive(context, pair.near).Buffers({7}).Gets("bbbb");
}

void Stream65535(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const std::string bytes = Pattern(65535);
    Send(pair.far, bytes);
    Receive(context, pair.near).Buffers({65535}).Gets(bytes);
}

void Stream65535Offset(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    const std::string bytes = Pattern(65535);
    Send(pair.far, bytes);
    Receive(context, pair.near).Buffers({40000}).Gets(bytes.substr(0, 40000));
    Receive(context, pair.near).Buffers({40000}).Gets(bytes.substr(40000));
}

void SeqPacket(Context &context) {
    const Pair pair = UnixPair(SOCK_SEQPACKET);
    Send(pair.far, "packet one");
    Send(pair.far, "packet two");
    Receive(context, pair.near).Gets("packet one");
    Receive(context, pair.near).Gets("packet two");
}

void SeqPacketPath(Context &context) {
    Scratch scratch;
    const Pair pair = StreamPair(AF_UNIX, SOCK_SEQPACKET, UnixPath(scratch.Path("listener")));
    Send(pair.far, "packet", MSG_EOR);
    Receive(context, pair.near).Name().Gets("packet");
}

void StreamUrgent(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    if (send(pair.far.get(), "!", 1, MSG_OOB) != 1)
        throw Skip("no MSG_OOB on UNIX streams");
    Receive(context, pair.near).Flags(MSG_OOB).Gets("!");
}

constexpr Scenario kScenarios[] = {
    {"unix-datagram-path", DatagramPath, ""},
    {"unix-datagram-path-unbound", DatagramPathUnbound, ""},
    {"unix-datagram-abstract", DatagramAbstract, ""},
    {"unix-datagram-pair", DatagramPair, ""},
    {"unix-datagram-long-path", DatagramLongPath, ""},
    {"unix-datagram-65535", Datagram65535, ""},
    {"unix-stream-pair", StreamPairOfProcess, ""},
    {"unix-stream-path", StreamPath, ""},
    {"unix-stream-partial", StreamPartial, ""},
    {"unix-stream-glued", StreamGlued, ""},
    {"unix-stream-glued-cut", StreamGluedThenCut, ""},
    {"unix-stream-65535", Stream65535, ""},
    {"unix-stream-65535-offset", Stream65535Offset, ""},
    {"unix-stream-oob", StreamUrgent, "MSG_OOB on UNIX streams"},
    {"unix-seqpacket", SeqPacket, ""},
    {"unix-seqpacket-path", SeqPacketPath, ""},
};

}  // namespace

std::span<const Scenario> UnixScenarios() { return kScenarios; }

}  // namespace traffic
