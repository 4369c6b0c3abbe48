// SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause)
/* Every struct that travels between the kernel side and the reader, so that its layout stands in this object's BTF. */
#include "../../src/bpf/base.h"

struct process_record process;
struct socket_record sock;
struct message_record message;
struct piece_record piece;
struct user_iovec iovec;
struct fd_part fd;
struct cmsg_part cmsg;
struct fd_number number;
struct own_socket own;
struct shared_state shared;
struct capture_config config;
