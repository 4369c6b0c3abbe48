// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The guard: programs where the kernel asks its security modules. They let pass or refuse. */
#define SOCKWARDEN_GUARD
#include "guard.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("lsm/socket_connect")
int BPF_PROG(gd_connect, struct socket *socket, struct sockaddr *name, int size, int ret)
{
	struct sock *sk = socket->sk;

	if (ret || !sk)
		return ret;
	if (sk->__sk_common.skc_family == AF_UNIX)
		return 0; /* asked about when the kernel has looked up whom the name is of */
	return asked_to_connect(GUARD_gd_connect, sk, NULL, name, size);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(gd_connect_stream, struct sock *sk, struct sock *other, struct sock *new, int ret)
{
	return ret ? ret : asked_to_connect(GUARD_gd_connect_stream, sk, other, NULL, 0);
}

/* Sends of datagrams pass here, too, and of those that io_uring makes nobody can tell that they are none: but for one
 * to whom the socket is connected already they are taken for connections. */
SEC("lsm/unix_may_send")
int BPF_PROG(gd_connect_peer, struct socket *socket, struct socket *other, int ret)
{
	u32 event = event_here(bpf_get_current_task_btf(), NO_EVENT);
	struct sock *sk = socket->sk;

	if (ret || !sk || (event != EVENT_connect && event != NO_EVENT))
		return ret;
	if (event == NO_EVENT && BPF_CORE_READ((struct unix_sock *)sk, peer) == other->sk)
		return 0;
	return asked_to_connect(GUARD_gd_connect_peer, sk, other->sk, NULL, 0);
}

/* TCP connects with the first data, and the kernel does not ask about that. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(gd_connect_send, struct socket *socket, struct msghdr *header, int size, int ret)
{
	struct sock *sk = socket->sk;

	if (ret || !sk || !(header->msg_flags & MSG_FASTOPEN) || !header->msg_name || sk->sk_type != SOCK_STREAM ||
	    sk->__sk_common.skc_family == AF_UNIX)
		return ret;
	return asked_to_connect(GUARD_gd_connect_send, sk, NULL, header->msg_name, header->msg_namelen);
}

SEC("lsm/unix_may_send")
int BPF_PROG(gd_send_peer, struct socket *socket, struct socket *other, int ret)
{
	return ret ? ret : asked_to_send_to(socket, other);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(gd_send, struct socket *socket, struct msghdr *header, int size, int ret)
{
	return ret ? ret : asked_to_send(socket, header, size);
}

SEC("lsm/socket_recvmsg")
int BPF_PROG(gd_receive, struct socket *socket, struct msghdr *header, int size, int flags, int ret)
{
	return ret ? ret : asked_to_receive(socket, flags);
}

SEC("lsm/file_receive")
int BPF_PROG(gd_descriptor, struct file *file, int ret)
{
	return ret ? ret : asked_to_install(file);
}

SEC("lsm/socket_sock_rcv_skb")
int BPF_PROG(gd_queue, struct sock *sk, struct sk_buff *skb, int ret)
{
	bool is_datagram = is_inet(sk->__sk_common.skc_family) && is_udp(sk);

	return ret ? ret : asked_to_queue(sk, skb, is_datagram ? UDP_HEADER : 0);
}

SEC("lsm/file_permission")
int BPF_PROG(gd_splice, struct file *file, int mask, int ret)
{
	return ret || !(mask & MAY_READ) ? ret : asked_to_splice(file);
}

SEC("lsm/socket_getsockopt")
int BPF_PROG(gd_zerocopy, struct socket *socket, int level, int name, int ret)
{
	struct sock *sk = socket->sk;

	return ret || !sk ? ret : asked_for_pages(sk, level, name);
}
