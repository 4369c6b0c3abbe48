/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* A call from its first sight to its record: whose it is, whether it is wanted, what was gathered, and the one
 * place where a message leaves for the reader. */
#ifndef SOCKWARDEN_CALL_H
#define SOCKWARDEN_CALL_H

#include "describe.h"

/* Registers of the present system call. They are true only inside it: see operation_of. */
worker struct pt_regs *registers(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

/* An i386 caller: TS_COMPAT is set for int 0x80 and sysenter alike (arch/x86/include/asm/thread_info.h). */
worker bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* The operations behind system call numbers, plus one. Tables, because the verifier would follow each of a chain of
 * comparisons to the end of every program. */
enum {
	MOST_CALLS = 512, /* room, a power of two */
	MOST_SUBCALLS = 32,
};

#define IS(event) (EVENT_##event + 1)

const volatile u8 native_operations[MOST_CALLS] SEC(".rodata.operations") = {
	[NR_READ] = IS(read),         [NR_READV] = IS(readv),     [NR_PREADV2] = IS(readv),
	[NR_RECVFROM] = IS(recvfrom), [NR_RECVMSG] = IS(recvmsg), [NR_RECVMMSG] = IS(recvmmsg),
	[NR_WRITE] = IS(write),       [NR_WRITEV] = IS(writev),   [NR_PWRITEV2] = IS(writev),
	[NR_SENDTO] = IS(sendto),     [NR_SENDMSG] = IS(sendmsg), [NR_SENDMMSG] = IS(sendmmsg),
	[NR_SENDFILE] = IS(sendfile), [NR_SPLICE] = IS(sendfile), [NR_CONNECT] = IS(connect),
	[NR_ACCEPT] = IS(accept),     [NR_ACCEPT4] = IS(accept),
};

const volatile u8 i386_operations[MOST_CALLS] SEC(".rodata.operations") = {
	[NR_READ_I386] = IS(read),
	[NR_READV_I386] = IS(readv),
	[NR_PREADV2_I386] = IS(readv),
	[NR_RECVFROM_I386] = IS(recvfrom),
	[NR_RECVMSG_I386] = IS(recvmsg),
	[NR_RECVMMSG_I386] = IS(recvmmsg),
	[NR_RECVMMSG_TIME64_I386] = IS(recvmmsg),
	[NR_WRITE_I386] = IS(write),
	[NR_WRITEV_I386] = IS(writev),
	[NR_PWRITEV2_I386] = IS(writev),
	[NR_SENDTO_I386] = IS(sendto),
	[NR_SENDMSG_I386] = IS(sendmsg),
	[NR_SENDMMSG_I386] = IS(sendmmsg),
	[NR_SENDFILE_I386] = IS(sendfile),
	[NR_SENDFILE64_I386] = IS(sendfile),
	[NR_SPLICE_I386] = IS(sendfile),
	[NR_CONNECT_I386] = IS(connect),
	[NR_ACCEPT4_I386] = IS(accept),
};

const volatile u8 socketcall_operations[MOST_SUBCALLS] SEC(".rodata.operations") = {
	[SYS_RECV] = IS(recvfrom),     [SYS_RECVFROM] = IS(recvfrom), [SYS_RECVMSG] = IS(recvmsg),
	[SYS_RECVMMSG] = IS(recvmmsg), [SYS_SEND] = IS(sendto),       [SYS_SENDTO] = IS(sendto),
	[SYS_SENDMSG] = IS(sendmsg),   [SYS_SENDMMSG] = IS(sendmmsg), [SYS_CONNECT] = IS(connect),
	[SYS_ACCEPT] = IS(accept),     [SYS_ACCEPT4] = IS(accept),
};

/* The event of a table's row, plus one. */
worker u32 operation_in(const volatile u8 *table, u64 number, u32 room)
{
	return number < room ? table[BOUNDED(number, room - 1)] : 0;
}

/* What a task receives outside the system calls of receiving it receives for io_uring, and sends likewise: inside
 * io_uring_enter, in a worker, or on its way out of any call. For the engine that sees no request; `request` is what
 * such an operation is at the hook that asks. */
worker u32 operation_of_request(struct task_struct *task, u32 request)
{
	if (task->flags & PF_KTHREAD) /* for nobody: it receives for itself */
		return request == EVENT_io_uring && config.events >> EVENT_kernel & 1 ? EVENT_kernel : NO_EVENT;
#ifdef SOCKWARDEN_TRACEPOINT
	if (config.events >> request & 1)
		return request;
#endif
	return NO_EVENT;
}

/* The operation that the task is inside, where it is traced. The entry code of system calls stores -ENOSYS as the
 * result, which is replaced when the call returns: so registers that an io_uring completion sees after a call, or a
 * worker inherits, are not taken for one. */
worker u32 operation_at(struct task_struct *task, struct pt_regs *regs, u32 request)
{
	u64 number = regs->orig_ax;
	u32 found;

	if ((s32)regs->ax != -ENOSYS || task->flags & (PF_IO_WORKER | PF_KTHREAD))
		return operation_of_request(task, request);
	if (!is_compat(task))
		found = operation_in(native_operations, number, MOST_CALLS);
	else if ((u32)number != NR_SOCKETCALL_I386)
		found = operation_in(i386_operations, (u32)number, MOST_CALLS);
	else
		found = operation_in(socketcall_operations, (u32)regs->bx, MOST_SUBCALLS);
	if (!found && number == NR_IO_URING_ENTER)
		return operation_of_request(task, request);
	return found && config.events >> (found - 1) & 1 ? found - 1 : NO_EVENT;
}

worker u32 operation_of(struct task_struct *task, struct pt_regs *regs)
{
	return operation_at(task, regs, EVENT_io_uring);
}

/* Kinds of operations, a bit for each event. */
enum {
	EVENTS_with_header = 1 << EVENT_recvmsg | 1 << EVENT_recvmmsg | 1 << EVENT_io_uring_recvmsg |
			     1 << EVENT_sendmsg | 1 << EVENT_sendmmsg | 1 << EVENT_io_uring_sendmsg,
	EVENTS_batched = 1 << EVENT_recvmmsg | 1 << EVENT_sendmmsg,
	EVENTS_of_vector = 1 << EVENT_readv | 1 << EVENT_writev,
	EVENTS_of_buffer = 1 << EVENT_recvfrom | 1 << EVENT_read | 1 << EVENT_sendto | 1 << EVENT_write,
	EVENTS_of_file =
		1 << EVENT_read | 1 << EVENT_readv | 1 << EVENT_write | 1 << EVENT_writev | 1 << EVENT_sendfile,
	EVENTS_of_request = 1 << EVENT_io_uring_recv | 1 << EVENT_io_uring_recvmsg | 1 << EVENT_io_uring_read |
			    1 << EVENT_io_uring_send | 1 << EVENT_io_uring_sendmsg | 1 << EVENT_io_uring_write |
			    1 << EVENT_io_uring_connect | 1 << EVENT_io_uring_accept,
	EVENTS_of_accept = 1 << EVENT_accept | 1 << EVENT_io_uring_accept,
	EVENTS_of_pages = 1 << EVENT_splice | 1 << EVENT_zerocopy,
	EVENTS_unknown = 1 << EVENT_kernel | 1 << EVENT_io_uring | 1 << EVENT_io_uring_out,
};

worker bool is_among(u32 event, u32 events)
{
	return events >> event & 1;
}

/* Whether the operation takes a msghdr, or an array of them. */
worker bool has_header(u32 event)
{
	return is_among(event, EVENTS_with_header);
}

/* Whether it is a request of io_uring, which a hook of io_uring's own has begun: no registers tell it. */
worker bool is_request(u32 event)
{
	return is_among(event, EVENTS_of_request);
}

/* Whether it hands over pages: begun by a hook of its own, likewise. */
worker bool is_of_pages(u32 event)
{
	return is_among(event, EVENTS_of_pages);
}

worker bool is_send(u32 event)
{
	return is_among(event, EVENTS_send);
}

/* The address of a descriptor's place in the table of its process; 0 where the table is shorter. */
worker u64 slot_of(struct task_struct *task, u32 number)
{
	struct files_struct *files = BPF_CORE_READ(task, files);
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	struct file **slots = BPF_CORE_READ(table, fd);

	return number < BPF_CORE_READ(table, max_fds) ? (u64)(slots + number) : 0;
}

/* The file behind a descriptor. */
worker struct file *file_at(struct task_struct *task, u32 number)
{
	u64 slot = slot_of(task, number);
	struct file *file = NULL;

	if (slot)
		bpf_probe_read_kernel(&file, sizeof(file), (void *)slot);
	return file;
}

/* What the look-up of a descriptor says: 0, -EBADF or -ENOTSOCK. */
worker s64 descriptor_error(struct task_struct *task, u32 number)
{
	struct file *file = file_at(task, number);

	if (!file || BPF_CORE_READ(file, f_mode) & FMODE_PATH)
		return -EBADF;
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK ? 0 : -ENOTSOCK;
}

/* Whether the call is a splice, which has its target third. */
worker bool is_splice(struct task_struct *task, struct pt_regs *regs)
{
	return regs->orig_ax == (is_compat(task) ? NR_SPLICE_I386 : NR_SPLICE);
}

/* Whether the call is accept4, not accept, which has no flags. */
worker bool has_accept_flags(struct task_struct *task, struct pt_regs *regs)
{
	if (!is_compat(task))
		return regs->orig_ax == NR_ACCEPT4;
	return regs->orig_ax == NR_ACCEPT4_I386 || (u32)regs->bx == SYS_ACCEPT4;
}

/* Whether the operation is on a socket: files are read and written too, and what is done to a tap device or a file of
 * the network passes hooks of sockets on its way. */
worker bool is_on_socket(struct task_struct *task, struct pt_regs *regs, u32 event)
{
	u64 number;

	if (!is_among(event, EVENTS_of_file))
		return true;
	number = is_compat(task) ? regs->bx : regs->di;
	if (event == EVENT_sendfile && is_splice(task, regs))
		number = regs->dx;
	return !descriptor_error(task, number);
}

/* A task without any storage carries no mark: most tasks are told so by one load. */
worker bool may_be_marked(struct task_struct *task)
{
	return !bpf_core_field_exists(task->bpf_storage) || task->bpf_storage;
}

worker bool is_marked(struct task_struct *task)
{
	return may_be_marked(task) && bpf_task_storage_get(&marks, task, NULL, 0);
}

/* Whether this task is one of those that are traced. */
worker bool wanted_task(struct task_struct *task)
{
	if (config.only_marked && !is_marked(task))
		return false;
	return (u32)task->tgid != config.self;
}

/* Whether the filter may want what the present task does, before and after it is done (wanted.h). */
apart int may_be_asked_for(u32 event);
apart int may_be_wanted(struct call *call);

worker bool is_matched(void)
{
	return config.facts || config.verdicts;
}

worker bool is_asked_for(struct task_struct *task, u32 event)
{
	return wanted_task(task) && (!is_matched() || may_be_asked_for(event));
}

worker struct call *place_of(struct task_struct *task)
{
	u32 place = task->pid & config.place_mask;

	return bpf_map_lookup_elem(&places, &place);
}

/* What names a task among those that share a place: its start. They cannot have begun in one nanosecond, as between two
 * thread ids of a place lie as many forks as there are places. */
worker u64 owner_of(struct task_struct *task)
{
	return task->start_boottime << 1;
}

/* The last call of a task, over or in progress. */
worker struct call *last_call(struct task_struct *task, struct call *place)
{
	if (!place || (place->owner & ~(u64)CALL_BUSY) == owner_of(task))
		return place;
	return may_be_marked(task) ? bpf_task_storage_get(&displaced_calls, task, NULL, 0) : NULL;
}

worker struct call *busy_call(struct task_struct *task, struct call *place)
{
	struct call *call = last_call(task, place);

	return call && call->owner & CALL_BUSY ? call : NULL;
}

/* The call in progress of this task, where one of its hooks has begun it. */
worker struct call *present_call(struct task_struct *task)
{
	return busy_call(task, place_of(task));
}

/* Makes the state ready for another call. */
worker void clear_call(struct call *call)
{
	__builtin_memset(&call->message, 0, sizeof(call->message));
	call->progress = 0;
	call->seen = 0;
	call->room = 0;
}

/* The arguments of a system call that this engine asks about, by position. */
struct arguments {
	u64 at[6];
};

/* An i386 caller's, 32 bits each: in registers, or in memory behind socketcall. */
worker void compat_arguments(struct arguments *to, struct pt_regs *regs)
{
	u32 words[6] = {regs->bx, regs->cx, regs->dx, regs->si, regs->di, regs->bp};

	if ((u32)regs->orig_ax == NR_SOCKETCALL_I386) {
		u64 from = (u32)regs->cx;

		words[4] = 0; /* recv and send have four */
		words[5] = 0;
		bpf_probe_read_user(words, (u32)regs->bx == SYS_RECVFROM || (u32)regs->bx == SYS_SENDTO ? 24 : 16,
				    (void *)from);
	}
	for (int i = 0; i < 6; i++)
		to->at[i] = words[i];
}

/* The arguments of the call as its registers hold them. */
worker void arguments_of(struct call *call, struct task_struct *task, u32 event)
{
	struct message_record *message = &call->message;
	struct pt_regs *regs = registers(task);
	struct arguments all;

	if (event == EVENT_recvmsg && !is_compat(task)) {
		message->sockfd = regs->di;
		message->address = regs->si;
		message->flags = regs->dx;
		return;
	}
	if (!is_compat(task)) {
		all = (struct arguments){{regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9}};
	} else {
		message->compat = 1;
		compat_arguments(&all, regs);
	}
	message->sockfd = all.at[0];
	message->address = all.at[1];
	if (event == EVENT_sendmsg || event == EVENT_recvmsg) {
		message->flags = all.at[2];
	} else if (is_among(event, EVENTS_batched)) {
		message->vlen = all.at[2];
		message->flags = all.at[3];
	} else if (is_among(event, EVENTS_of_vector)) {
		message->iovlen = all.at[2];
	} else if (event == EVENT_connect || event == EVENT_accept) {
		call->name_at = all.at[1];
		call->name_size_at = all.at[2];
		if (event == EVENT_accept && has_accept_flags(task, regs))
			message->flags = all.at[3];
	} else if (event == EVENT_sendfile) {
		bool splice = is_splice(task, regs);

		message->sockfd = splice ? all.at[2] : all.at[0];
		message->in_fd = splice ? all.at[0] : all.at[1];
		message->iov_len = splice ? all.at[4] : all.at[3];
	} else {
		message->iov_base = all.at[1];
		message->iov_len = all.at[2];
		message->iovlen = 1;
		if (event == EVENT_recvfrom || event == EVENT_sendto)
			message->flags = all.at[3];
		call->name_at = event == EVENT_recvfrom || event == EVENT_sendto ? all.at[4] : 0;
		call->name_size_at = all.at[5];
	}
}

/* Begins the state anew: a call is seen for the first time, or the end of the one before was not seen. */
worker void restart_call(struct call *call, struct task_struct *task, u32 event)
{
	clear_call(call);
	call->message.head.event = event;
	if (!is_among(event, EVENTS_of_request | EVENTS_unknown | EVENTS_of_pages | 1 << EVENT_fd_received))
		arguments_of(call, task, event);
}

/* The state of a task: at its place, which is its own from the first use until the task ends, or in task storage where
 * the place is another's. */
worker struct call *claim(struct task_struct *task, struct call *place)
{
	u64 owner = owner_of(task);

	if (!place || (place->owner & ~(u64)CALL_BUSY) == owner)
		return place;
	if (place->owner || __sync_val_compare_and_swap(&place->owner, 0, owner))
		return bpf_task_storage_get(&displaced_calls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	place->told = 0;
	place->quick.told = 0;
	place->batch = 0;
	return place;
}

/* Begins a call of a wanted task. */
worker struct call *begin_call(struct task_struct *task, struct call *place, u32 event)
{
	struct call *call = claim(task, place);

	if (!call)
		return NULL;
	call->owner = owner_of(task) | CALL_BUSY;
	restart_call(call, task, event);
	return call;
}

/* A call that was not ended is found when the next one begins: no program saw its end. One that was not entered before
 * our eyes was blocked when the hooks came, and is counted as that. */
worker void end_unseen(struct call *call, struct task_struct *task, u32 event)
{
	if (call->inside || call->seen || call->called)
		count(COUNTER_probe_missed);
	restart_call(call, task, event);
}

/* The call in progress of this task, begun now if no hook has seen it yet; NULL outside the operations that are traced,
 * and where nobody asked for it. `request` is the event of what io_uring does here, where no hook tells it. */
worker struct call *call_at(struct task_struct *task, u32 request)
{
	struct call *place, *call;
	struct pt_regs *regs;
	u32 event;

	if (config.only_marked && !may_be_marked(task))
		return NULL;
	place = place_of(task);
	call = busy_call(task, place);
	if (call && (call->inside || call->seen || is_request(call->message.head.event)))
		return call;
	regs = registers(task);
	event = operation_at(task, regs, request);
	if (event == NO_EVENT)
		return NULL;
	if (!call)
		return is_asked_for(task, event) && is_on_socket(task, regs, event) ? begin_call(task, place, event)
										    : NULL;
	if (call->message.head.event != event)
		end_unseen(call, task, event);
	return call;
}

/* The call at hooks of receiving. */
worker struct call *call_of(struct task_struct *task)
{
	return call_at(task, EVENT_io_uring);
}

/* The call at hooks of sending. */
worker struct call *sending_call(struct task_struct *task)
{
	struct call *call = call_at(task, EVENT_io_uring_out);

	return call && is_send(call->message.head.event) ? call : NULL;
}

/* The same for hooks of the call's own return, which are also met when its registers say no more that it is one. */
worker struct call *ending_call(struct task_struct *task, u32 event)
{
	struct call *place = place_of(task);
	struct call *call = busy_call(task, place);

	if (!call)
		return is_asked_for(task, event) ? begin_call(task, place, event) : NULL;
	if (call->message.head.event != event)
		end_unseen(call, task, event);
	return call;
}

worker void end_call(struct call *call)
{
	call->owner &= ~(u64)CALL_BUSY;
}

/* Frees the place of a task that ends. */
worker int leave_place(struct task_struct *task)
{
	struct call *call = present_call(task);

	if (call && (call->inside || call->seen || call->called)) {
		count(COUNTER_probe_missed);
		end_call(call);
	}
	call = place_of(task);
	if (call && (call->owner & ~(u64)CALL_BUSY) == owner_of(task))
		call->owner = 0;
	return 0;
}

/* Counts an operation that nobody asked for, or that there was no room for. */
worker void count_unseen(struct task_struct *task, u32 event)
{
	if (event == NO_EVENT || !is_among(event, config.asked))
		return;
	if ((u32)task->tgid == config.self)
		count(COUNTER_own);
	else if (is_asked_for(task, event))
		count(COUNTER_no_storage);
	else
		count(COUNTER_filtered);
}

/* A piece record in its scratch, its data to be written behind it. */
worker struct piece_record *new_piece(struct call *call, u32 kind, u32 offset)
{
	struct piece_record *piece = (void *)scratch(call->scratch);

	if (!piece)
		return NULL;
	piece->head.time = bpf_ktime_get_ns();
	if (!call->message.pieces) {
		call->message.call = piece->head.time;
		if (!call->message.writer)
			call->message.writer = (u32)bpf_get_current_pid_tgid();
	}
	piece->head.kind = RECORD_PIECE;
	piece->head.event = kind;
	piece->writer = call->message.writer;
	piece->call = call->message.call;
	piece->offset = offset;
	return piece;
}

worker u8 *piece_data(struct piece_record *piece)
{
	return (u8 *)piece + sizeof(*piece);
}

worker void emit_piece(struct call *call, struct piece_record *piece, u32 size)
{
	u64 whole = sizeof(*piece) + size;

	piece->size = size;
	piece->head.size = whole;
	whole = BOUNDED(whole, 0x3fff);
	if (whole > sizeof(struct scratch))
		return;
	call->message.pieces++;
	if (!emit(piece, whole))
		count(COUNTER_pieces_lost);
}

enum {
	MAX_PIECES = 65536 / PIECE_DATA + 1,
	PIECE_MASK = 2 * PIECE_DATA - 1, /* a bound for the verifier, within a scratch */
};

/* Bytes of a message past its inline part, piece by piece. `read` copies from one of the memories that payload is
 * found in; it gets a whole piece's place and at most PIECE_DATA bytes to fill. */
struct long_capture {
	struct call *call;
	struct sk_buff *skb; /* for reading through a dynptr */
	const void *from;    /* kernel or user address of the byte at `at` */
	u32 offset;          /* in the socket buffer, of the byte at `at` */
	u32 at;              /* place in the message */
	u32 end;             /* where capture ends */
};

/* The part of a capture that fits the next piece; 0 when it is done. */
worker u32 next_part(const struct long_capture *capture)
{
	u32 part = capture->end - capture->at;

	if (capture->at >= capture->end)
		return 0;
	if (part > PIECE_DATA)
		part = PIECE_DATA;
	return part;
}

worker void part_done(struct long_capture *capture, struct piece_record *piece, u32 part)
{
	emit_piece(capture->call, piece, part);
	capture->from += part;
	capture->offset += part;
	capture->at += part;
}

static long long_kernel_step(u32 step, struct long_capture *capture)
{
	u32 part = next_part(capture);
	struct piece_record *piece = new_piece(capture->call, PIECE_PAYLOAD, capture->at);

	if (!part || !piece)
		return 1;
	if (bpf_probe_read_kernel(piece_data(piece), BOUNDED(part, PIECE_MASK), capture->from))
		capture->call->user_payload = 1;
	part_done(capture, piece, part);
	return 0;
}

static long long_user_step(u32 step, struct long_capture *capture)
{
	u32 part = next_part(capture);
	struct piece_record *piece = new_piece(capture->call, PIECE_PAYLOAD, capture->at);

	if (!part || !piece)
		return 1;
	if (bpf_probe_read_user(piece_data(piece), BOUNDED(part, PIECE_MASK), capture->from)) {
		capture->call->message.payload_state = REASON_fault;
		return 1;
	}
	part_done(capture, piece, part);
	return 0;
}

/* The end of what is captured of `length` bytes at `at`. */
worker u32 capture_end(u32 at, u32 length)
{
	u32 end = at + length;

	return end < config.snaplen ? end : config.snaplen;
}

/* How many of `length` bytes at `at` go into the inline part. The caller bounds both again for the verifier. */
worker u32 inline_part(u32 at, u32 length)
{
	u32 limit = config.snaplen < INLINE_PAYLOAD ? config.snaplen : INLINE_PAYLOAD;

	if (at >= limit)
		return 0;
	length = limit - at < length ? limit - at : length;
	OPAQUE(length);
	return length > INLINE_PAYLOAD ? 0 : length;
}

/* Captures bytes that stand contiguously in kernel memory. */
worker void capture_kernel(struct call *call, const void *from, u32 length)
{
	u32 at = call->seen, part = inline_part(at, length);
	struct long_capture rest = {};

	call->seen += length;
	if (part) {
		at = BOUNDED(at, INLINE_PAYLOAD - 1);
		if (bpf_probe_read_kernel(&call->payload[at], part, from))
			call->user_payload = 1;
		call->message.inline_payload = at + part;
	}
	if (config.snaplen <= INLINE_PAYLOAD || part == length)
		return;
	rest.call = call;
	rest.from = from + part;
	rest.at = at + part;
	rest.end = capture_end(at, length);
	bpf_loop(MAX_PIECES, long_kernel_step, &rest, 0);
}

/* Captures bytes that stand in the caller's memory. `at` is their place in the message. */
worker void capture_user(struct call *call, u64 from, u32 at, u32 length)
{
	u32 part = inline_part(at, length), place = BOUNDED(at, INLINE_PAYLOAD - 1);
	struct long_capture rest = {};

	if (part) {
		if (bpf_probe_read_user(&call->payload[place], part, (void *)from)) {
			call->message.payload_state = REASON_fault;
			return;
		}
		call->message.inline_payload = place + part;
	}
	if (config.snaplen <= INLINE_PAYLOAD || part == length)
		return;
	rest.call = call;
	rest.from = (void *)(from + part);
	rest.at = at + part;
	rest.end = capture_end(at, length);
	bpf_loop(MAX_PIECES, long_user_step, &rest, 0);
}

static long buffer_step(u32 step, struct call **context)
{
	struct call *call = *context;
	struct buffer_walk *walk = &call->buffer_walk;
	u64 at = walk->vector + step * sizeof(struct user_iovec);
	struct user_iovec vec;
	u64 size;

	if (walk->of_caller ? bpf_probe_read_user(&vec, sizeof(vec), (void *)at)
			    : bpf_probe_read_kernel(&vec, sizeof(vec), (void *)at)) {
		call->message.payload_state = REASON_fault;
		return 1;
	}
	size = vec.len < walk->length ? vec.len : walk->length;
	if (size)
		capture_user(call, vec.base, walk->at, size);
	walk->at += size;
	walk->length -= size;
	return !walk->length || walk->at >= config.snaplen || call->message.payload_state;
}

/* Captures `total` bytes in the caller's buffers. Their list is the caller's own, or the kernel's copy of it. */
apart int capture_buffers(struct call *call, u64 vector, u64 number, u32 total, u32 of_caller)
{
	struct buffer_walk *walk;

	if (!call)
		return 0;
	walk = &call->buffer_walk;
	walk->vector = vector;
	walk->at = 0;
	walk->length = total;
	walk->of_caller = of_caller;
	call->message.inline_payload = 0;
	call->message.origin = ORIGIN_USER;
	bpf_loop(number < MAX_BUFFERS ? number : MAX_BUFFERS, buffer_step, &call, 0);
	return 0;
}

/* Reads the caller's msghdr, 64-bit or i386, into the 64-bit shape. */
worker int read_msghdr(struct user_msghdr64 *to, const struct message_record *message)
{
	struct user_msghdr32 narrow;

	if (!message->compat)
		return bpf_probe_read_user(to, sizeof(*to), (void *)message->address);
	if (bpf_probe_read_user(&narrow, sizeof(narrow), (void *)message->address))
		return -1;
	to->name = narrow.name;
	to->namelen = narrow.namelen;
	to->iov = narrow.iov;
	to->iovlen = narrow.iovlen;
	to->control = narrow.control;
	to->controllen = narrow.controllen;
	to->flags = narrow.flags;
	return 0;
}

/* Bytes that passed no hook: from the one buffer, or from several as the caller lists them. The kernel's list of those
 * is gone where some hooks stand. Of a batch only the first message is sure to have its msghdr where the call says. */
worker void capture_user_buffer(struct call *call, s64 ret)
{
	struct message_record *message = &call->message;
	struct user_msghdr64 header = {.iov = message->address, .iovlen = message->iovlen};
	bool first = !call->batch || !is_among(message->head.event, EVENTS_batched);

	message->inline_payload = 0;
	if (message->iov_state) { /* nobody knows where it stands */
		message->payload_state = message->iov_state;
		return;
	}
	if (message->iovlen > 1 && first && !message->compat &&
	    (!is_among(message->head.event, EVENTS_with_header) || !read_msghdr(&header, message))) {
		capture_buffers(call, header.iov, header.iovlen, ret, 1);
		return;
	}
	message->origin = ORIGIN_USER;
	capture_user(call, message->iov_base, 0, (u64)ret < message->iov_len ? (u64)ret : message->iov_len);
}

/* Whether payload was delivered that no hook has seen, or not surely all of it. */
worker bool lacks_payload(const struct call *call, s64 ret)
{
	return ret > 0 && config.snaplen && (!call->seen || call->user_payload);
}

/* Whether a call may have delivered something: one that fails may, too, as the kernel copies up to what faults. */
worker bool may_be_delivered(const struct call *call, s64 ret)
{
	return ret >= 0 || (ret == -EFAULT && call->seen);
}

/* What is left of the payload of a call that has delivered nothing. */
worker void settle_nothing(struct call *call, s64 ret)
{
	if (!config.verdicts || !may_be_delivered(call, ret))
		call->message.inline_payload = 0;
}

/* Decides between the bytes that passed a hook and the user's buffers: those of `iov`, or where there is none the one
 * of the message. */
worker void settle_payload(struct call *call, s64 ret, u64 iov, u64 iovlen)
{
	struct message_record *message = &call->message;

	if (ret <= 0) {
		settle_nothing(call, ret);
		return;
	}
	if (!config.snaplen) {
		message->payload_state = REASON_snaplen;
		return;
	}
	if (call->seen > (u64)ret) { /* the bytes of a call before this whose end no program saw are among them */
		count(COUNTER_probe_missed);
		call->user_payload = 1;
	}
	if (!lacks_payload(call, ret)) {
		message->origin = ORIGIN_KERNEL;
		return;
	}
	if (iov)
		capture_buffers(call, iov, iovlen, ret, 1);
	else
		capture_user_buffer(call, ret);
}

/* What an operation without a msghdr has not. */
worker void without_header(struct message_record *message)
{
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	message->iov_state = REASON_none;
}

/* Shows the bytes that hooks saw, if they are all; else they are missing for `reason`. */
worker void settle_seen(struct call *call, s64 ret, u8 reason)
{
	struct message_record *message = &call->message;

	if (ret <= 0) {
		settle_nothing(call, ret);
	} else if (!config.snaplen) {
		message->payload_state = REASON_snaplen;
	} else if (call->seen == ret && !call->user_payload) {
		message->origin = ORIGIN_KERNEL;
	} else {
		message->inline_payload = 0;
		message->payload_state = reason;
	}
}

/* Facts about one passed file, in its place of the list. */
static long fd_step(u32 at, u64 *context)
{
	struct piece_record *piece = (void *)scratch(context[1]);
	struct file *file = NULL;
	struct fd_part *part;

	if (!piece || at >= MAX_FDS)
		return 1;
	at = BOUNDED(at, 0xff);
	part = (void *)(piece_data(piece) + at * sizeof(*part));
	bpf_probe_read_kernel(&file, sizeof(file), (void *)(context[0] + at * sizeof(file)));
	part->inode = BPF_CORE_READ(file, f_inode, i_ino);
	part->magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);
	part->mode = BPF_CORE_READ(file, f_inode, i_mode);
	part->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	part->access = BPF_CORE_READ(file, f_mode);
	part->links = BPF_CORE_READ(file, f_inode, i_nlink);
	return 0;
}

/* The path of one passed file; `at` is the address of the pointer to it. 1 where there is none to write. */
apart int capture_fd_path(struct call *call, u64 at, u32 number)
{
	struct piece_record *piece;
	struct file *file = NULL;
	u32 size;
	u8 cut = 0;

	if (!call)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), (void *)at);
	if (!file)
		return 1;
	piece = new_piece(call, PIECE_FD_PATH, number);
	if (!piece)
		return 1;
	size = append_path(call->scratch, sizeof(*piece), BPF_CORE_READ(file, f_path.mnt),
			   BPF_CORE_READ(file, f_path.dentry), &cut);
	emit_piece(call, piece, size);
	return 0;
}

apart int describe_files(struct call *call, u64 files, u32 number)
{
	u64 context[2] = {files};
	struct piece_record *piece;

	if (!call)
		return 0;
	context[1] = call->scratch;
	if (number > MAX_FDS)
		number = MAX_FDS;
	call->message.fds_sent = number;
	piece = new_piece(call, PIECE_FDS, 0);
	if (!piece)
		return 0;
	bpf_loop(number, fd_step, context, 0);
	emit_piece(call, piece, number * sizeof(struct fd_part));
	return 0;
}

apart int capture_fd_paths(struct call *call, u64 files, u32 number)
{
	if (!call)
		return 0;
	for (u32 i = 0; i < MAX_FD_PATHS && i < number; i++)
		if (capture_fd_path(call, files + i * sizeof(struct file *), i))
			break;
	return 0;
}

/* The files that a message carries. `files` is the address of an array of pointers to them. The two functions stand
 * beside each other, as the stack of 6.1 does not reach deeper below a send. */
worker void capture_files(struct call *call, u64 files, u32 number)
{
	describe_files(call, files, number);
	capture_fd_paths(call, files, number);
}

/* Describes those of the first passed files that are sockets. */
apart int tell_passed(struct call *call, u64 files, u32 number)
{
	struct told_socket *told;

	if (!call)
		return 0;
	told = &call->passed;
	for (u32 i = 0; i < MAX_FD_PATHS; i++) {
		struct file *file = NULL;
		struct socket *socket;

		if (i >= number)
			break;
		bpf_probe_read_kernel(&file, sizeof(file), (void *)(files + i * sizeof(file)));
		if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
			continue;
		socket = BPF_CORE_READ(file, private_data);
		told->key = PASSED_SOCKET | BPF_CORE_READ(file, f_inode, i_ino);
		told->address = (u64)BPF_CORE_READ(socket, sk);
		if (told->address)
			tell_socket(told, call->scratch);
	}
	return 0;
}

/* Files that arrive. */
worker void capture_arriving(struct call *call, u64 files, u32 number)
{
	capture_files(call, files, number);
	if (config.asked >> EVENT_fd_received & 1)
		tell_passed(call, files, number);
}

/* The files that the kernel has listed for a message, while the list still hangs on it. */
worker void capture_listed(struct call *call, struct scm_fp_list *list, bool arriving)
{
	u64 files = (u64)list + bpf_core_field_offset(struct scm_fp_list, fp);
	u32 number = (u16)BPF_CORE_READ(list, count);

	if (arriving)
		capture_arriving(call, files, number);
	else
		capture_files(call, files, number);
}

/* What a UNIX socket notes on a buffer: the writer where somebody asks for credentials, passed files, and how many
 * bytes of a stream's buffer have been read. */
struct unix_note {
	struct pid *writer;
	struct scm_fp_list *files;
	u32 consumed;
};

worker struct unix_note unix_note_of(struct sk_buff *skb)
{
	struct unix_skb_parms *parms = (struct unix_skb_parms *)skb->cb;
	struct unix_note note;

#ifdef SOCKWARDEN_KPROBE
	note.writer = BPF_CORE_READ(parms, pid);
	note.files = BPF_CORE_READ(parms, fp);
	note.consumed = BPF_CORE_READ(parms, consumed);
#else
	/* the verifier takes cb for plain bytes, so these are loads and not calls */
	note.writer = (void *)*(u64 *)((void *)parms + bpf_core_field_offset(struct unix_skb_parms, pid));
	note.files = (void *)*(u64 *)((void *)parms + bpf_core_field_offset(struct unix_skb_parms, fp));
	note.consumed = *(u32 *)((void *)parms + bpf_core_field_offset(struct unix_skb_parms, consumed));
#endif
	return note;
}

/* The writer and the files of a UNIX message. Only its first part counts. */
worker void unix_note_taken(struct call *call, struct sk_buff *skb, const struct unix_note *note)
{
	struct unix_skb_parms *parms = (struct unix_skb_parms *)skb->cb;
	struct message_record *message = &call->message;
	struct pid *writer = note->writer;

	if (writer && (!message->sender_known || message->sender_known == SENDER_PEER)) {
		message->sender_pid = BPF_CORE_READ(writer, numbers[0].nr);
		message->sender_uid = BPF_CORE_READ(parms, uid.val);
		message->sender_gid = BPF_CORE_READ(parms, gid.val);
		message->sender_known = SENDER_WRITER;
	}
	if (note->files && !message->fds_sent)
		capture_listed(call, note->files, true);
}

/* Whether descriptors may have come with the message. */
worker bool may_carry_files(const struct call *call)
{
	return call->message.fds_sent || call->message.control_state == REASON_here;
}

worker void write_message(struct call *call)
{
	struct message_record *message = &call->message;
	u64 size = BOUNDED(message->inline_payload, 0x1ff);

	size += sizeof(*message);
	message->head.size = size;
	if (!emit(message, size))
		count(COUNTER_ring_full);
	end_call(call);
}

/* A message of which nobody knows whom it was for. */
worker void emit_without_process(struct call *call, u64 now, s64 ret)
{
	call->message.ret = ret;
	call->message.head.time = now;
	call->message.head.kind = RECORD_MESSAGE;
	write_message(call);
}

/* The last step: description of the process, then the record. */
worker void emit_message(struct call *call, struct task_struct *task, u64 now, s64 ret)
{
	struct message_record *message = &call->message;

	if (config.asked != config.events && !is_among(message->head.event, config.asked) && !may_carry_files(call)) {
		end_call(call);
		return;
	}
	if (call->skipped) {
		count(COUNTER_own);
		end_call(call);
		return;
	}
	message->ret = ret;
	message->head.time = now;
	message->head.kind = RECORD_MESSAGE;
	process_of(call, task);
	message->peek = message->flags & MSG_PEEK && !is_of_pages(message->head.event); /* flags of another kind */
	if (is_matched() && !may_be_wanted(call)) {
		count(COUNTER_filtered);
		end_call(call);
		return;
	}
	describe_process(call, now, call->scratch);
	write_message(call);
}

/* Gives a message its place in a batch, and with it the address of its msghdr in the caller's array. */
worker void place_in_batch(struct call *call)
{
	struct message_record *message = &call->message;

	message->index = call->batch++;
	message->address += message->index * (message->compat ? 32 : 64); /* sizeof(struct mmsghdr) */
}

/* The call of a batch returns: the next one counts from the beginning. */
worker void end_batch(struct task_struct *task)
{
	struct call *call = last_call(task, place_of(task));

	if (call)
		call->batch = 0;
}

/* A message of a batch. */
worker void emit_batched(struct call *call, struct task_struct *task, s64 ret)
{
	u64 now = bpf_ktime_get_ns();

	place_in_batch(call);
	call->batch_time = now;
	emit_message(call, task, now, ret);
}

#endif
