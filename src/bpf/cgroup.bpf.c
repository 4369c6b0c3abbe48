// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* The guard where the kernel refuses programs at its security modules' hooks: programs of a cgroup. */
#define SOCKWARDEN_GUARD
#define SOCKWARDEN_CGROUP
#include "guard.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct bpf_sock_addr;
struct __sk_buff;

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

enum {
	REFUSED, /* what a program of a cgroup returns */
	PASSED,
	SOCKADDR_IN6 = 28,
};

/* What is asked for under a name. The kernel knows how long a name is since it asks about UNIX sockets; those of others
 * are as long as their family. */
struct naming {
	struct sock *sk;
	const void *name;
	u32 size;
};

worker struct naming naming_of(struct bpf_sock_addr *context)
{
	struct bpf_sock_addr_kern *kernel = bpf_cast_to_kern_ctx(context);
	struct naming naming = {.sk = kernel->sk, .name = kernel->uaddr, .size = SOCKADDR_IN6};

	if (bpf_core_field_exists(kernel->uaddrlen))
		naming.size = kernel->uaddrlen;
	bpf_get_socket_cookie(context);
	return naming;
}

worker bool is_of_kernel(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

worker int answered(int ret)
{
	if (!ret)
		return PASSED;
	bpf_set_retval(ret);
	return REFUSED;
}

worker int asked_in_connect(u32 hook, struct bpf_sock_addr *context)
{
	struct naming naming = naming_of(context);

	if (is_of_kernel(naming.sk))
		return PASSED;
	return answered(asked_to_connect(hook, naming.sk, NULL, naming.name, naming.size));
}

worker int asked_in_send(u32 hook, struct bpf_sock_addr *context)
{
	struct naming naming = naming_of(context);

	if (is_of_kernel(naming.sk))
		return PASSED;
	return answered(asked_to_send_named(hook, naming.sk, naming.name, naming.size));
}

SEC("cgroup/connect4")
int cg_connect4(struct bpf_sock_addr *context)
{
	return asked_in_connect(GUARD_cg_connect4, context);
}

SEC("cgroup/connect6")
int cg_connect6(struct bpf_sock_addr *context)
{
	return asked_in_connect(GUARD_cg_connect6, context);
}

SEC("cgroup/connect_unix")
int cg_connect_unix(struct bpf_sock_addr *context)
{
	return asked_in_connect(GUARD_cg_connect_unix, context);
}

SEC("cgroup/sendmsg4")
int cg_send4(struct bpf_sock_addr *context)
{
	return asked_in_send(GUARD_cg_send4, context);
}

SEC("cgroup/sendmsg6")
int cg_send6(struct bpf_sock_addr *context)
{
	return asked_in_send(GUARD_cg_send6, context);
}

SEC("cgroup/sendmsg_unix")
int cg_send_unix(struct bpf_sock_addr *context)
{
	return asked_in_send(GUARD_cg_send_unix, context);
}

/* The data of the buffer begins with the header of IP here. */
SEC("cgroup_skb/ingress")
int cg_queue(struct __sk_buff *context)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(context);
	struct sock *sk = skb->sk;
	u32 offset;

	if (!sk || !is_udp(sk))
		return PASSED;
	if (is_canary_socket(sk))
		return shared.canary == GUARD_cg_queue + 1 ? REFUSED : PASSED;
	bpf_get_socket_cookie(context);
	offset = (u64)BPF_CORE_READ(skb, head) + skb->transport_header + UDP_HEADER - (u64)BPF_CORE_READ(skb, data);
	return asked_to_queue(GUARD_cg_queue, sk, skb, offset) ? REFUSED : PASSED;
}
