// SPDX-License-Identifier: Apache-2.0
// sockwarden-traffic: makes real receive calls by scenario and writes down the truth about each.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <vector>

#include "scenario.h"
#include "truth.h"

namespace traffic {
namespace {

constexpr int kSkipped = 77;  // the exit code that test drivers take as "skipped"

constexpr char kUsage[] =
    "usage: sockwarden-traffic [--truth FILE] [--repeat N] [--pause MS] SCENARIO...|all|sends|connections|passing\n"
    "       sockwarden-traffic --list\n";

struct Options {
    std::string truth;
    std::vector<std::string> scenarios;
    bool list = false;
    int truth_fd = STDOUT_FILENO;
    int counter_fd = -1;
    int resume = -1;
    int repeat = 1;
    int pause = 0;  // milliseconds after each round
};

std::vector<Scenario> All() {
    std::vector<Scenario> all;
    for (const auto scenarios :
         {UnixScenarios(), InetScenarios(), OtherFamilyScenarios(), BufferScenarios(), DescriptorScenarios(),
          ControlScenarios(), ErrorScenarios(), PayloadScenarios(), TaskScenarios(), SignalScenarios(),
          WriterScenarios(), NamespaceScenarios(), UringScenarios(), OperationScenarios(), DenialScenarios()}) {
        all.insert(all.end(), scenarios.begin(), scenarios.end());
    }
    return all;
}

std::optional<Options> Parse(int argc, char **argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const bool more = i + 1 < argc;
        if (argument == "--list") {
            options.list = true;
        } else if (argument == "--truth" && more) {
            options.truth = argv[++i];
        } else if (argument == "--truth-fd" && more) {
            options.truth_fd = std::atoi(argv[++i]);
        } else if (argument == "--counter-fd" && more) {
            options.counter_fd = std::atoi(argv[++i]);
        } else if (argument == "--resume" && more) {
            options.resume = std::atoi(argv[++i]);
        } else if (argument == "--repeat" && more) {
            options.repeat = std::atoi(argv[++i]);
        } else if (argument == "--pause" && more) {
            options.pause = std::atoi(argv[++i]);
        } else if (argument.rfind("--", 0) == 0) {
            return std::nullopt;
        } else {
            options.scenarios.push_back(argument);
        }
    }
    const bool something = options.list || options.resume >= 0 || !options.scenarios.empty();
    return something ? std::optional(options) : std::nullopt;
}

std::vector<Group> Groups() {
    return {{"sends", SendScenarios()}, {"connections", ConnectionScenarios()}, {"passing", PassingScenarios()}};
}

// 0, 1 for a failure or kSkipped.
int RunOne(const Scenario &scenario, Context &context) {
    try {
        scenario.run(context);
        return 0;
    } catch (const Skip &reason) {
        std::cerr << "skipped " << scenario.name << ": " << reason.what() << "\n";
        return kSkipped;
    } catch (const std::exception &reason) {
        std::cerr << "failed " << scenario.name << ": " << reason.what() << "\n";
        return 1;
    }
}

std::optional<std::vector<Scenario>> Choose(const std::vector<std::string> &names) {
    const std::vector<Scenario> all = All();
    std::vector<Scenario> by_name_only;
    for (const std::span<const Scenario> some : {FloodScenarios(), RaceScenarios(), SendRaceScenarios()})
        by_name_only.insert(by_name_only.end(), some.begin(), some.end());
    for (const Group &group : Groups())
        by_name_only.insert(by_name_only.end(), group.scenarios.begin(), group.scenarios.end());
    std::vector<Scenario> chosen;
    for (const std::string &name : names) {
        const size_t before = chosen.size();
        for (const Scenario &scenario : all) {
            if (name == "all" || name == scenario.name)
                chosen.push_back(scenario);
        }
        for (const Scenario &scenario : by_name_only) {
            if (name == scenario.name)
                chosen.push_back(scenario);
        }
        for (const Group &group : Groups()) {
            if (name == group.name)
                chosen.insert(chosen.end(), group.scenarios.begin(), group.scenarios.end());
        }
        if (chosen.size() == before) {
            std::cerr << "no scenario is called " << name << "; --list names them\n";
            return std::nullopt;
        }
    }
    return chosen;
}

int RunScenarios(const std::vector<Scenario> &scenarios, const Options &options, Context &context) {
    bool failed = false;
    bool skipped = false;
    for (int round = 0; round < options.repeat; ++round) {
        for (const Scenario &scenario : scenarios) {
            Truth::NameScenario(std::string(scenario.name).c_str());
            const int code = RunOne(scenario, context);
            failed = failed || code == 1;
            skipped = skipped || code == kSkipped;
        }
        usleep(static_cast<useconds_t>(options.pause) * 1000);
    }
    context.truth.Append({{"operations", context.truth.Operations()}});
    if (failed)
        return 1;
    return skipped && scenarios.size() == 1 ? kSkipped : 0;
}

int Main(int argc, char **argv) {
    std::optional<Options> options = Parse(argc, argv);
    if (!options) {
        std::cerr << kUsage;
        return 2;
    }
    if (options->list) {
        std::vector<Scenario> all = All();
        for (const Group &group : Groups())
            all.insert(all.end(), group.scenarios.begin(), group.scenarios.end());
        for (const Scenario &scenario : all) {
            std::cout << scenario.name << "\t" << scenario.needs << "\n";
        }
        return 0;
    }
    if (options->resume >= 0) {
        Truth truth(options->truth_fd, options->counter_fd);
        Context context{truth};
        AfterExec(context, options->resume);
        return 0;
    }
    const auto scenarios = Choose(options->scenarios);
    if (!scenarios)
        return 2;
    if (!options->truth.empty()) {
        options->truth_fd = open(options->truth.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
        Check(options->truth_fd >= 0, options->truth);
    }
    Truth truth(options->truth_fd, -1);
    Context context{truth};
    return RunScenarios(*scenarios, *options, context);
}

}  // namespace
}  // namespace traffic

int main(int argc, char **argv) {
    try {
        return traffic::Main(argc, argv);
    } catch (const std::exception &error) {
        std::cerr << "sockwarden-traffic: " << error.what() << "\n";
        return 1;
    }
}
