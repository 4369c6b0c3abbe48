/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What can be read of a call from the caller's own memory, for engines that see no kernel copy. All of it is tagged U
 * and TOCTOU in origins.def. */
#ifndef SOCKWARDEN_USER_H
#define SOCKWARDEN_USER_H

#include "call.h"

enum {
	USER_WINDOW = 256, /* bytes within which a msghdr and its buffers are read at once */
};

/* Reads the caller's msghdr and its first buffer. They usually stand on one stack frame, as far from each other as in
 * the call before: one read then gets both, and a read of user memory is the dearest thing done here. */
worker int read_header(struct call *call, struct user_msghdr64 *header, struct user_iovec *first)
{
	const struct message_record *message = &call->message;
	s64 distance = call->buffer_distance;
	u64 at = distance < 0 ? -distance : 0;
	u64 size = distance < 0 ? at + sizeof(*header) : distance + sizeof(*first);
	struct scratch *room = scratch(call->scratch);

	if (!message->compat && distance && room && size <= USER_WINDOW &&
	    !bpf_probe_read_user(room->bytes, BOUNDED(size, 2 * USER_WINDOW - 1), (void *)(message->address - at))) {
		*header = *(struct user_msghdr64 *)(room->bytes + BOUNDED(at, USER_WINDOW - 1));
		*first = *(struct user_iovec *)(room->bytes + BOUNDED(at + distance, USER_WINDOW - 1));
		if (header->iov == message->address + distance)
			return 0;
	}
	if (read_msghdr(header, message))
		return -1;
	distance = header->iov - message->address;
	call->buffer_distance = distance > -USER_WINDOW && distance < USER_WINDOW ? distance : 0;
	if (message->compat || header->iovlen != 1)
		return 0;
	if (bpf_probe_read_user(first, sizeof(*first), (void *)header->iov))
		call->message.iov_state = REASON_fault;
	return 0;
}

apart int user_iovecs(struct call *call, u64 iov, u64 iovlen)
{
	struct piece_record *piece;
	u32 size;

	if (!call)
		return 0;
	if (iovlen > MAX_IOVECS)
		iovlen = MAX_IOVECS;
	size = iovlen * sizeof(struct user_iovec);
	piece = new_piece(call, PIECE_IOVEC, 0);
	if (!piece || size > MAX_IOVECS * sizeof(struct user_iovec))
		return 0;
	if (bpf_probe_read_user(piece_data(piece), size, (void *)iov)) {
		call->message.iov_state = REASON_fault;
		return 0;
	}
	emit_piece(call, piece, size);
	return 0;
}

apart int user_name(struct call *call, u64 name, u32 namelen)
{
	struct piece_record *piece;

	if (!call)
		return 0;
	if (namelen > ADDRESS_ROOM)
		namelen = ADDRESS_ROOM;
	piece = new_piece(call, PIECE_NAME, 0);
	if (!piece)
		return 0;
	OPAQUE(namelen);
	if (namelen > ADDRESS_ROOM)
		return 0;
	if (bpf_probe_read_user(piece_data(piece), namelen, (void *)name)) {
		call->message.name_state = REASON_fault;
		return 0;
	}
	emit_piece(call, piece, namelen);
	return 0;
}

apart int user_control(struct call *call, u64 control, u64 controllen)
{
	struct piece_record *piece;
	u32 size = controllen > PIECE_DATA ? PIECE_DATA : controllen;

	if (!call)
		return 0;
	piece = new_piece(call, PIECE_CONTROL, 0);
	if (!piece)
		return 0;
	OPAQUE(size);
	if (size > PIECE_DATA)
		return 0;
	if (bpf_probe_read_user(piece_data(piece), size, (void *)control)) {
		call->message.control_state = REASON_fault;
		return 0;
	}
	emit_piece(call, piece, size);
	return 0;
}

/* The buffers: given by the caller, so readable at any time. */
worker void gather_iovecs(struct call *call, const struct user_msghdr64 *header, const struct user_iovec *first)
{
	struct message_record *message = &call->message;

	message->iovlen = header->iovlen;
	if (message->compat) {
		message->iov_state = REASON_compat;
	} else if (header->iovlen > 1) {
		user_iovecs(call, header->iov, header->iovlen);
	} else if (header->iovlen && !message->iov_state) {
		message->iov_base = first->base;
		message->iov_len = first->len;
	}
}

/* The buffers of readv, whose number is known. */
worker void gather_vector(struct call *call)
{
	struct message_record *message = &call->message;
	struct user_iovec first = {};

	if (message->compat) {
		message->iov_state = REASON_compat;
	} else if (message->iovlen > 1) {
		user_iovecs(call, message->address, message->iovlen);
	} else if (message->iovlen) {
		if (bpf_probe_read_user(&first, sizeof(first), (void *)message->address))
			message->iov_state = REASON_fault;
		message->iov_base = first.base;
		message->iov_len = first.len;
	}
}

/* Gathers what a msghdr in the caller's memory shows before the call is over. */
worker void finish_header(struct call *call, s64 ret, u8 reason)
{
	struct message_record *message = &call->message;
	struct user_msghdr64 header;
	struct user_iovec first = {};

	message->name_state = reason;
	message->control_state = reason;
	message->flags_state = reason;
	if (reason == REASON_light && !lacks_payload(call, ret)) {
		message->iov_state = reason;
		settle_payload(call, ret, 0, 0);
		return;
	}
	if (read_header(call, &header, &first)) {
		message->iov_state = REASON_fault;
		return;
	}
	if (!header.name)
		message->name_state = REASON_none;
	if (!header.control)
		message->control_state = REASON_none;
	gather_iovecs(call, &header, &first);
	settle_payload(call, ret, header.iov, message->compat ? 0 : header.iovlen);
}

/* What remains to be gathered where the return of the call is not seen, for `reason`. With --light the caller's memory
 * is not read, unless the payload can be had nowhere else. */
apart int finish_early(struct call *call, s64 ret, u8 reason)
{
	struct message_record *message;
	u32 event;
	u64 vector;

	if (!call)
		return 0;
	message = &call->message;
	event = message->head.event;
	vector = is_among(event, EVENTS_of_vector) && !message->compat ? message->address : 0;
	message->entry_state = REASON_late_attach;
	if (has_header(event)) {
		finish_header(call, ret, reason);
		return 0;
	}
	message->name_state = call->name_at ? reason : REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	if (event == EVENT_readv && reason == REASON_light && !lacks_payload(call, ret))
		message->iov_state = reason;
	else if (event == EVENT_readv)
		gather_vector(call);
	settle_payload(call, ret, vector, message->iovlen);
	return 0;
}

/* Files that are sent, as the numbers in the caller's ancillary data name them: a walk over it. */
struct named_files {
	u64 files[MAX_FDS + 3]; /* struct file *, room for any byte as an index */
	u32 number;
	u32 at; /* bytes of the ancillary data that are done */
	u32 size;
	u32 spare;
	u64 where; /* address of `files`, as a number: a pointer to a map's memory is no number to the verifier */
};

struct user_cmsghdr64 {
	u64 len;
	s32 level;
	s32 type;
};

static long number_step(u32 step, u32 *control)
{
	struct named_files *named = (void *)scratch(SCRATCH_FILES);
	struct scratch *room = scratch(*control);
	u32 at;

	if (!named || !room)
		return 1;
	at = sizeof(struct piece_record) + named->at + sizeof(struct user_cmsghdr64) + step * sizeof(s32);
	named->files[BOUNDED(named->number, 0xff)] =
		(u64)file_at(bpf_get_current_task_btf(), *(u32 *)(room->bytes + BOUNDED(at, PIECE_MASK)));
	named->number++;
	return named->number >= MAX_FDS;
}

static long control_step(u32 step, u32 *control)
{
	struct named_files *named = (void *)scratch(SCRATCH_FILES);
	struct scratch *room = scratch(*control);
	struct user_cmsghdr64 *header;
	u64 length;

	if (!named || !room || named->at + sizeof(*header) > named->size)
		return 1;
	header = (void *)(room->bytes + sizeof(struct piece_record) + BOUNDED(named->at, PIECE_DATA - 1));
	length = header->len;
	if (length < sizeof(*header) || length > named->size - named->at)
		return 1;
	/* an inlined bpf_loop compares all 64 bits of the number with its limit */
	if (header->level == SOL_SOCKET && header->type == SCM_RIGHTS)
		bpf_loop(BOUNDED((length - sizeof(*header)) / sizeof(s32), PIECE_DATA - 1), number_step, control, 0);
	named->at += (length + 7) & ~7ULL;
	return 0;
}

/* The ancillary data of a send, and the files that it names in the sender's table of descriptors. */
worker void sent_control(struct call *call, u64 control, u64 controllen)
{
	struct named_files *named = (void *)scratch(SCRATCH_FILES);
	u32 place = call->scratch;

	user_control(call, control, controllen);
	if (!named || call->message.control_state)
		return;
	named->number = 0;
	named->at = 0;
	named->size = controllen > PIECE_DATA ? PIECE_DATA : controllen;
	bpf_loop(PIECE_DATA / sizeof(struct user_cmsghdr64), control_step, &place, 0);
	if (!named->number)
		return;
	*(volatile u64 *)&named->where = (u64)named->files;
	call->scratch = SCRATCH_COPIED;
	capture_files(call, *(volatile u64 *)&named->where, named->number);
	call->scratch = place;
}

/* The end of a send where no hook has seen its entry: all but the socket is read from the caller's memory, which the
 * call does not change. Where the engine does not see what was asked for, that is missing for `reason`. */
apart int finish_send(struct call *call, s64 ret, u8 reason)
{
	struct message_record *message;
	struct user_msghdr64 header;
	struct user_iovec first = {};
	bool payload;
	u32 event;

	if (!call)
		return 0;
	message = &call->message;
	event = message->head.event;
	payload = ret > 0 && config.snaplen;
	message->entry_state = reason;
	message->name_state = REASON_none;
	message->control_state = REASON_none;
	message->flags_state = REASON_none;
	if (ret > 0 && !config.snaplen)
		message->payload_state = REASON_snaplen;
	if (is_among(event, EVENTS_unknown | 1 << EVENT_sendfile)) {
		if (event != EVENT_sendfile)
			message->control_state = REASON_engine;
		if (payload)
			message->payload_state = REASON_engine;
		return 0;
	}
	if (has_header(event)) {
		if (read_header(call, &header, &first)) {
			message->iov_state = REASON_fault;
			message->name_state = REASON_fault;
			message->control_state = REASON_fault;
			if (payload)
				message->payload_state = REASON_fault;
			return 0;
		}
		gather_iovecs(call, &header, &first);
		if (header.name && header.namelen > 0) {
			message->name_state = REASON_here;
			user_name(call, header.name, header.namelen);
		}
		if (header.control && header.controllen) {
			message->control_state = message->compat ? REASON_compat : REASON_here;
			if (!message->compat)
				sent_control(call, header.control, header.controllen);
		}
	} else {
		header.iov = message->address;
		header.iovlen = message->iovlen;
		if (is_among(event, EVENTS_of_vector))
			gather_vector(call);
		if (call->name_at && call->name_size_at) {
			message->name_state = REASON_here;
			user_name(call, call->name_at, call->name_size_at);
		}
	}
	if (!payload)
		return 0;
	if (is_among(event, EVENTS_of_buffer))
		capture_user_buffer(call, ret);
	else if (message->compat)
		message->payload_state = REASON_compat;
	else
		capture_buffers(call, header.iov, header.iovlen, ret, 1);
	return 0;
}

#endif
