// SPDX-License-Identifier: Apache-2.0
// BPF objects and links by libbpf, with owners: opened, configured and loaded.
#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "base/wire.h"
#include "source/bpf/types_of.h"

namespace sockwarden {

struct ObjectCloser {
    void operator()(bpf_object *object) const { ::bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

struct LinkCloser {
    void operator()(bpf_link *link) const { ::bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

// `bytes` are an ELF file, and must outlive the object.
Result<Object> open_object(Bytes bytes, TypesOf types = TypesOf::kernel_and_modules);

// The map whose name ends so, as those of sections do; null where there is none.
bpf_map *map_ending_with(const bpf_object &object, std::string_view ending);

// Entries of a map of this type whose values are 64-bit numbers; 0 where it is none, as one that another version pinned
// may be.
std::uint32_t entries_of_numbers(int map, bpf_map_type type);

// What is fixed before the object is loaded, and how many CPUs have rings.
Status put_config(bpf_object &object, const wire::capture_config &config);

// Loads the programs that are not ruled out. `why_not` gets the errno of a failure; the error has the verifier's or
// libbpf's last words.
Status load_object(bpf_object &object, int &why_not);

// Puts an image into its place of the map that matchers read.
Status put_image(const bpf_object &object, std::uint32_t number, Bytes image);

}  // namespace sockwarden
