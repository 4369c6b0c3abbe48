// SPDX-License-Identifier: Apache-2.0
// Writes a page as Markdown; see page.h.
#include "catalog/page.h"

namespace sockwarden {
namespace {

std::string escaped(std::string_view text) {
    std::string to;
    for (const char c : text) {
        if (c == '*' || c == '<' || c == '[' || c == ']') {
            to += '\\';
        }
        to += c;
    }
    return to;
}

void append_item(std::string &to, const PageItem &item, std::string_view indent) {
    to += indent;
    to += "- `" + item.term + "`";
    if (!item.detail.empty()) {
        to += ' ' + escaped(item.detail);
    }
    if (!item.text.empty()) {
        to += ": " + escaped(item.text);
    }
    to += '\n';
    for (const PageItem &part : item.more) {
        append_item(to, part, "  ");
    }
}

}  // namespace

std::string page_as_markdown(const Page &page) {
    std::string to =
        "<!-- Rendered from catalog/*.def; change those, then: cmake --build build/dev --target docs -->\n";
    to += "# " + page.name + "\n\n" + escaped(page.intro) + "\n";
    for (const PageSection &section : page.sections) {
        to += "\n## " + section.title + "\n";
        for (const PageBlock &block : section.blocks) {
            to += '\n';
            if (!block.text.empty()) {
                to += escaped(block.text) + (block.items.empty() ? "\n" : "\n\n");
            }
            for (const PageItem &item : block.items) {
                append_item(to, item, "");
            }
        }
    }
    return to;
}

}  // namespace sockwarden
