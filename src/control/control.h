// SPDX-License-Identifier: Apache-2.0
// How the running guard is talked to: a socket in its folder, on which only the user that it runs as is answered. A
// request is one word and a newline, an answer "ok" or "error" and a newline, then text.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "identity/file.h"

namespace sockwarden {

struct Answer {
    bool is_ok = true;
    std::string text;
};

class Control {
public:
    // Listens. The guard's lock must be held, so that nobody else does.
    static Result<Control> open();
    Control() = default;

    // Becomes readable when somebody asks.
    int fd() const { return listener_.get(); }
    // The socket's file, whose connections no guard refuses.
    const FileIdentity &file() const { return file_; }
    // Answers one request, if there is one. Who is slow to ask is not waited for.
    void serve(const std::function<Answer(std::string_view request)> &answer) const;

private:
    Fd listener_;
    FileIdentity file_;
};

// Asks the running guard; nothing where there is none. The error is what it said was wrong.
Result<std::optional<std::string>> ask_guard(std::string_view request);

}  // namespace sockwarden
