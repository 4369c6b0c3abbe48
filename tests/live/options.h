// SPDX-License-Identifier: Apache-2.0
// What the live tests are run with: which tool, which traffic program, which engine.
#pragma once

#include <string>
#include <vector>

namespace live {

struct Options {
    std::string sockwarden;  // --sockwarden=, else $SOCKWARDEN
    std::string traffic;     // --traffic=, else $SOCKWARDEN_TRAFFIC, else beside the tests
    std::string traffic32;   // beside `traffic`; empty where it was not built
    std::string engine;      // --engine=, else $SOCKWARDEN_ENGINE, else auto
    std::string ring_size;   // --ring-size=, else the tool's default
    bool light = false;      // --light, else $SOCKWARDEN_LIGHT
};

// Reads what is its own from the command line and leaves the rest.
Options ReadOptions(int &argc, char **argv);

// `sockwarden trace -o json` with engine and mode as chosen, then `more`.
std::vector<std::string> TraceCommand(const Options &options, const std::vector<std::string> &more = {});

const Options &Chosen();

// What a test program's main does: reads the options, and with `needs_tool` insists on a sockwarden and a traffic
// program that are there and on no other argument. `prepare` may add tests. The exit code.
int RunTests(int argc, char **argv, bool needs_tool, void (*prepare)() = nullptr);

}  // namespace live
