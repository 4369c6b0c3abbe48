// SPDX-License-Identifier: Apache-2.0
// Between supervisor and command; see guardian.h.
#include "cli/guardian.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace sockwarden {
namespace {

const int kSupervisorEnded = SIGRTMIN;

// Whose parents end become children of this process: so they are all killed in the end, whatever they do meanwhile.
[[noreturn]] void kill_descendants() {
    while (true) {
        char path[64];
        std::snprintf(path, sizeof(path), "/proc/self/task/%d/children", ::getpid());
        if (const std::unique_ptr<FILE, int (*)(FILE *)> list(std::fopen(path, "re"), std::fclose); list != nullptr) {
            pid_t child = 0;
            while (std::fscanf(list.get(), "%d", &child) == 1) {
                ::kill(child, SIGKILL);
            }
        }
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        if (::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) {
            ::_exit(128 + SIGKILL);
        }
        ::usleep(1000);
    }
}

}  // namespace

bool adopt_orphans() { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0; }

void stand_guard(pid_t command, pid_t supervisor) {
    ::prctl(PR_SET_NAME, "sockwarden-tree");
    ::prctl(PR_SET_PDEATHSIG, kSupervisorEnded);
    if (::getppid() != supervisor) {
        kill_descendants();
    }
    ::close_range(3, ~0U, 0);
    sigset_t all;
    ::sigfillset(&all);
    int command_status = 0;
    while (true) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        if (signal == kSupervisorEnded) {
            kill_descendants();
        } else if (signal == SIGCHLD) {
            int status = 0;
            for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) != 0;) {
                if (ended < 0) {
                    ::_exit(end_as(command_status));
                }
                command_status = ended == command ? status : command_status;
            }
        } else if (signal > 0 && info.si_code != SI_KERNEL) {  // what a terminal sends reaches the command by itself
            ::kill(command, signal);
        }
    }
}

int end_as(int wait_status) {
    if (WIFEXITED(wait_status)) {
        return WEXITSTATUS(wait_status);
    }
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);  // the command's core is of interest, ours is not
    const int signal = WTERMSIG(wait_status);
    ::signal(signal, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    return 128 + signal;
}

}  // namespace sockwarden
