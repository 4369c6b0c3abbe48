// SPDX-License-Identifier: Apache-2.0
// BPF objects by libbpf; see object.h.
#include "source/bpf/object.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace sockwarden {
namespace {

// What libbpf says while it works is kept: its last words are the reason when a load fails.
std::string &last_words() {
    static thread_local std::string words;
    return words;
}

int keep_words(libbpf_print_level level, const char *format, va_list arguments) {
    if (level == LIBBPF_DEBUG) {
        return 0;
    }
    if (level == LIBBPF_WARN && ::getenv("SOCKWARDEN_DEBUG") != nullptr) {
        va_list again;
        va_copy(again, arguments);
        std::vfprintf(stderr, format, again);
        va_end(again);
    }
    char line[512];
    const int length = std::vsnprintf(line, sizeof(line), format, arguments);
    std::string text(line, std::min<std::size_t>(static_cast<std::size_t>(std::max(length, 0)), sizeof(line) - 1));
    if (text.starts_with("libbpf: prog '") && text.find("-- BEGIN") == std::string::npos) {
        last_words() = text.substr(8, text.find('\n') == std::string::npos ? text.npos : text.find('\n') - 8);
    }
    return 0;
}

}  // namespace

Result<Object> open_object(Bytes bytes, TypesOf types) {
    ::libbpf_set_print(keep_words);
    last_words().clear();
    bpf_object_open_opts options{};
    options.sz = sizeof(options);
    options.btf_custom_path = types == TypesOf::kernel_only ? "/sys/kernel/btf/vmlinux" : nullptr;
    Object object(::bpf_object__open_mem(bytes.data(), bytes.size(), &options));
    if (object == nullptr) {
        return errno_error("cannot open the BPF object");
    }
    return object;
}

bpf_map *map_ending_with(const bpf_object &object, std::string_view ending) {
    bpf_map *map = nullptr;
    bpf_object__for_each_map(map, &object) {
        if (std::string_view(::bpf_map__name(map)).ends_with(ending)) {
            return map;
        }
    }
    return nullptr;
}

Status put_config(bpf_object &object, const wire::capture_config &config) {
    bpf_map *rodata = map_ending_with(object, ".rodata");
    std::size_t room = 0;
    void *place = rodata != nullptr ? const_cast<void *>(::bpf_map__initial_value(rodata, &room)) : nullptr;
    if (place == nullptr || room < sizeof(config)) {
        return Error{"the BPF object has no configuration"};
    }
    std::memcpy(place, &config, sizeof(config));
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(&object, "rings"),
                               static_cast<__u32>(::libbpf_num_possible_cpus()));
    return Done{};
}

Status load_object(bpf_object &object, int &why_not) {
    const int error = ::bpf_object__load(&object);
    if (error == 0) {
        return Done{};
    }
    why_not = -error;
    std::string why = std::strerror(-error);
    if (!last_words().empty()) {
        why += " (" + last_words() + ")";
    }
    return Error{why, 2};
}

std::uint32_t entries_of_numbers(int map, bpf_map_type type) {
    bpf_map_info info{};
    __u32 size = sizeof(info);
    const bool is_such = ::bpf_obj_get_info_by_fd(map, &info, &size) == 0 && info.type == type &&
                         info.key_size == sizeof(std::uint32_t) && info.value_size == sizeof(std::uint64_t);
    return is_such ? info.max_entries : 0;
}

Status put_image(const bpf_object &object, std::uint32_t number, Bytes image) {
    const bpf_map *images = ::bpf_object__find_map_by_name(&object, "images");
    std::vector<std::byte> room(::bpf_map__value_size(images));
    if (image.size() > wire::IMAGE_BYTES) {
        return Error{"the filter is too large"};
    }
    std::ranges::copy(image, room.begin());
    return ::bpf_map_update_elem(::bpf_map__fd(images), &number, room.data(), BPF_ANY) == 0
               ? Status(Done{})
               : errno_error("cannot load the filter");
}

}  // namespace sockwarden
