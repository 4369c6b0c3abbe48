// SPDX-License-Identifier: Apache-2.0
// Picks numbers out of one flat JSON record and one sentence. Not a JSON parser: the stop record
// has numbers, and objects of numbers, and no escapes in the keys that are asked for.
#include "common/stop_record.h"

#include <charconv>
#include <regex>
#include <string>

namespace sockwarden::bench {
namespace {

// The text after `"key":`, empty when there is no such key.
std::string_view value_of(std::string_view record, std::string_view key) {
    const std::string quoted = fmt::format("\"{}\":", key);
    const std::size_t at = record.find(quoted);
    if (at == std::string_view::npos)
        return {};
    return record.substr(at + quoted.size());
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{})
        return std::nullopt;
    return value;
}

// The sum over {"reason":count,...}.
std::optional<std::uint64_t> sum(std::string_view text) {
    if (text.empty() || text.front() != '{')
        return std::nullopt;
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos)
        return std::nullopt;
    std::uint64_t total = 0;
    for (std::size_t colon = text.find(':'); colon < end; colon = text.find(':', colon + 1)) {
        const std::optional<std::uint64_t> count = number(text.substr(colon + 1));
        if (!count)
            return std::nullopt;
        total += *count;
    }
    return total;
}

}  // namespace

Result<StopRecord> parse_stop_record(std::string_view line) {
    if (!line.starts_with("{\"event\":\"stop\""))
        return Error{fmt::format("no stop record: {}", line.substr(0, 200))};
    const auto written = number(value_of(line, "written"));
    const auto filtered = number(value_of(line, "filtered"));
    const auto dropped = sum(value_of(line, "dropped"));
    const auto missed = sum(value_of(line, "missed"));
    if (!written || !filtered || !dropped || !missed)
        return Error{fmt::format("stop record without its counts: {}", line)};
    return StopRecord{*written, *filtered, *dropped, *missed};
}

std::optional<std::uint64_t> lost_in_summary(std::string_view text) {
    static const std::regex counts("dropped ([0-9]+)(?: \\([^)]*\\))?, missed ([0-9]+)");
    const std::string haystack(text);
    std::smatch match;
    if (!std::regex_search(haystack, match, counts))
        return std::nullopt;
    return std::stoull(match[1]) + std::stoull(match[2]);
}

}  // namespace sockwarden::bench
