// SPDX-License-Identifier: Apache-2.0
// Descriptors that a security module refuses: the module is a BPF program of this process's own, which refuses all that
// come to it. It is loaded by the bare system call, since guests have no libraries.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "receive.h"

namespace traffic {
namespace {

// Bytes of a type in BTF behind its head, by its kind (include/uapi/linux/btf.h).
size_t SizeBehind(unsigned kind, unsigned count) {
    switch (kind) {
        case BTF_KIND_INT:
        case BTF_KIND_VAR:
        case BTF_KIND_DECL_TAG:
            return 4;
        case BTF_KIND_ARRAY:
            return sizeof(btf_array);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            return count * sizeof(btf_member);
        case BTF_KIND_ENUM:
            return count * sizeof(btf_enum);
        case BTF_KIND_ENUM64:
            return count * sizeof(btf_enum64);
        case BTF_KIND_FUNC_PROTO:
            return count * sizeof(btf_param);
        case BTF_KIND_DATASEC:
            return count * sizeof(btf_var_secinfo);
        default:
            return 0;
    }
}

// The id of one of the kernel's functions; 0 where it is not found.
unsigned FunctionId(const std::string &name) {
    std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    btf_header head{};
    if (all.size() < sizeof(head))
        return 0;
    std::memcpy(&head, all.data(), sizeof(head));
    const size_t end = head.hdr_len + head.type_off + head.type_len;
    unsigned id = 1;
    for (size_t at = head.hdr_len + head.type_off; at + sizeof(btf_type) <= end; ++id) {
        btf_type type{};
        std::memcpy(&type, all.data() + at, sizeof(type));
        const unsigned kind = BTF_INFO_KIND(type.info);
        if (kind == BTF_KIND_FUNC && name == all.data() + head.hdr_len + head.str_off + type.name_off)
            return id;
        at += sizeof(type) + SizeBehind(kind, BTF_INFO_VLEN(type.info));
    }
    return 0;
}

int Bpf(bpf_cmd command, bpf_attr &attr) { return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof(attr))); }

bpf_insn Instruction(unsigned code, unsigned to, unsigned from, int offset, int value) {
    bpf_insn one{};
    one.code = static_cast<__u8>(code);
    one.dst_reg = static_cast<__u8>(to & 15);
    one.src_reg = static_cast<__u8>(from & 15);
    one.off = static_cast<__s16>(offset);
    one.imm = value;
    return one;
}

// Refuses descriptors that come to this process, while it is there.
class Refusal {
public:
    Refusal() {
        const bpf_insn program[] = {
            Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
            Instruction(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
            Instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, getpid()),
            Instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
            Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
            Instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -EACCES),
            Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
        };
        bpf_attr load{};
        load.prog_type = BPF_PROG_TYPE_TRACING;
        load.expected_attach_type = BPF_MODIFY_RETURN;
        load.insns = reinterpret_cast<unsigned long>(program);
        load.insn_cnt = std::size(program);
        load.license = reinterpret_cast<unsigned long>("GPL");
        load.attach_btf_id = FunctionId("security_file_receive");
        program_ = Fd(Bpf(BPF_PROG_LOAD, load));
        bpf_attr attach{};
        attach.raw_tracepoint.prog_fd = static_cast<__u32>(program_.get());
        link_ = Fd(program_.get() < 0 ? -1 : Bpf(BPF_RAW_TRACEPOINT_OPEN, attach));
        if (link_.get() < 0)
            throw Skip("no BPF program may refuse descriptors here");
    }

private:
    Fd program_, link_;
};

void Denied(Context &context) {
    const Pair pair = UnixPair(SOCK_STREAM);
    SendDescriptors(pair.far, "three fds", {STDERR_FILENO, pair.near.get(), pair.far.get()});
    {
        const Refusal refusal;
        const Outcome outcome = Receive(context, pair.near)
                                    .Control(128)
                                    .Sent(3)
                                    .Also({{"fds", {{"sent", 3}, {"delivered", 0}, {"denied", 1}, {"lost", 2}}}})
                                    .Gets("three fds");
        Check(outcome.descriptors.empty(), "a descriptor came");
    }
    SendDescriptors(pair.far, "one fd", {STDERR_FILENO});
    CloseAll(Receive(context, pair.near).Control(128).Sent(1).Gets("one fd").descriptors);
}

constexpr Scenario kScenarios[] = {
    {"fds-denied", Denied, "BPF trampolines"},
};

}  // namespace

std::span<const Scenario> DenialScenarios() { return kScenarios; }

}  // namespace traffic
