// SPDX-License-Identifier: Apache-2.0
// Writes a page as a manual page; see page.h.
#include <fmt/format.h>

#include "base/text.h"
#include "catalog/page.h"

namespace sockwarden {
namespace {

std::string upper(std::string_view text) {
    std::string to(text);
    for (char &c : to) {
        c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return to;
}

void append_item(std::string &to, const PageItem &item) {
    to += ".TP\n\\fB" + roff_escaped(item.term) + "\\fR";
    to += item.detail.empty() ? "\n" : "  " + roff_escaped(item.detail) + "\n";
    to += item.text.empty() && item.more.empty() ? "\\&\n" : "";
    to += item.text.empty() ? "" : roff_escaped(item.text) + "\n";
    if (!item.more.empty()) {
        to += ".RS\n";
        for (const PageItem &part : item.more) {
            append_item(to, part);
        }
        to += ".RE\n";
    }
}

}  // namespace

std::string roff_escaped(std::string_view text) {
    std::string to;
    bool line_start = true;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (line_start && (c == '.' || c == '\'')) {
            to += "\\&";
        }
        line_start = c == '\n';
        if (const CodePoint point = decode_utf8(text.substr(at)); point.length > 1) {
            to += fmt::format("\\[u{:04X}]", static_cast<unsigned>(point.value));
            at += point.length - 1;
            continue;
        }
        switch (c) {
            case '\\':
                to += "\\e";
                break;
            case '-':
                to += "\\-";
                break;
            case '\'':
                to += "\\(aq";
                break;
            case '`':
                to += "\\(ga";
                break;
            case '^':
                to += "\\(ha";
                break;
            case '~':
                to += "\\(ti";
                break;
            default:
                to += c;
        }
    }
    return to;
}

std::string page_as_roff(const Page &page, std::string_view version) {
    std::string to =
        ".\\\" Rendered from catalog/*.def.\n.TH " + upper("sockwarden-" + page.name) + " 7 \"\" \"sockwarden ";
    to += version;
    to += "\" \"Events of sockwarden\"\n.nh\n.ad l\n.SH NAME\nsockwarden\\-" + roff_escaped(page.name) + " \\- " +
          roff_escaped(page.intro.substr(0, page.intro.find_last_not_of('.') + 1)) + "\n";
    for (const PageSection &section : page.sections) {
        to += ".SH " + upper(section.title) + "\n";
        bool first = true;
        for (const PageBlock &block : section.blocks) {
            to += first ? "" : ".PP\n";
            first = false;
            to += block.text.empty() ? "" : roff_escaped(block.text) + "\n";
            for (const PageItem &item : block.items) {
                append_item(to, item);
            }
        }
    }
    return to;
}

}  // namespace sockwarden
