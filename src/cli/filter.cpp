// SPDX-License-Identifier: Apache-2.0
// Filters; see filter.h.
#include "cli/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/report.h"
#include "output/real_files.h"
#include "policy/check.h"
#include "policy/compile/compile.h"
#include "policy/network.h"

namespace sockwarden {
namespace {

// A string of the language of expressions.
std::string in_quotes(std::string_view bytes) {
    std::string text = "'";
    for (const char c : bytes) {
        const bool plain = c >= ' ' && c < 0x7f && c != '\'' && c != '\\';
        text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return text + "'";
}

template <typename Values, typename Show>
std::string one_of(std::string_view fact, const Values &values, Show show) {
    std::string items;
    for (const auto &value : values) {
        items += (items.empty() ? "" : ", ") + show(value);
    }
    return fmt::format("{} in [{}]", fact, items);
}

template <typename Values, typename Show>
std::string any_of(const Values &values, Show show) {
    std::string text;
    for (const auto &value : values) {
        text += (text.empty() ? "" : " || ") + show(value);
    }
    return text;
}

// A condition on either end of a socket.
Result<std::string> socket_condition(const std::string &socket) {
    const Error mistake{
        fmt::format("--socket: \"{}\" is not a socket; write /PATH, @ABSTRACT, ADDRESS:PORT, [IPV6]:PORT or :PORT",
                    socket),
        kExitUsage};
    if (socket.starts_with('/') || (socket.starts_with('@') && socket.size() > 1)) {
        const bool path = socket[0] == '/';
        const std::string name = in_quotes(std::string_view(socket).substr(path ? 0 : 1));
        const auto end = [&](std::string_view side) {
            return fmt::format("socket.{}.{} == {}", side, path ? "path.text" : "abstract", name);
        };
        return fmt::format("({} || {})", end("local"), end("remote"));
    }
    const std::size_t colon = socket.rfind(':');
    if (colon == std::string::npos) {
        return mistake;
    }
    std::uint16_t port = 0;
    const auto [rest, error] = std::from_chars(socket.data() + colon + 1, socket.data() + socket.size(), port);
    std::string host = socket.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const bool is_host = host.empty() || (policy::parse_address(host) && (host.find(':') != host.npos) == bracketed);
    if (error != std::errc{} || rest != socket.data() + socket.size() || !is_host) {
        return mistake;
    }
    const auto end = [&](std::string_view side) {
        const std::string at_port = fmt::format("socket.{}.port == {}", side, port);
        return host.empty() ? at_port : fmt::format("socket.{}.address == {} && {}", side, in_quotes(host), at_port);
    };
    return fmt::format("({} || {})", end("local"), end("remote"));
}

Error mistakes_error(const policy::Mistakes &mistakes, std::string_view option) {
    std::string message;
    for (const policy::Mistake &mistake : mistakes) {
        message += message.empty() ? "" : "\n";
        message += option.empty() ? policy::mistake_text("EXPRESSION", mistake)
                                  : fmt::format("{}: {}", option, mistake.message);
    }
    return Error{std::move(message), kExitUsage};
}

// `option` is named where the text is not the user's own.
Status add(std::vector<policy::Node> &parts, std::string text, std::string_view option = {}) {
    const policy::SourceText source = policy::plain_source(std::move(text));
    Result<policy::Node, policy::Mistakes> node = policy::read_expression(source, {});
    if (node) {
        parts.push_back(*std::move(node));
        return Done{};
    }
    return mistakes_error(node.error(), option);
}

}  // namespace

Result<std::optional<policy::Image>> read_filter(const FilterOptions &options) {
    std::vector<std::pair<std::string_view, std::string>> texts;
    const auto number = [](std::uint32_t value) { return std::to_string(value); };
    if (!options.pids.empty()) {
        texts.emplace_back("--pid", one_of("process.pid", options.pids, number));
    }
    if (!options.comms.empty()) {
        texts.emplace_back("--comm", one_of("process.comm", options.comms, in_quotes));
    }
    if (!options.uids.empty()) {
        texts.emplace_back("--uid", one_of("process.uid", options.uids, number));
    }
    if (!options.containers.empty()) {
        texts.emplace_back("--container", any_of(options.containers, [](std::string_view id) {
                               return fmt::format("process.container.startsWith({})", in_quotes(id));
                           }));
    }
    std::string sockets;
    for (const std::string &socket : options.sockets) {
        const Result<std::string> condition = socket_condition(socket);
        if (!condition) {
            return condition.error();
        }
        sockets += (sockets.empty() ? "" : " || ") + *condition;
    }
    if (!sockets.empty()) {
        texts.emplace_back("--socket", std::move(sockets));
    }
    if (!options.expression.empty()) {
        texts.emplace_back("", options.expression);
    }
    std::vector<policy::Node> parts;
    for (auto &[option, text] : texts) {
        if (Status status = add(parts, std::move(text), option); !status) {
            return status.error();
        }
    }
    if (parts.empty()) {
        return std::optional<policy::Image>();
    }
    const policy::Node all{{}, policy::AllOf{std::move(parts)}};
    RealFiles files;
    Result<policy::Image, policy::Mistakes> image = policy::compile_expression(all, files.lookup());
    if (!image) {
        return mistakes_error(image.error(), "");
    }
    for (const std::string &path : files.missing()) {
        say("there is no {} now: what asks for it finds nothing", path);
    }
    return std::optional(*std::move(image));
}

}  // namespace sockwarden
