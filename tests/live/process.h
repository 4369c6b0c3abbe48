// SPDX-License-Identifier: Apache-2.0
// A program started by a test: its output read as it comes, its end awaited, never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace live {

using Seconds = std::chrono::duration<double>;

struct Ended {
    int status = 0;  // as waitpid gives it
    bool timed_out = false;
    std::string out;
    std::string err;

    bool Exited(int code) const;
    bool Killed(int signal) const;
    std::string Text() const;  // "exit code 3", "signal 9", "still running after the timeout"
};

class Process {
public:
    struct Streams {
        int out = -1;            // borrowed; -1: read by this class
        int in = -1;             // borrowed; -1: /dev/null
        bool own_group = false;  // as a shell starts a job: a signal to -pid() reaches all of it
    };

    explicit Process(const std::vector<std::string> &command);
    Process(const std::vector<std::string> &command, Streams streams);
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;
    ~Process();  // kills it where it still runs

    pid_t pid() const { return pid_; }
    const std::string &out() const { return ended_.out; }
    const std::string &err() const { return ended_.err; }

    void Signal(int signal) const;
    void SignalGroup(int signal) const;
    void CloseOutput();  // what the program meets is a closed pipe
    // Reads output until `enough` holds; false after `limit` or at the end of the program.
    bool ReadUntil(const std::function<bool()> &enough, Seconds limit);
    // sockwarden says so on its standard error once it is attached.
    bool AwaitAttached(Seconds limit = Seconds(10));
    Ended Wait(Seconds limit = Seconds(30));
    bool Running();

private:
    void ReadSome(int milliseconds);
    void Reap();

    pid_t pid_ = -1;
    int out_ = -1;
    int err_ = -1;
    bool reaped_ = false;
    Ended ended_;
};

Ended RunCommand(const std::vector<std::string> &command, Seconds limit = Seconds(30));

}  // namespace live
