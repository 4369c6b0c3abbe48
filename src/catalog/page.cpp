// SPDX-License-Identifier: Apache-2.0
// Gathers the rows of one event into its page; see page.h.
#include "catalog/page.h"

#include <fmt/format.h>

#include <algorithm>

namespace sockwarden {
namespace {

std::string join(std::string_view first, std::string_view between, std::string_view second) {
    return first.empty() || second.empty() ? fmt::format("{}{}", first, second)
                                           : fmt::format("{}{}{}", first, between, second);
}

// A clause of a row as a sentence: "null where …" is "Null where …."
std::string sentence(std::string text) {
    if (!text.empty()) {
        text[0] = static_cast<char>(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
        text += text.ends_with('.') ? "" : ".";
    }
    return text;
}

// What an engine's ORIGIN row and the field's OPTIONAL row say, as one sentence.
std::string why_text(const FieldOrigin &origin) { return sentence(join(origin.why, "; ", origin.absent)); }

// A field with its tags: on its own line where all engines agree, else one line for each that differs.
PageItem field_item(const FieldRow &row, std::string_view type, std::string_view doc) {
    PageItem item{std::string(row.path), std::string(type), join(row.doc, " ", doc), {}};
    if (row.group == Group::stream) {
        return item;
    }
    std::vector<FieldOrigin> told;
    for (const EngineRow &engine : engines()) {
        const FieldOrigin origin = origin_of(row.id, engine.id);
        const auto same = std::ranges::find(told, origin);
        if (same == told.end()) {
            told.push_back(origin);
            item.more.push_back(
                {std::string(engine.name), fmt::format("[{}]", tags_text(origin.tags)), why_text(origin), {}});
        } else {
            std::string &names = item.more[static_cast<std::size_t>(same - told.begin())].term;
            names = join(names, ", ", engine.name);
        }
    }
    if (told.size() == 1) {
        item.more.clear();
        item.detail = join(type, " ", fmt::format("[{}]", tags_text(told[0].tags)));
        item.text = join(item.text, " ",
                         told[0].why.empty() && told[0].absent.empty()
                             ? std::string()
                             : fmt::format("({})", join(told[0].why, "; ", told[0].absent)));
    }
    return item;
}

std::vector<PageBlock> text_blocks(const EventRow &event, std::string_view section) {
    std::vector<PageBlock> blocks;
    for (const TextRow &row : texts()) {
        if (row.event == event.id && row.section == section) {
            blocks.push_back({std::string(row.text), {}});
        }
    }
    return blocks;
}

bool is_argument(const EventRow &event, FieldId id) {
    return std::ranges::any_of(arguments(),
                               [&](const ArgumentRow &row) { return row.event == event.id && row.field == id; });
}

std::vector<PageItem> argument_items(const EventRow &event) {
    std::vector<PageItem> items;
    for (const ArgumentRow &row : arguments()) {
        if (row.event == event.id) {
            items.push_back(field_item(field(row.field), row.type, row.doc));
        }
    }
    return items;
}

std::vector<PageItem> record_items(const EventRow &event) {
    std::vector<PageItem> items;
    for (const FieldRow &row : fields()) {
        if (has_field(event.id, row.id) && !is_argument(event, row.id)) {
            items.push_back(field_item(row, {}, {}));
        }
    }
    return items;
}

std::string_view flag_set(const EventRow &event) {
    if (event.id == EventId::splice) {
        return "splice_flag";
    }
    return event.set == "connections" ? "accept_flag" : "msg_flag";
}

std::vector<PageItem> flag_items(const EventRow &event) {
    const std::string_view set = flag_set(event);
    std::vector<PageItem> items;
    for (const ConstantRow &row : constants()) {
        if (row.set == set) {
            items.push_back({std::string(row.name), fmt::format("{:#x}", row.value), std::string(row.doc), {}});
        }
    }
    return items;
}

std::vector<PageItem> tag_items() {
    std::vector<PageItem> items;
    for (const TagRow &row : tags()) {
        items.push_back({std::string(row.name), {}, std::string(row.doc), {}});
    }
    return items;
}

std::vector<PageItem> reason_items() {
    std::vector<PageItem> items;
    for (const ReasonRow &row : reasons()) {
        if (row.name != "here" && row.name != "none") {
            items.push_back({std::string(row.name), {}, std::string(row.doc), {}});
        }
    }
    return items;
}

std::vector<PageItem> related_items(const EventRow &event) {
    std::vector<PageItem> items;
    for (const RelatedRow &row : related()) {
        if (row.event == event.id) {
            items.push_back({std::string(row.name), {}, std::string(row.doc), {}});
        }
    }
    return items;
}

std::vector<PageItem> guess_items() {
    std::vector<PageItem> items;
    for (const CellRow &cell : cells()) {
        std::string engines_text, why;
        for (const GuessRow &row : guesses()) {
            if (row.cell == cell.id) {
                engines_text = join(engines_text, ", ", engine_name(row.engine));
                why = sentence(std::string(row.why));
            }
        }
        items.push_back({std::string(cell.doc), engines_text, why, {}});
    }
    return items;
}

std::string hook_detail(const HookRow &hook) {
    std::string_view type = hook.type;
    std::string_view when = hook.when;
    for (const HookTypeRow &row : hook_types()) {
        type = row.id == hook.type ? row.name : type;
    }
    for (const WhenRow &row : whens()) {
        when = row.id == hook.when ? row.doc : when;
    }
    return fmt::format("{}, {}", type, when);
}

// Why an engine does not have the event; empty where it has.
std::string unseen_text(const EventRow &event, EngineId engine) {
    for (const UnseenRow &row : unseen()) {
        if (row.event == event.id && row.engine == engine) {
            return row.why.empty() ? fmt::format("It shows this event as {}.", row.shown_as)
                                   : fmt::format("It does not see this event: {}.", row.why);
        }
    }
    return {};
}

// One block an engine, then what the types of hooks are.
std::vector<PageBlock> hook_blocks(const EventRow &event) {
    std::vector<PageBlock> blocks;
    std::vector<PageItem> types;
    for (const EngineRow &engine : engines()) {
        PageBlock block{fmt::format("{}: {}. Needs {}.", engine.name, engine.doc, engine.needs), {}};
        if (const std::string why = unseen_text(event, engine.id); !why.empty()) {
            blocks.push_back({fmt::format("{}: {}", engine.name, why), {}});
            continue;
        }
        for (const HookRow &hook : hooks()) {
            if (hook.engine == engine.id && (hook.events & event_bit(event.id)) != 0) {
                block.items.push_back({std::string(hook.target), hook_detail(hook), std::string(hook.purpose), {}});
            }
        }
        if (!block.items.empty()) {
            blocks.push_back(std::move(block));
        }
    }
    for (const HookTypeRow &row : hook_types()) {
        if (std::ranges::any_of(hooks(), [&](const HookRow &hook) { return hook.type == row.id; })) {
            types.push_back({std::string(row.name), {}, std::string(row.doc), {}});
        }
    }
    blocks.push_back({{}, std::move(types)});
    return blocks;
}

std::vector<PageBlock> blocks_of(const EventRow &event, SectionId section) {
    switch (section) {
        case SectionId::intro:
            return {};
        case SectionId::description:
            return text_blocks(event, "description");
        case SectionId::arguments:
            return {{{}, argument_items(event)}};
        case SectionId::flags:
            return has_field(event.id, FieldId::flags) ? std::vector<PageBlock>{{{}, flag_items(event)}}
                                                       : std::vector<PageBlock>{};
        case SectionId::record:
            return {{{}, record_items(event)}};
        case SectionId::tags:
            return {{{}, tag_items()}};
        case SectionId::reasons:
            return {{{}, reason_items()}};
        case SectionId::hooks:
            return hook_blocks(event);
        case SectionId::use_case:
            return text_blocks(event, "use_case");
        case SectionId::guesses:
            return {{{}, guess_items()}};
        case SectionId::issues:
            return text_blocks(event, "issue");
        case SectionId::related:
            return {{{}, related_items(event)}};
    }
    return {};
}

}  // namespace

Page make_page(const EventRow &event) {
    Page page{std::string(event.name), std::string(event.intro), {}};
    for (const SectionRow &row : sections()) {
        std::vector<PageBlock> blocks = blocks_of(event, row.id);
        if (blocks.empty()) {
            continue;
        }
        if (!row.lead.empty()) {
            blocks.insert(blocks.begin(), PageBlock{std::string(row.lead), {}});
        }
        page.sections.push_back({std::string(row.title), std::move(blocks)});
    }
    return page;
}

}  // namespace sockwarden
