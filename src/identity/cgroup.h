// SPDX-License-Identifier: Apache-2.0
// What the path of a cgroup tells of who runs there: systemd unit, container, Kubernetes pod.
#pragma once

#include <string>
#include <string_view>

namespace sockwarden {

// All take a path as /proc/PID/cgroup shows it, whatever bytes it holds, and answer with the innermost that it names;
// empty where it names none.

// "docker.service", "session-3.scope".
std::string unit_of_cgroup(std::string_view cgroup);
// The 64 hex digits of docker, containerd, CRI-O and podman; the machine's name of systemd-nspawn.
std::string container_of_cgroup(std::string_view cgroup);
// "0d1e2c3b-…": the pod's uid, in the form in which Kubernetes shows it.
std::string pod_of_cgroup(std::string_view cgroup);

}  // namespace sockwarden
