// SPDX-License-Identifier: Apache-2.0
// An expression as a tree. The parser makes it; the checker says which fact each name means, and puts in what named
// lists stand for. Its depth is at most kDeepest, so walking it by recursion is safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "catalog/facts.h"
#include "policy/source_text.h"

namespace sockwarden::policy {

inline constexpr int kDeepest = 64;

// `value` is a string of bytes for every fact that is not a number or a boolean.
struct Literal {
    Span span;
    std::variant<bool, std::int64_t, std::string> value;
};

inline std::string_view kind_of(const Literal &literal) {
    constexpr std::string_view kKinds[] = {"a truth value", "a number", "a string"};
    return kKinds[literal.value.index()];
}

// A fact as it was written: "process.exe", or "f.type" of an element.
struct Name {
    Span span;
    std::string path;
    // From the checker.
    FactId fact{};
    std::optional<std::size_t> variable;  // of an element: which `Each` around it, counted from the outermost
};

// [1, 2], or lists.NAME. The checker puts in the items of a named one.
struct List {
    Span span;
    std::string name;
    std::vector<Literal> items;
};

struct Node;

struct Constant {
    bool value = false;
};
// A boolean fact that stands as a condition; the checker makes `fact == true` of it.
struct Bare {
    Name fact;
};
struct Test {
    OperatorId op{};
    Name fact;
    std::variant<Literal, Name, List> against;
};
struct Has {
    Name fact;
};
struct Not {
    std::unique_ptr<Node> part;
};
struct AllOf {
    std::vector<Node> parts;
};
struct AnyOf {
    std::vector<Node> parts;
};
// fds.exists(f, …), senders.all(s, …)
struct Each {
    OperatorId op{};
    Name list;
    std::string variable;
    std::unique_ptr<Node> body;
};

struct Node {
    Span span;
    std::variant<Constant, Bare, Test, Has, Not, AllOf, AnyOf, Each> what;
};

}  // namespace sockwarden::policy
