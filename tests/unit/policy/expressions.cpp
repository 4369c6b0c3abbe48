// SPDX-License-Identifier: Apache-2.0
// Expressions in tests; see expressions.h.
#include "expressions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "policy/compile/compile.h"
#include "policy/compile/match.h"
#include "policy/parser.h"
#include "policy/walk.h"

namespace sockwarden::policy::test {
namespace {

std::string text_of(const Literal &literal) {
    if (const auto *number = std::get_if<std::int64_t>(&literal.value)) {
        return std::to_string(*number);
    }
    if (const auto *boolean = std::get_if<bool>(&literal.value)) {
        return *boolean ? "true" : "false";
    }
    return "'" + std::get<std::string>(literal.value) + "'";
}
std::string text_of(const Name &name) { return name.path; }
std::string text_of(const List &list) {
    std::string text = list.name.empty() ? "[" : "[" + list.name + ":";
    for (const Literal &item : list.items) {
        text += (text.back() == '[' ? "" : " ") + text_of(item);
    }
    return text + "]";
}

std::string text_of(const Node &node);
std::string text_of(const std::vector<Node> &nodes) {
    std::string text;
    for (const Node &node : nodes) {
        text += " " + text_of(node);
    }
    return text;
}

std::string text_of(const Constant &node) { return node.value ? "true" : "false"; }
std::string text_of(const Bare &node) { return node.fact.path; }
std::string text_of(const Test &node) {
    return fmt::format("({} {} {})", operator_row(node.op).name, node.fact.path,
                       std::visit([](const auto &one) { return text_of(one); }, node.against));
}
std::string text_of(const Has &node) { return "(has " + node.fact.path + ")"; }
std::string text_of(const Not &node) { return "(not " + text_of(*node.part) + ")"; }
std::string text_of(const AllOf &node) { return "(and" + text_of(node.parts) + ")"; }
std::string text_of(const AnyOf &node) { return "(or" + text_of(node.parts) + ")"; }
std::string text_of(const Each &node) {
    return fmt::format("({} {} {} {})", operator_row(node.op).name, node.list.path, node.variable, text_of(*node.body));
}
std::string text_of(const Node &node) {
    return std::visit([](const auto &what) { return text_of(what); }, node.what);
}

std::string text_of(const Mistake &mistake) {
    const std::string line = mistake.place.line == 1 ? "" : fmt::format("{}:", mistake.place.line);
    return fmt::format("{}{}: {}{}{}", line, mistake.place.column, mistake.message, mistake.hint.empty() ? "" : "; ",
                       mistake.hint);
}

}  // namespace

std::string parsed(std::string_view expression) {
    const Parsed<Node> node = parse_expression(plain_source(std::string(expression)));
    return node ? text_of(*node) : text_of(node.error());
}

std::vector<std::string> mistakes_of(std::string_view expression, const Lists &lists) {
    const Result<Node, Mistakes> node = read_expression(plain_source(std::string(expression)), lists);
    std::vector<std::string> texts;
    for (const Mistake &mistake : node ? Mistakes{} : node.error()) {
        texts.push_back(text_of(mistake));
    }
    return texts;
}

Truth truth_of(std::string_view expression, const Facts &facts, const FileLookup &files, const Lists &lists) {
    const Result<Node, Mistakes> node = read_expression(plain_source(std::string(expression)), lists);
    if (!node) {
        ADD_FAILURE() << expression << ": " << text_of(node.error()[0]);
        return Truth::unknown;
    }
    const Truth truth = walk(*node, facts, files);
    const Result<Image, Mistakes> image = compile_expression(*node, files);
    const bool may_be_finer = truth == Truth::unknown && (expression.find(".matches(") != expression.npos ||
                                                          expression.find(".glob(") != expression.npos);
    if (!image) {
        EXPECT_NE(text_of(image.error()[0]).find("inside another"), std::string::npos)
            << expression << ": " << text_of(image.error()[0]);
    } else if (!may_be_finer) {
        EXPECT_EQ(name_of(match(*image, facts)), name_of(truth)) << "the matcher, of " << expression;
    }
    return truth;
}

std::string_view name_of(Truth truth) {
    constexpr std::string_view kNames[] = {"no", "unknown", "yes"};
    return kNames[static_cast<std::size_t>(truth)];
}
void PrintTo(Truth truth, std::ostream *to) { *to << name_of(truth); }

}  // namespace sockwarden::policy::test
