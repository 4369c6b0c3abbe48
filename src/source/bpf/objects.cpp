// SPDX-License-Identifier: Apache-2.0
// The compiled BPF objects, taken in by the assembler; the build passes the folder that they are in.
#include "source/bpf/objects.h"

// An ELF reader wants its input aligned.
#define EMBED(name)                                                                                                 \
    asm(".pushsection .rodata\n.balign 16\nsockwarden_" #name "_begin:\n.incbin \"" SOCKWARDEN_BPF_FOLDER "/" #name \
        ".bpf.o\"\nsockwarden_" #name "_end:\n.byte 0\n.popsection\n");                                             \
    extern "C" const std::byte sockwarden_##name##_begin[], sockwarden_##name##_end[];                              \
    namespace sockwarden::objects {                                                                                 \
    Bytes name() { return {sockwarden_##name##_begin, sockwarden_##name##_end}; }                                   \
    }

EMBED(trampoline)
EMBED(kprobe)
EMBED(tracepoint)
EMBED(guard)
EMBED(modify)
EMBED(cgroup)
