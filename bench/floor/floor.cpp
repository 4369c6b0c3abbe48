// SPDX-License-Identifier: Apache-2.0
// Loads and attaches the floor's programs.
#include "floor/floor.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <set>
#include <string_view>

#include "floor/object.h"

namespace sockwarden::bench {
namespace {

bool kernel_has_sock_recv_length() { return libbpf_find_vmlinux_btf_id("sock_recv_length", BPF_TRACE_RAW_TP) > 0; }

std::set<std::string_view> programs_of(FloorKind kind) {
    if (kind == FloorKind::hooks)
        return {"hook_entered", "hook_copied", "hook_done", "hook_failed"};
    const bool record = kind == FloorKind::record;
    if (kernel_has_sock_recv_length())
        return {"copy_empty", record ? "receive_record" : "receive_empty"};
    return {"copy_empty", record ? "return_record" : "return_empty"};
}

int discard(void *, void *, size_t) { return 0; }

}  // namespace

void Floor::Close::operator()(bpf_object *object) const { bpf_object__close(object); }
void Floor::Close::operator()(bpf_link *link) const { bpf_link__destroy(link); }
void Floor::Close::operator()(ring_buffer *reader) const { ring_buffer__free(reader); }

Result<Done> Floor::load(FloorKind kind) {
    libbpf_set_print(nullptr);
    const std::span<const std::byte> bytes = floor_object();
    object_.reset(bpf_object__open_mem(bytes.data(), bytes.size(), nullptr));
    if (!object_)
        return system_error("open the floor");
    const std::set<std::string_view> wanted = programs_of(kind);
    bpf_program *program;
    bpf_object__for_each_program(program, object_.get())
        bpf_program__set_autoload(program, wanted.contains(bpf_program__name(program)));
    if (const int error = bpf_object__load(object_.get()); error != 0)
        return system_error("load the floor", -error);
    return Done{};
}

Result<Done> Floor::attach_programs() {
    bpf_program *program;
    bpf_object__for_each_program(program, object_.get()) {
        if (!bpf_program__autoload(program))
            continue;
        links_.emplace_back(bpf_program__attach(program));
        if (!links_.back())
            return system_error(fmt::format("attach {}", bpf_program__name(program)));
    }
    return Done{};
}

Result<Floor> Floor::attach(FloorKind kind) {
    Floor floor;
    if (const Result<Done> loaded = floor.load(kind); !loaded)
        return loaded.error();
    if (const Result<Done> attached = floor.attach_programs(); !attached)
        return attached.error();
    const int ring = bpf_object__find_map_fd_by_name(floor.object_.get(), "ring");
    floor.reader_.reset(ring_buffer__new(ring, discard, nullptr, nullptr));
    if (!floor.reader_)
        return system_error("map the floor's ring");
    return floor;
}

void Floor::drain() const { ring_buffer__consume(reader_.get()); }

Result<std::uint64_t> Floor::lost() const {
    const __u32 place = 0;
    std::uint64_t count = 0;  // the object's only variable
    const int globals = bpf_object__find_map_fd_by_name(object_.get(), ".bss");
    if (bpf_map_lookup_elem(globals, &place, &count) != 0)
        return system_error("read the loss");
    return count;
}

}  // namespace sockwarden::bench
