// SPDX-License-Identifier: Apache-2.0
// What the path of a cgroup tells; see cgroup.h.
#include "identity/cgroup.h"

#include <algorithm>
#include <cstddef>

namespace sockwarden {
namespace {

// Calls `look` with each name of the path, from the outermost.
template <typename Look>
void each_name(std::string_view cgroup, Look look) {
    for (std::size_t at = 0; at < cgroup.size();) {
        const std::size_t end = std::min(cgroup.find('/', at), cgroup.size());
        look(cgroup.substr(at, end - at));
        at = end + 1;
    }
}

bool remove_prefix(std::string_view &text, std::string_view prefix) {
    const bool has = text.starts_with(prefix);
    text.remove_prefix(has ? prefix.size() : 0);
    return has;
}

bool remove_suffix(std::string_view &text, std::string_view suffix) {
    const bool has = text.ends_with(suffix);
    text.remove_suffix(has ? suffix.size() : 0);
    return has;
}

bool is_hex64(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

int hex_digit(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t digit = kDigits.find(c);
    return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// systemd writes bytes that unit names cannot hold as \x2d (systemd-escape(1)).
std::string unescape(std::string_view name) {
    std::string text;
    while (!name.empty()) {
        const bool escaped =
            name.size() >= 4 && name.starts_with("\\x") && hex_digit(name[2]) >= 0 && hex_digit(name[3]) >= 0;
        text += escaped ? static_cast<char>(hex_digit(name[2]) * 16 + hex_digit(name[3])) : name.front();
        name.remove_prefix(escaped ? 4 : 1);
    }
    return text;
}

// docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope; /docker/ID, /kubepods/…/ID, SLICE:cri:ID
std::string_view hashed_id(std::string_view name) {
    remove_suffix(name, ".scope");
    if (const std::size_t dash = name.rfind('-'); dash != std::string_view::npos) {
        if (name.substr(0, dash).ends_with("conmon")) {  // libpod-conmon-ID.scope: the monitor, outside
            return {};
        }
        name.remove_prefix(dash + 1);
    }
    if (const std::size_t colon = name.rfind(':'); colon != std::string_view::npos) {
        name.remove_prefix(colon + 1);
    }
    return is_hex64(name) ? name : std::string_view{};
}

// systemd-nspawn@NAME.service, or machine-NAME.scope where systemd-machined made the scope. Virtual machines of libvirt
// are machine-qemu….scope.
std::string nspawn_name(std::string_view name) {
    if (remove_prefix(name, "systemd-nspawn@") && remove_suffix(name, ".service")) {
        return unescape(name);
    }
    if (remove_prefix(name, "machine-") && remove_suffix(name, ".scope") && !name.starts_with("qemu")) {
        return unescape(name);
    }
    return {};
}

// "8-4-4-4-12" hex digits.
bool is_uuid(std::string_view text) {
    constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return std::ranges::equal(text, kShape,
                              [](char c, char shape) { return shape == 'x' ? hex_digit(c) >= 0 : c == '-'; });
}

}  // namespace

std::string unit_of_cgroup(std::string_view cgroup) {
    std::string unit;
    each_name(cgroup, [&](std::string_view name) {
        if (name.ends_with(".service") || name.ends_with(".scope") || name.ends_with(".socket")) {
            unit = name;
        }
    });
    return unit;
}

std::string container_of_cgroup(std::string_view cgroup) {
    std::string found;
    each_name(cgroup, [&](std::string_view name) {
        if (const std::string_view id = hashed_id(name); !id.empty()) {
            found = id;
        } else if (std::string machine = nspawn_name(name); !machine.empty()) {
            found = std::move(machine);
        }
    });
    return found;
}

// kubepods-burstable-pod0d1e2c3b_….slice where systemd drives the cgroups, else /kubepods/burstable/pod0d1e2c3b-…; a
// static pod's uid is a bare hash of 32 digits.
std::string pod_of_cgroup(std::string_view cgroup) {
    std::string pod;
    bool inside = false;
    each_name(cgroup, [&](std::string_view name) {
        inside = inside || name.starts_with("kubepods");
        if (!inside) {
            return;
        }
        name = name.substr(0, name.find(':'));  // kubepods-podUID.slice:cri-containerd:ID
        const bool slice = remove_suffix(name, ".slice");
        if (slice) {
            name.remove_prefix(std::min(name.rfind('-') + 1, name.size()));
        }
        if (!remove_prefix(name, "pod")) {
            return;
        }
        std::string uid(name);
        if (slice) {
            std::ranges::replace(uid, '_', '-');
        }
        const bool hash = uid.size() == 32 && std::ranges::all_of(uid, [](char c) { return hex_digit(c) >= 0; });
        if (hash || is_uuid(uid)) {
            pod = uid;
        }
    });
    return pod;
}

}  // namespace sockwarden
