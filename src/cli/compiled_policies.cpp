// SPDX-License-Identifier: Apache-2.0
// Policies for an enforcer; see compiled_policies.h.
#include "cli/compiled_policies.h"

#include <fmt/format.h>

#include "cli/report.h"
#include "policy/compile/compile.h"

namespace sockwarden {

std::string PlacedPolicies::where() const {
    std::string text;
    for (const policy::Deployed &one : points) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", point(one.point).word);
    }
    return text;
}

Result<std::shared_ptr<const PlacedPolicies>> place_policies(const std::vector<std::string> &names, bool is_audit,
                                                             Enforcer by, bool recheck) {
    auto placed = std::make_shared<PlacedPolicies>();
    Result<std::vector<PolicyFile>> files = read_policies(names);
    if (!files) {
        return files.error();
    }
    placed->files = *std::move(files);
    std::vector<const policy::Policy *> policies;
    for (PolicyFile &file : placed->files) {
        file.policy.mode = is_audit ? policy::Mode::audit : file.policy.mode;
        policies.push_back(&file.policy);
    }
    Result<std::vector<policy::Deployed>, std::vector<policy::PolicyMistake>> points =
        policy::deploy(policies, by, recheck);
    if (!points) {
        return mistakes_error(placed->files, points.error());
    }
    placed->points = *std::move(points);
    if (placed->points.empty()) {
        return Error{"nothing to enforce: no rule of these policies orders anything here", kExitUsage};
    }
    return std::shared_ptr<const PlacedPolicies>(std::move(placed));
}

Result<CompiledPolicies> compile_placed(const PlacedPolicies &placed) {
    CompiledPolicies compiled;
    for (const policy::Deployed &one : placed.points) {
        Result<policy::Image, policy::PolicyMistake> image =
            policy::compile_policies(one.policies, compiled.files.lookup());
        if (!image) {
            return mistakes_error(placed.files, {image.error()});
        }
        compiled.images.push_back(*std::move(image));
    }
    for (const std::string &path : compiled.files.missing()) {
        say("there is no {} now: rules that name it match nothing until there is", path);
    }
    return compiled;
}

}  // namespace sockwarden
