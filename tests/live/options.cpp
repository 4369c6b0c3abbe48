// SPDX-License-Identifier: Apache-2.0
// Reads what the live tests are run with from the command line and the environment.
#include "options.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>

namespace live {
namespace {

Options chosen;

std::string Environment(const char *name, const std::string &otherwise = {}) {
    const char *value = std::getenv(name);
    return value != nullptr ? value : otherwise;
}

std::string Beside(const std::string &name) {
    const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
    return std::filesystem::exists(path) ? path.string() : std::string();
}

bool TakeValue(std::string_view argument, std::string_view flag, std::string &value) {
    if (argument.substr(0, flag.size()) != flag)
        return false;
    value = argument.substr(flag.size());
    return true;
}

bool Take(std::string_view argument, Options &options) {
    if (argument == "--light")
        return options.light = true;
    return TakeValue(argument, "--sockwarden=", options.sockwarden) ||
           TakeValue(argument, "--traffic=", options.traffic) ||
           TakeValue(argument, "--traffic32=", options.traffic32) ||
           TakeValue(argument, "--ring-size=", options.ring_size) || TakeValue(argument, "--engine=", options.engine);
}

}  // namespace

Options ReadOptions(int &argc, char **argv) {
    Options options;
    options.sockwarden = Environment("SOCKWARDEN");
    options.traffic = Environment("SOCKWARDEN_TRAFFIC", Beside("sockwarden-traffic"));
    options.traffic32 = Environment("SOCKWARDEN_TRAFFIC32", Beside("sockwarden-traffic32"));
    options.engine = Environment("SOCKWARDEN_ENGINE", "auto");
    options.light = !Environment("SOCKWARDEN_LIGHT").empty();
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        if (!Take(argv[i], options))
            argv[kept++] = argv[i];
    }
    argc = kept;
    argv[argc] = nullptr;
    return options;
}

std::vector<std::string> TraceCommand(const Options &options, const std::vector<std::string> &more) {
    std::vector<std::string> command = {options.sockwarden, "trace", "-o", "json", "--engine", options.engine};
    if (options.light)
        command.push_back("--light");
    if (!options.ring_size.empty()) {
        command.insert(command.end(), {"--ring-size", options.ring_size});
    }
    command.insert(command.end(), more.begin(), more.end());
    return command;
}

const Options &Chosen() { return chosen; }

int RunTests(int argc, char **argv, bool needs_tool, void (*prepare)()) {
    testing::InitGoogleTest(&argc, argv);
    chosen = ReadOptions(argc, argv);
    if (needs_tool && (argc > 1 || access(chosen.sockwarden.c_str(), X_OK) != 0)) {
        std::cerr << (argc > 1 ? std::string("unknown argument ") + argv[1] + "\n" : "") << "usage: " << argv[0]
                  << " --sockwarden=PATH [--traffic=PATH] [--engine=NAME] [--light] [--ring-size=SIZE]\n";
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (prepare != nullptr)
        prepare();
    return RUN_ALL_TESTS();
}

}  // namespace live
