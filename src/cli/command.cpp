// SPDX-License-Identifier: Apache-2.0
// The program to trace; see command.h.
#include "cli/command.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>

#include "cli/guardian.h"

namespace sockwarden {
namespace {

struct User {
    bool change = false;
    std::string name, home, shell;
    uid_t uid = 0;
    gid_t gid = 0;
};

Result<User> find_user(const std::string &name) {
    User user;
    if (name.empty()) {
        return user;
    }
    errno = 0;
    const passwd *entry = ::getpwnam(name.c_str());
    if (entry == nullptr) {
        return Error{"--as-user: there is no user \"" + name + "\"", 2};
    }
    user.change = true;
    user.name = entry->pw_name;
    user.home = entry->pw_dir;
    user.shell = entry->pw_shell;
    user.uid = entry->pw_uid;
    user.gid = entry->pw_gid;
    return user;
}

// Runs in the child; never returns.
[[noreturn]] void run_child(int go, int report, const std::vector<std::string> &words, const User &user,
                            const std::function<int()> &enter) {
    std::vector<char *> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string &word : words) {
        arguments.push_back(const_cast<char *>(word.c_str()));
    }
    arguments.push_back(nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    int failure = 0;
    if (user.change) {
        if (::initgroups(user.name.c_str(), user.gid) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
            ::setresuid(user.uid, user.uid, user.uid) != 0) {
            failure = errno;
        }
        ::setenv("HOME", user.home.c_str(), 1);
        ::setenv("USER", user.name.c_str(), 1);
        ::setenv("LOGNAME", user.name.c_str(), 1);
        ::setenv("SHELL", user.shell.c_str(), 1);
    }
    failure = failure == 0 && enter ? enter() : failure;
    char byte = 0;
    ssize_t got = 0;
    do {
        got = ::read(go, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
        ::_exit(125);
    }
    if (failure == 0) {
        ::execvp(arguments[0], arguments.data());
        failure = errno;
    }
    [[maybe_unused]] const ssize_t sent = ::write(report, &failure, sizeof(failure));
    ::_exit(failure == ENOENT ? 127 : 126);
}

// Returns in the command's process; its parent is the guardian from then on.
void put_guardian_between() {
    const pid_t supervisor = ::getppid();
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    const pid_t command = adopt_orphans() ? ::fork() : -1;
    if (command < 0) {
        ::_exit(125);
    }
    if (command > 0) {
        stand_guard(command, supervisor);
    }
}

}  // namespace

Result<Command> Command::hold(const std::vector<std::string> &words, const CommandSetup &setup) {
    const Result<User> user = find_user(setup.as_user);
    if (!user) {
        return user.error();
    }
    std::array<int, 2> go{};
    std::array<int, 2> report{};
    if (::pipe2(go.data(), O_CLOEXEC) != 0) {
        return errno_error("pipe");
    }
    Fd go_read(go[0]);
    Fd go_write(go[1]);
    if (::pipe2(report.data(), O_CLOEXEC) != 0) {
        return errno_error("pipe");
    }
    Fd report_read(report[0]);
    Fd report_write(report[1]);
    const pid_t pid = ::fork();
    if (pid < 0) {
        return errno_error("fork");
    }
    if (pid == 0) {
        go_write.reset();
        report_read.reset();
        if (setup.ends_with_us) {
            put_guardian_between();
        }
        run_child(go_read.get(), report_write.get(), words, *user, setup.enter);
    }
    return Command(words.front(), pid, std::move(go_write), std::move(report_read));
}

Command::~Command() {
    if (go_) {
        go_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
}

Status Command::release() {
    const char byte = 1;
    if (::write(go_.get(), &byte, 1) != 1) {
        return errno_error("cannot start the command");
    }
    go_.reset();
    int failure = 0;
    ssize_t got = 0;
    do {
        got = ::read(report_.get(), &failure, sizeof(failure));
    } while (got < 0 && errno == EINTR);
    report_.reset();
    if (got == sizeof(failure)) {
        Error error = errno_error("cannot run " + name_, failure);
        error.exit_code = failure == ENOENT ? 127 : 126;
        return error;
    }
    return Done{};
}

std::optional<int> Command::ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        return status;
    }
    return std::nullopt;
}

}  // namespace sockwarden
