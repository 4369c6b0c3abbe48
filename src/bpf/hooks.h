/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The programs of the guard, hook by hook: what each asks, and the list of them. Who includes it defines PROGRAM, by
 * which a hook becomes one program or two.
 *
 *   PROGRAM(id, hook, function, parameters, arguments, operation)
 *
 * hook        of the security modules, and `function` what is called there, behind "security_"
 * parameters  of the hook, and `arguments` their names, both in parentheses
 * operation   two pointers, in parentheses, that tell what is asked about from what is asked about next on this CPU */
#ifndef SOCKWARDEN_HOOKS_H
#define SOCKWARDEN_HOOKS_H

#include "guard.h"

worker int on_gd_connect(u32 turn, struct socket *socket, struct sockaddr *name, int size)
{
	struct sock *sk = socket->sk;

	if (!sk || sk->__sk_common.skc_family == AF_UNIX)
		return 0; /* the latter is asked about when the kernel has looked up whom the name is of */
	return asked_to_connect(turn + GUARD_gd_connect, sk, NULL, name, size);
}

worker int on_gd_connect_stream(u32 turn, struct sock *sk, struct sock *other, struct sock *new)
{
	return asked_to_connect(turn + GUARD_gd_connect_stream, sk, other, NULL, 0);
}

/* Sends of datagrams pass here, too. Of those that io_uring makes the stack tells, where the kernel shows its
 * functions; else they are taken for connections, but for one to whom the socket is connected already. */
worker int on_gd_connect_peer(u32 turn, struct socket *socket, struct socket *other)
{
	u32 event = event_here(bpf_get_current_task_btf(), NO_EVENT);
	struct sock *sk = socket->sk;

	if (!sk || (event != EVENT_connect && event != NO_EVENT))
		return 0;
	if (event == NO_EVENT && BPF_CORE_READ((struct unix_sock *)sk, peer) == other->sk)
		return 0;
	return asked_to_connect(turn + GUARD_gd_connect_peer, sk, other->sk, NULL, 0);
}

/* TCP connects with the first data, and the kernel does not ask about that. */
worker int on_gd_connect_send(u32 turn, struct socket *socket, struct msghdr *header, int size)
{
	struct sock *sk = socket->sk;

	if (!sk || !(header->msg_flags & MSG_FASTOPEN) || !header->msg_name || sk->sk_type != SOCK_STREAM ||
	    sk->__sk_common.skc_family == AF_UNIX)
		return 0;
	return asked_to_connect(turn + GUARD_gd_connect_send, sk, NULL, header->msg_name, header->msg_namelen);
}

worker int on_gd_send_peer(u32 turn, struct socket *socket, struct socket *other)
{
	return asked_to_send_to(turn + GUARD_gd_send_peer, socket, other);
}

worker int on_gd_send(u32 turn, struct socket *socket, struct msghdr *header, int size)
{
	return asked_to_send(turn + GUARD_gd_send, socket, header, size);
}

worker int on_gd_receive(u32 turn, struct socket *socket, struct msghdr *header, int size, int flags)
{
	return asked_to_receive(turn + GUARD_gd_receive, socket, flags);
}

worker int on_gd_descriptor(u32 turn, struct file *file)
{
	return asked_to_install(turn + GUARD_gd_descriptor, file);
}

worker int on_gd_give(u32 turn, struct socket *socket, struct msghdr *header, int size)
{
	return gives_over_stream(turn + GUARD_gd_give, socket, header);
}

worker int on_gd_give_queued(u32 turn, struct sock *sk, struct sk_buff *skb)
{
	return gives_by_queueing(turn + GUARD_gd_give_queued, sk, skb);
}

worker int on_gd_take(u32 turn, struct socket *socket, struct msghdr *header, int size, int flags)
{
	return receives_from(turn + GUARD_gd_take, socket);
}

worker int on_gd_queue(u32 turn, struct sock *sk, struct sk_buff *skb)
{
	bool is_datagram = is_inet(sk->__sk_common.skc_family) && is_udp(sk);

	return asked_to_queue(turn + GUARD_gd_queue, sk, skb, is_datagram ? UDP_HEADER : 0);
}

worker int on_gd_splice(u32 turn, struct file *file, int mask)
{
	return mask & MAY_READ ? asked_to_splice(turn + GUARD_gd_splice, file) : 0;
}

worker int on_gd_zerocopy(u32 turn, struct socket *socket, int level, int name)
{
	struct sock *sk = socket->sk;

	return sk ? asked_for_pages(turn + GUARD_gd_zerocopy, sk, level, name) : 0;
}

#define LIST(...) __VA_ARGS__
#define PROGRAM_OF(...) BPF_PROG(__VA_ARGS__) /* whose arguments are lists */

PROGRAM(gd_connect, "socket_connect", "socket_connect", (struct socket * socket, struct sockaddr *name, int size),
	(socket, name, size), (socket, NULL))
PROGRAM(gd_connect_stream, "unix_stream_connect", "unix_stream_connect",
	(struct sock * sk, struct sock *other, struct sock *new), (sk, other, new), (sk, new))
PROGRAM(gd_connect_peer, "unix_may_send", "unix_may_send", (struct socket * socket, struct socket *other),
	(socket, other), (socket, other))
PROGRAM(gd_connect_send, "socket_sendmsg", "socket_sendmsg", (struct socket * socket, struct msghdr *header, int size),
	(socket, header, size), (socket, header))
PROGRAM(gd_send_peer, "unix_may_send", "unix_may_send", (struct socket * socket, struct socket *other), (socket, other),
	(socket, other))
PROGRAM(gd_send, "socket_sendmsg", "socket_sendmsg", (struct socket * socket, struct msghdr *header, int size),
	(socket, header, size), (socket, header))
PROGRAM(gd_receive, "socket_recvmsg", "socket_recvmsg",
	(struct socket * socket, struct msghdr *header, int size, int flags), (socket, header, size, flags),
	(socket, header))
PROGRAM(gd_descriptor, "file_receive", "file_receive", (struct file * file), (file), (file, NULL))
PROGRAM(gd_give, "socket_sendmsg", "socket_sendmsg", (struct socket * socket, struct msghdr *header, int size),
	(socket, header, size), (socket, header))
PROGRAM(gd_give_queued, "socket_sock_rcv_skb", "sock_rcv_skb", (struct sock * sk, struct sk_buff *skb), (sk, skb),
	(sk, skb))
PROGRAM(gd_take, "socket_recvmsg", "socket_recvmsg",
	(struct socket * socket, struct msghdr *header, int size, int flags), (socket, header, size, flags),
	(socket, header))
PROGRAM(gd_queue, "socket_sock_rcv_skb", "sock_rcv_skb", (struct sock * sk, struct sk_buff *skb), (sk, skb), (sk, skb))
PROGRAM(gd_splice, "file_permission", "file_permission", (struct file * file, int mask), (file, mask), (file, NULL))
PROGRAM(gd_zerocopy, "socket_getsockopt", "socket_getsockopt", (struct socket * socket, int level, int name),
	(socket, level, name), (socket, NULL))

#endif
