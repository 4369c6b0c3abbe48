/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What can be read of a call from the caller's own memory, for engines that see no kernel copy. All of it is tagged U
 * and TOCTOU in origins.def. */
#ifndef SOCKWARDEN_USER_H
#define SOCKWARDEN_USER_H

#include "call.h"

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
		settle_payload(call, ret, 0, 0, 0, 0);
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
	settle_payload(call, ret, header.iov, message->compat ? 0 : header.iovlen, message->iov_base, message->iov_len);
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
	vector = event == EVENT_readv && !message->compat ? message->address : 0;
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
	settle_payload(call, ret, vector, message->iovlen, message->iov_base, message->iov_len);
	return 0;
}

#endif
