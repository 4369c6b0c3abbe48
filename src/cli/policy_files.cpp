// SPDX-License-Identifier: Apache-2.0
// Policies out of files; see policy_files.h.
#include "cli/policy_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/fd.h"
#include "cli/report.h"
#include "policy/compile/compile.h"
#include "policy/yaml.h"

namespace sockwarden {
namespace {

// No more than tells that a file is too large.
Result<std::string> read_file(const std::string &name) {
    const Fd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(policy::kLargestDocument + 1, '\0');
    std::size_t size = 0;
    ssize_t got = fd ? 1 : -1;
    while (got > 0 && size < text.size()) {
        got = ::read(fd.get(), text.data() + size, text.size() - size);
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    if (got < 0) {
        Error error = errno_error("cannot read " + name);
        error.exit_code = kExitUsage;
        return error;
    }
    text.resize(size);
    return text;
}

// Whether they fit an image together.
Result<Done, policy::PolicyMistake> compile(const std::vector<PolicyFile> &files) {
    std::vector<const policy::Policy *> policies;
    policies.reserve(files.size());
    for (const PolicyFile &file : files) {
        policies.push_back(&file.policy);
    }
    policy::NamedFiles names;
    const Result<policy::Image, policy::PolicyMistake> image = policy::compile_policies(policies, names.lookup());
    if (!image) {
        return image.error();
    }
    return Done{};
}

// A folder stands for the policies in it, by name.
Result<std::vector<std::string>> expand(const std::vector<std::string> &names) {
    std::vector<std::string> files;
    for (const std::string &name : names) {
        std::error_code error;
        if (!std::filesystem::is_directory(name, error)) {
            files.push_back(name);
            continue;
        }
        std::vector<std::string> inside;
        for (const auto &entry : std::filesystem::directory_iterator(name, error)) {
            if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml") {
                inside.push_back(entry.path().string());
            }
        }
        if (error) {
            return Error{fmt::format("cannot read {}: {}", name, error.message()), kExitUsage};
        }
        if (inside.empty()) {
            return Error{fmt::format("there is no policy in {}: no file ends in .yaml", name), kExitUsage};
        }
        std::ranges::sort(inside);
        std::ranges::move(inside, std::back_inserter(files));
    }
    return files;
}

Error mistakes_error(std::size_t count) {
    return {fmt::format("{} {} in policies", count, count == 1 ? "mistake" : "mistakes"), kExitUsage};
}

}  // namespace

Result<std::vector<PolicyFile>> read_policies(const std::vector<std::string> &names) {
    std::vector<PolicyFile> files;
    std::size_t mistakes = 0;
    const Result<std::vector<std::string>> expanded = expand(names);
    if (!expanded) {
        return expanded.error();
    }
    for (const std::string &name : *expanded) {
        Result<std::string> text = read_file(name);
        if (!text) {
            return text.error();
        }
        Result<policy::Policy, policy::Mistakes> read = policy::read_policy(*std::move(text));
        for (const policy::Mistake &mistake : read ? policy::Mistakes{} : read.error()) {
            std::fprintf(stderr, "%s\n", policy::mistake_text(name, mistake).c_str());
            ++mistakes;
        }
        if (!read) {
            continue;
        }
        const auto same = std::ranges::find_if(files, [&](const auto &file) { return file.policy.name == read->name; });
        if (same != files.end()) {
            return Error{
                fmt::format("{} and {} are both called {}: rename one of the policies", same->name, name, read->name),
                kExitUsage};
        }
        files.push_back({name, *std::move(read)});
    }
    if (mistakes != 0) {
        return mistakes_error(mistakes);
    }
    if (const Result<Done, policy::PolicyMistake> compiled = compile(files); !compiled) {
        const policy::PolicyMistake &error = compiled.error();
        std::fprintf(stderr, "%s\n", policy::mistake_text(files[error.policy].name, error.mistake).c_str());
        return mistakes_error(1);
    }
    return files;
}

Error mistakes_error(const std::vector<PolicyFile> &files, const std::vector<policy::PolicyMistake> &mistakes) {
    for (const policy::PolicyMistake &one : mistakes) {
        say("{}", policy::mistake_text(files[one.policy].name, one.mistake));
    }
    return {fmt::format("{} {} in policies", mistakes.size(), mistakes.size() == 1 ? "mistake" : "mistakes"),
            kExitUsage};
}

}  // namespace sockwarden
