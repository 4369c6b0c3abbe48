// SPDX-License-Identifier: Apache-2.0
// Writes a page for a terminal; see page.h.
#include <algorithm>

#include "catalog/page.h"

namespace sockwarden {
namespace {

constexpr std::size_t kIndent = 4;
constexpr std::size_t kWidestColumns = 40;  // of names, before the text of a list in columns

// Appends `text` in lines of at most `width` columns, the first at column `at`, the others behind `indent` spaces.
void append_wrapped(std::string &to, std::string_view text, std::size_t at, std::size_t indent, std::size_t width) {
    std::size_t column = at;
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (!first && column + 1 + end > width) {
            to += '\n';
            to.append(indent, ' ');
            column = indent;
        } else if (!first) {
            to += ' ';
            ++column;
        }
        first = false;
        to += text.substr(0, end);
        column += end;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    to += '\n';
}

void append_paragraph(std::string &to, std::string_view text, std::size_t indent, std::size_t width) {
    to.append(indent, ' ');
    append_wrapped(to, text, indent, indent, width);
}

void append_item(std::string &to, const PageItem &item, std::size_t indent, std::size_t width) {
    append_paragraph(to, item.detail.empty() ? item.term : item.term + "  " + item.detail, indent, width);
    if (!item.text.empty()) {
        append_paragraph(to, item.text, indent + kIndent, width);
    }
    for (const PageItem &part : item.more) {
        append_item(to, part, indent + kIndent, width);
    }
}

// Short names read best as columns.
void append_items(std::string &to, const std::vector<PageItem> &items, std::size_t width) {
    std::size_t term = 0;
    std::size_t detail = 0;
    bool nested = false;
    for (const PageItem &item : items) {
        term = std::max(term, item.term.size());
        detail = std::max(detail, item.detail.size());
        nested = nested || !item.more.empty();
    }
    const std::size_t column = kIndent + term + 2 + (detail == 0 ? 0 : detail + 2);
    for (const PageItem &item : items) {
        if (nested || column > kWidestColumns) {
            append_item(to, item, kIndent, width);
            continue;
        }
        to.append(kIndent, ' ');
        to += item.term;
        to.append(term + 2 - item.term.size(), ' ');
        if (detail != 0) {
            to += item.detail;
            to.append(detail + 2 - item.detail.size(), ' ');
        }
        append_wrapped(to, item.text, column, column, width);
    }
}

}  // namespace

std::string page_as_text(const Page &page, std::size_t width) {
    std::string to = page.name + " - " + page.intro + "\n";
    for (const PageSection &section : page.sections) {
        to += '\n' + section.title + '\n';
        bool first = true;
        for (const PageBlock &block : section.blocks) {
            to += first ? "" : "\n";
            first = false;
            if (!block.text.empty()) {
                append_paragraph(to, block.text, kIndent, width);
            }
            append_items(to, block.items, width);
        }
    }
    return to;
}

}  // namespace sockwarden
