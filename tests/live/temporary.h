// SPDX-License-Identifier: Apache-2.0
// A file that goes away with the test that made it.
#pragma once

#include <string>

namespace live {

class TemporaryFile {
public:
    TemporaryFile();
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile &) = delete;
    TemporaryFile &operator=(const TemporaryFile &) = delete;
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

}  // namespace live
