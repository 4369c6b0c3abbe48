// SPDX-License-Identifier: Apache-2.0
// A file that goes away with the test that made it.
#include "temporary.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace live {

TemporaryFile::TemporaryFile() {
    std::string path = (std::filesystem::temp_directory_path() / "sockwarden-XXXXXX").string();
    close(mkstemp(path.data()));
    path_ = path;
}

TemporaryFile::~TemporaryFile() { unlink(path_.c_str()); }

}  // namespace live
