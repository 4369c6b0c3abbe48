// SPDX-License-Identifier: Apache-2.0
// Enforcement that outlives its agent; see kept.h.
#include "source/bpf/kept.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/fd.h"
#include "source/bpf/agent.h"
#include "source/bpf/guard.h"
#include "source/bpf/session.h"

namespace sockwarden {
namespace {

namespace fs = std::filesystem;

constexpr const char *kBpfFolder = "/sys/fs/bpf";
constexpr const char *kShared = "shared";
constexpr const char *kHits = "hits";
constexpr const char *kCounters = "counters";
constexpr const char *kAbout = "about";
constexpr std::string_view kMaps[] = {kShared, kHits, kCounters, kAbout};

std::string path_of(const std::string &name) { return std::string(kKeptFolder) + "/" + name; }

bool is_of_bpf(const char *path) {
    struct statfs about {};
    return ::statfs(path, &about) == 0 && about.f_type == BPF_FS_MAGIC;
}

// Anybody may make folders and links in a BPF file system that was mounted without a mode.
Status check_folder() {
    struct stat about {};
    if (::lstat(kKeptFolder, &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != 0 ||
        (about.st_mode & 022) != 0 || !is_of_bpf(kKeptFolder)) {
        return Error{std::string(kKeptFolder) + " is not a folder of a BPF file system that belongs to root alone", 2};
    }
    return Done{};
}

Status make_folder() {
    if (!is_of_bpf(kBpfFolder) &&
        ::mount("bpf", kBpfFolder, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
        return errno_error(std::string("cannot mount the BPF file system at ") + kBpfFolder);
    }
    if (::mkdir(kKeptFolder, 0700) != 0 && errno != EEXIST) {
        return errno_error(std::string("cannot make ") + kKeptFolder);
    }
    return check_folder();
}

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto &entry : fs::directory_iterator(folder, none)) {
        names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
}

// A map of one value, which is the text.
Fd map_of(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    Fd map(::bpf_map_create(BPF_MAP_TYPE_ARRAY, kAbout, sizeof(std::uint32_t), size, 1, nullptr));
    const std::uint32_t first = 0;
    const bool is_made = map && ::bpf_map_update_elem(map.get(), &first, text.data(), BPF_ANY) == 0;
    return is_made ? std::move(map) : Fd();
}

std::string text_of(const Fd &map) {
    bpf_map_info info{};
    __u32 size = sizeof(info);
    if (!map || ::bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) {
        return "";
    }
    std::string text(info.value_size, '\0');
    const std::uint32_t first = 0;
    const bool is_text = info.type == BPF_MAP_TYPE_ARRAY;
    return is_text && ::bpf_map_lookup_elem(map.get(), &first, text.data()) == 0 ? text : "";
}

Status pin_all(const std::string &folder, std::span<const NamedLink> links, const KeptMaps &maps) {
    const Fd about = map_of(maps.about);
    if (!about) {
        return errno_error("cannot make the map about");
    }
    for (const auto &[fd, name] :
         {std::pair(::bpf_map__fd(&maps.shared), kShared), std::pair(::bpf_map__fd(&maps.hits), kHits),
          std::pair(::bpf_map__fd(&maps.counters), kCounters), std::pair(about.get(), kAbout)}) {
        if (::bpf_obj_pin(fd, (folder + "/" + name).c_str()) != 0) {
            return errno_error("cannot pin in " + folder);
        }
    }
    for (const NamedLink &one : links) {
        if (::bpf_obj_pin(::bpf_link__fd(one.link), (folder + "/" + one.name).c_str()) != 0) {
            return errno_error("cannot pin " + one.name + " in " + folder);
        }
    }
    return Done{};
}

Fd pinned(const std::string &name, const std::string &what) {
    return Fd(::bpf_obj_get((path_of(name) + "/" + what).c_str()));
}

// Of the program of a link.
std::uint64_t skipped_runs_by(const Fd &link) {
    bpf_link_info info{};
    __u32 size = sizeof(info);
    if (!link || ::bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0) {
        return 0;
    }
    const Fd program(::bpf_prog_get_fd_by_id(info.prog_id));
    return program ? skipped_runs(program.get()) : 0;
}

Mapping shared_of(const std::string &name) {
    constexpr std::size_t kSize = sizeof(wire::shared_state);
    const Fd map = pinned(name, kShared);
    return {map ? ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0) : MAP_FAILED, kSize};
}

volatile wire::shared_state &state_in(const Mapping &memory) {
    return *reinterpret_cast<volatile wire::shared_state *>(memory.data());
}

}  // namespace

Status keep(const std::string &name, std::span<const NamedLink> links, const KeptMaps &maps) {
    if (Status status = make_folder(); !status) {
        return status;
    }
    const std::string folder = path_of(name);
    if (::mkdir(folder.c_str(), 0700) != 0) {
        return errno_error("cannot make " + folder);
    }
    Status status = pin_all(folder, links, maps);
    if (status) {
        return status;
    }
    const Status undone = release_kept(name);
    return undone ? status : Error{status.error().message + "; " + undone.error().message};
}

Result<std::vector<std::string>> kept_guards() {
    struct stat about {};
    if (::lstat(kKeptFolder, &about) != 0 && (errno == ENOENT || errno == EACCES)) {
        return std::vector<std::string>{};
    }
    if (const Status status = check_folder(); !status) {
        return status.error();
    }
    return names_in(kKeptFolder);
}

std::vector<std::string> kept_links(const std::string &name) {
    std::vector<std::string> names = names_in(path_of(name));
    std::erase_if(names, [](const std::string &one) { return std::ranges::find(kMaps, one) != std::end(kMaps); });
    return names;
}

Kept describe_kept(const std::string &name) {
    Kept kept;
    kept.about = text_of(pinned(name, kAbout));
    kept.hits = hits_in(pinned(name, kHits).get());
    const Fd counters = pinned(name, kCounters);
    if (entries_of_numbers(counters.get(), BPF_MAP_TYPE_PERCPU_ARRAY) != 0) {
        for (const std::uint64_t count : counts_in(counters.get(), wire::COUNTER_unjudged)) {
            kept.unjudged += count;
        }
    }
    for (const std::string &link : kept_links(name)) {
        kept.unjudged += link.ends_with(kAgain) ? skipped_runs_by(pinned(name, link)) : 0;
    }
    return kept;
}

Status adopt_kept(const std::string &name) {
    const Mapping memory = shared_of(name);
    return memory ? become_agent(state_in(memory)) : errno_error("cannot take over " + path_of(name));
}

Status release_kept(const std::string &name) {
    const std::string folder = path_of(name);
    if (const Mapping memory = shared_of(name)) {
        state_in(memory).released = 1;
    }
    for (const std::string &link : names_in(folder)) {
        const std::string pin = fmt::format("{}/{}", folder, link);
        if (::unlink(pin.c_str()) != 0) {
            return errno_error("cannot release " + pin);
        }
    }
    return ::rmdir(folder.c_str()) == 0 ? Status(Done{}) : errno_error("cannot remove " + folder);
}

}  // namespace sockwarden
