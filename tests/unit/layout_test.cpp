// SPDX-License-Identifier: Apache-2.0
// The reader's structs lie in memory as the kernel side's do: offsets and sizes compared with the BTF that clang wrote.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "base/wire.h"

namespace sockwarden {
namespace {

struct Place {
    std::size_t offset, size;
    bool operator==(const Place &) const = default;
};
using Layout = std::map<std::string, Place>;

struct FreeBtf {
    void operator()(btf *types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, FreeBtf>;

// The members of a struct as BTF tells them; empty where it has no such struct.
Layout btf_layout(const btf *types, const char *name) {
    Layout layout;
    const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
    if (id < 0) {
        return layout;
    }
    const btf_type *type = btf__type_by_id(types, static_cast<unsigned>(id));
    const btf_member *members = btf_members(type);
    for (unsigned i = 0; i < btf_vlen(type); ++i) {
        layout[btf__name_by_offset(types, members[i].name_off)] = {
            btf_member_bit_offset(type, i) / 8, static_cast<std::size_t>(btf__resolve_size(types, members[i].type))};
    }
    layout["(whole)"] = {0, type->size};
    return layout;
}

// The same of the C++ struct, its members named by the same rows.
template <typename T>
void whole(Layout &layout) {
    layout["(whole)"] = {0, sizeof(T)};
}

using namespace wire;

// clang-format off
#define MEMBER(id) layout[#id] = {offsetof(Struct, id), sizeof(Struct::id)};
#define NOTHING(id)
#define MEMBER_u8(keep, id) keep(id)
#define MEMBER_u16(keep, id) keep(id)
#define MEMBER_u32(keep, id) keep(id)
#define MEMBER_u64(keep, id) keep(id)
#define MEMBER_s32(keep, id) keep(id)
#define MEMBER_s64(keep, id) keep(id)
#define MEMBER_comm16(keep, id) keep(id)
#define MEMBER_none(keep, id)
#define FIELD(group, id, path, wire, kind, doc) MEMBER_##wire(OF_##group, id)
#define PART(group, id, wire, doc) MEMBER_##wire(OF_##group, id)
// clang-format on

Layout process_layout() {
    using Struct = process_record;
    Layout layout;
    whole<Struct>(layout);
    MEMBER(head)
#define OF_process MEMBER
#define OF_socket NOTHING
#define OF_message NOTHING
#define OF_stream NOTHING
#include "../../catalog/fields.def"
#undef OF_process
#undef OF_socket
    return layout;
}

Layout socket_layout() {
    using Struct = socket_record;
    Layout layout;
    whole<Struct>(layout);
    MEMBER(head)
#define OF_process NOTHING
#define OF_socket MEMBER
#include "../../catalog/fields.def"
#undef OF_socket
#undef OF_message
    return layout;
}

Layout message_layout() {
    using Struct = message_record;
    Layout layout;
    whole<Struct>(layout);
    MEMBER(head)
#define OF_socket NOTHING
#define OF_message MEMBER
#include "../../catalog/fields.def"
    return layout;
}

Layout piece_layout() {
    using Struct = piece_record;
    Layout layout;
    whole<Struct>(layout);
    MEMBER(head)
    MEMBER(writer)
    MEMBER(call)
    MEMBER(offset)
    MEMBER(size)
    return layout;
}

Layout config_layout() {
    using Struct = capture_config;
    Layout layout;
    whole<Struct>(layout);
    MEMBER(snaplen)
    MEMBER(self)
    MEMBER(events)
    MEMBER(asked)
    MEMBER(place_mask)
    MEMBER(own_count)
    MEMBER(with_flags)
    MEMBER(with_iovlen)
    MEMBER(with_peeked)
    MEMBER(light)
    MEMBER(only_marked)
    MEMBER(inherit)
    MEMBER(skb_dynptr)
    MEMBER(verdicts)
    MEMBER(generation)
    MEMBER(facts)
    MEMBER(control_inode)
    MEMBER(control_device)
    MEMBER(spare)
    MEMBER(own)
    return layout;
}

void expect_same(const Layout &kernel, const Layout &reader, const std::string &name) {
    for (const auto &[member, place] : reader) {
        const auto found = kernel.find(member);
        ASSERT_NE(found, kernel.end()) << name << "." << member << " is not in the BTF";
        EXPECT_EQ(found->second, place) << name << "." << member << ": offset " << found->second.offset << " and "
                                        << place.offset << ", size " << found->second.size << " and " << place.size;
    }
    EXPECT_EQ(kernel.size(), reader.size()) << name;
}

const std::map<std::string, Layout> &reader_layouts() {
    static const std::map<std::string, Layout> layouts{{"process_record", process_layout()},
                                                       {"socket_record", socket_layout()},
                                                       {"message_record", message_layout()},
                                                       {"piece_record", piece_layout()},
                                                       {"capture_config", config_layout()}};
    return layouts;
}

TEST(Layout, IsWhatClangMakesOfTheHeader) {
    const Types types(btf__parse_elf(SOCKWARDEN_LAYOUT, nullptr));
    ASSERT_NE(types, nullptr);
    for (const auto &[name, layout] : reader_layouts()) {
        expect_same(btf_layout(types.get(), name.c_str()), layout, name);
    }
    const std::map<std::string, std::size_t> sizes{
        {"user_iovec", sizeof(user_iovec)}, {"fd_part", sizeof(fd_part)},       {"cmsg_part", sizeof(cmsg_part)},
        {"fd_number", sizeof(fd_number)},   {"own_socket", sizeof(own_socket)}, {"shared_state", sizeof(shared_state)}};
    for (const auto &[name, size] : sizes) {
        EXPECT_EQ(btf_layout(types.get(), name.c_str())["(whole)"].size, size) << name;
    }
}

// BTF of an engine holds the structs that its maps and globals use.
TEST(Layout, IsThatOfTheBuiltEngines) {
    for (const std::string engine : {"trampoline", "kprobe", "tracepoint"}) {
        const Types types(btf__parse_elf((SOCKWARDEN_ENGINES "/" + engine + ".bpf.o").c_str(), nullptr));
        ASSERT_NE(types, nullptr) << engine;
        for (const char *always : {"message_record", "capture_config"}) {
            EXPECT_FALSE(btf_layout(types.get(), always).empty()) << engine << ": no " << always;
        }
        for (const auto &[name, layout] : reader_layouts()) {
            if (const Layout kernel = btf_layout(types.get(), name.c_str()); !kernel.empty()) {
                expect_same(kernel, layout, engine + ": " + name);
            }
        }
    }
}

}  // namespace
}  // namespace sockwarden
