// SPDX-License-Identifier: Apache-2.0
// An event's page as data, made from the catalogue, and one writer for each form it is read in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace sockwarden {

struct PageItem {
    std::string term;            // a name as it is typed or printed: shown as code
    std::string detail;          // behind it on its line: type and tags
    std::string text;            // below; may be empty
    std::vector<PageItem> more;  // nested once
};

// A paragraph, a list, or a paragraph that introduces a list.
struct PageBlock {
    std::string text;
    std::vector<PageItem> items;
};

struct PageSection {
    std::string title;
    std::vector<PageBlock> blocks;
};

struct Page {
    std::string name, intro;
    std::vector<PageSection> sections;
};

Page make_page(const EventRow &event);

// For a terminal, lines of at most `width` columns as far as words allow.
std::string page_as_text(const Page &page, std::size_t width);
std::string page_as_markdown(const Page &page);
// A manual page of section 7, sockwarden-NAME; `version` stands in its footer.
std::string page_as_roff(const Page &page, std::string_view version);

// `text` as roff shows it literally, also at the start of a line.
std::string roff_escaped(std::string_view text);

}  // namespace sockwarden
