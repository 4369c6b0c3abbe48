/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* The kernel types that the programs read, and nothing else of them: CO-RE moves every access to its place in the
 * running kernel, so the build needs no BTF and the layouts here need not be true. Drift between versions is in
 * compat.h. */
#ifndef SOCKWARDEN_KERNEL_H
#define SOCKWARDEN_KERNEL_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

/* Constants of the kernel's user interface (include/uapi). They cannot change. */
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	AF_UNSPEC = 0,
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	AF_NETLINK = 16,
	AF_VSOCK = 40,
	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	IPPROTO_TCP = 6,
	IPPROTO_MPTCP = 262,
	IPPROTO_UDP = 17,
	IPPROTO_SCTP = 132,
	IPPROTO_UDPLITE = 136,
	INADDR_LOOPBACK = 0x7f000001,
	MSG_PEEK = 0x2,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	O_NONBLOCK = 04000,
	SOCK_NONBLOCK = 04000,
	SOCK_CLOEXEC = 02000000,
	MSG_ERRQUEUE = 0x2000,
	PF_KTHREAD = 0x00200000,
	PF_IO_WORKER = 0x00000010,
	CLONE_THREAD = 0x00010000,
	TS_COMPAT = 0x2,
	ENOSYS = 38,
	EBADF = 9,
	EAGAIN = 11,
	EFAULT = 14,
	EINVAL = 22,
	ENOTSOCK = 88,
	EMSGSIZE = 90,
	MAX_ERRNO = 4095,
	SOL_SOCKET = 1,
	SCM_RIGHTS = 1,
	SCM_PIDFD = 4,
	S_IFMT = 0170000,
	S_IFSOCK = 0140000,
	DCACHE_OP_HASH = 1, /* include/linux/dcache.h */
	DCACHE_OP_COMPARE = 2,
	DCACHE_OP_REVALIDATE = 4,
	S_IFLNK = 0120000,
	S_IFDIR = 0040000,
	PIDTYPE_PID = 0,
	PIDTYPE_TGID = 1,
	ANON_INODE_MAGIC = 0x09041934,
	PIDFS_MAGIC = 0x50494446, /* include/uapi/linux/magic.h */
	FMODE_PATH = 0x4000,      /* include/linux/fs.h */
	NR_READ = 0,              /* arch/x86/entry/syscalls/syscall_64.tbl */
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDFILE = 40,
	NR_CONNECT = 42,
	NR_ACCEPT = 43,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_GETSOCKOPT = 55,
	NR_SPLICE = 275,
	NR_ACCEPT4 = 288,
	NR_RECVMMSG = 299,
	NR_SENDMMSG = 307,
	NR_PREADV2 = 327,
	NR_PWRITEV2 = 328,
	NR_IO_URING_ENTER = 426,
	NR_PIDFD_GETFD = 438,
	NR_READ_I386 = 3, /* arch/x86/entry/syscalls/syscall_32.tbl */
	NR_WRITE_I386 = 4,
	NR_SOCKETCALL_I386 = 102,
	NR_READV_I386 = 145,
	NR_WRITEV_I386 = 146,
	NR_SENDFILE_I386 = 187,
	NR_SENDFILE64_I386 = 239,
	NR_SPLICE_I386 = 313,
	NR_RECVMMSG_I386 = 337,
	NR_SENDMMSG_I386 = 345,
	NR_CONNECT_I386 = 362,
	NR_GETSOCKOPT_I386 = 365,
	NR_ACCEPT4_I386 = 364,
	NR_SENDTO_I386 = 369,
	NR_SENDMSG_I386 = 370,
	NR_RECVFROM_I386 = 371,
	NR_RECVMSG_I386 = 372,
	NR_PREADV2_I386 = 378,
	NR_PWRITEV2_I386 = 379,
	NR_RECVMMSG_TIME64_I386 = 417,
	SYS_CONNECT = 3, /* include/uapi/linux/net.h */
	SYS_ACCEPT = 5,
	SYS_SEND = 9,
	SYS_RECV = 10,
	SYS_SENDTO = 11,
	SYS_RECVFROM = 12,
	SYS_SENDMSG = 16,
	SYS_RECVMSG = 17,
	SYS_GETSOCKOPT = 15,
	SYS_ACCEPT4 = 18,
	SYS_RECVMMSG = 19,
	SYS_SENDMMSG = 20,
	MSG_CMSG_COMPAT = 0x80000000,
};

/* The C library's layout of what a 64-bit caller passes; user memory, so no relocation. */
struct user_msghdr64 {
	__u64 name;
	__s32 namelen;
	__u32 pad;
	__u64 iov;
	__u64 iovlen;
	__u64 control;
	__u64 controllen;
	__u32 flags;
	__u32 pad2;
};

struct user_msghdr32 {
	__u32 name;
	__s32 namelen;
	__u32 iov;
	__u32 iovlen;
	__u32 control;
	__u32 controllen;
	__u32 flags;
};

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct list_head {
	struct list_head *next;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	__u16 i_mode;
	unsigned long i_ino;
	unsigned int i_nlink;
	struct super_block *i_sb;
	void *i_private;
	char *i_link; /* the target of a short symbolic link */
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned int d_flags;
	struct {
		void **pprev;
	} d_hash;
	struct hlist_node d_sib; /* since 6.8, and the next */
	struct hlist_head d_children;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts; /* of struct mount, by the next: */
	struct list_head mnt_child;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	struct file *exe_file;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	__u64 id;
};

struct kernfs_node___6_15 {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct cred {
	kuid_t uid;
	kgid_t gid;
};

struct upid {
	int nr;
};

struct pid {
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct thread_info {
	__u32 status;
};

struct seccomp_filter {
	struct seccomp_filter *prev;
};

struct seccomp {
	struct seccomp_filter *filter;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	unsigned int __state;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	const struct cred *cred;
	char comm[16];
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct css_set *cgroups;
	void *bpf_storage;
	struct hlist_node pid_links[4];
	struct seccomp seccomp;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct {
		__s64 counter;
	} skc_cookie;
};

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
};

struct sk_buff_head {
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct {
		struct {
			int counter;
		} refs;
	} sk_wmem_alloc;
	__s32 sk_peek_off;
	struct socket *sk_socket;
	__u16 sk_protocol;
	__u16 sk_type;
	__u8 sk_kern_sock : 1;
	struct pid *sk_peer_pid;
	const struct cred *sk_peer_cred;
};

struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 copied_seq;
	__u32 write_seq;
};

struct sockaddr_un {
	__u16 sun_family;
	char sun_path[108];
};

struct bpf_sock_addr_kern {
	struct sock *sk;
	struct sockaddr *uaddr;
	__u32 uaddrlen; /* since 6.7 */
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
	struct path path;
};

struct netlink_sock {
	__u32 portid;
	__u32 dst_portid;
	__u32 dst_group;
	__u32 ngroups;
	unsigned long *groups;
};

struct scm_fp_list {
	short count;
	struct file *fp[253];
};

struct unix_skb_parms {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	struct scm_fp_list *fp;
	__u32 consumed;
};

struct tcp_skb_cb {
	__u32 seq;
};

struct mptcp_skb_cb {
	__u32 offset;
};

struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	char cb[48];
	unsigned int len;
	unsigned int data_len;
	unsigned int end;     /* offset from head of the shared info */
	__u16 network_header; /* offsets from head */
	__u16 transport_header;
	unsigned char *head;
	unsigned char *data;
};

struct page {
	unsigned long flags;
};

struct skb_frag {
	unsigned long netmem; /* a page, or with bit 0 device memory */
	unsigned int len;
	unsigned int offset;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct skb_shared_info {
	__u8 nr_frags;
	struct sk_buff *frag_list;
	struct skb_frag frags[17];
};

struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

struct iov_iter {
	__u8 iter_type;
	unsigned long iov_offset;
	unsigned long count;
	unsigned long nr_segs;
	void *ubuf;
	const struct iovec *__iov;
	const struct bio_vec *bvec;
	const struct iovec *kvec;
};

struct iov_iter___6_3 {
	const struct iovec *iov;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iov_iter msg_iter;
	void *msg_control;
	unsigned long msg_controllen;
	unsigned int msg_flags;
};

struct io_cqe {
	__s32 res;
	union {
		__u32 flags;
		int fd; /* until the request completes */
	};
};

struct io_kiocb {
	struct file *file;
	struct io_cqe cqe;
	__u8 opcode;
};

/* What a request of io_recv() and io_recvmsg() keeps in the place of its io_kiocb's command. */
struct io_sr_msg {
	void *buf;
	unsigned int len;
	unsigned int msg_flags;
};

struct tcp_zerocopy_receive {
	__u64 address;
	__u32 length;
	__s32 copybuf_len;
};

struct io_accept {
	int flags;
};

struct scm_cookie {
	struct scm_fp_list *fp;
};

struct bpf_iter_meta {
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* A tracepoint: 6.3 (kernel 6e6eda44b939) and newer have it. */
typedef void (*btf_trace_sock_send_length)(void *, struct sock *, int, int);

/* Values are the running kernel's: they changed in 6.4 (de4f5fed3f23). */
enum iter_type {
	ITER_UBUF,
	ITER_IOVEC,
	ITER_BVEC,
	ITER_KVEC,
};

/* Opaque to programs (include/uapi/linux/bpf.h). */
struct bpf_dynptr {
	__u64 opaque[2];
} __attribute__((aligned(8)));

/* A classic tracepoint's record at the return of a system call (events/syscalls/sys_exit_recvmsg/format). */
struct syscall_exit {
	__u64 common;
	long nr;
	long ret;
};

#endif
