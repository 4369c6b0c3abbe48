// SPDX-License-Identifier: Apache-2.0
// What sockwarden may do and no longer needs to; see privilege.h.
#include "cli/privilege.h"

#include <sys/capability.h>
#include <unistd.h>

#include <memory>

namespace sockwarden {
namespace {

struct CapFree {
    void operator()(cap_t caps) const { ::cap_free(caps); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, CapFree>;

bool holds(cap_value_t which) {
    const Capabilities caps(::cap_get_proc());
    cap_flag_value_t value = CAP_CLEAR;
    return caps != nullptr && ::cap_get_flag(caps.get(), which, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

}  // namespace

std::vector<CapabilityState> capability_states() {
    return {{"CAP_BPF", holds(CAP_BPF)},
            {"CAP_PERFMON", holds(CAP_PERFMON)},
            {"CAP_NET_ADMIN", holds(CAP_NET_ADMIN)},
            {"CAP_SYS_ADMIN", holds(CAP_SYS_ADMIN)}};
}

Status check_privilege() {
    if (holds(CAP_SYS_ADMIN) || (holds(CAP_BPF) && holds(CAP_PERFMON))) {
        return Done{};
    }
    std::string missing;
    for (const cap_value_t which : {CAP_BPF, CAP_PERFMON}) {
        if (!holds(which)) {
            missing += missing.empty() ? "" : " and ";
            missing += which == CAP_BPF ? "CAP_BPF" : "CAP_PERFMON";
        }
    }
    return Error{
        "tracing needs " + missing + "; run it with sudo, or give it the capabilities: setcap cap_bpf,cap_perfmon+ep",
        2};
}

Status check_btf() {
    if (::access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
        return Done{};
    }
    return Error{
        "this kernel does not tell its types (no /sys/kernel/btf/vmlinux); a kernel built with CONFIG_DEBUG_INFO_BTF=y "
        "is needed, as Debian's are",
        2};
}

Status drop_privilege(KeptPrivilege kept) {
    const Capabilities caps(::cap_init());
    const Capabilities held(::cap_get_proc());
    if (caps == nullptr || held == nullptr) {
        return errno_error("cannot read capabilities");
    }
    const std::pair<cap_value_t, bool> all[] = {
        {CAP_SYS_PTRACE, true},        {CAP_DAC_READ_SEARCH, true},     {CAP_KILL, kept.kill || kept.act},
        {CAP_BPF, kept.load},          {CAP_PERFMON, kept.load},        {CAP_SETUID, kept.act},
        {CAP_SETGID, kept.act},        {CAP_SYSLOG, kept.load},            // addresses in /proc/kallsyms
        {CAP_NET_ADMIN, kept.cgroups}, {CAP_DAC_OVERRIDE, kept.cgroups}};  // nobody may write to the root of cgroups
    for (const auto &[which, is_wanted] : all) {
        if (!is_wanted) {
            continue;
        }
        cap_flag_value_t permitted = CAP_CLEAR;
        ::cap_get_flag(held.get(), which, CAP_PERMITTED, &permitted);
        if (permitted == CAP_SET) {
            ::cap_set_flag(caps.get(), CAP_PERMITTED, 1, &which, CAP_SET);
            ::cap_set_flag(caps.get(), CAP_EFFECTIVE, 1, &which, CAP_SET);
        }
    }
    if (::cap_set_proc(caps.get()) != 0) {
        return errno_error("cannot drop capabilities");
    }
    return Done{};
}

}  // namespace sockwarden
