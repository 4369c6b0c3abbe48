// SPDX-License-Identifier: Apache-2.0
// The matcher; see match.h and src/bpf/image.h, which says what the tables mean.
#include "policy/compile/match.h"

#include <algorithm>
#include <optional>

namespace sockwarden::policy {
namespace {

using Words = std::vector<std::uint64_t>;

bool has_bit(const Words &words, std::size_t bit) {
    return bit / 64 < words.size() && (words[bit / 64] >> (bit % 64) & 1) != 0;
}

// A number for a value of a type that has columns of numbers, words or flags.
std::optional<std::uint64_t> number_for(const FactRow &row, const Value &value) {
    if (const auto *number = std::get_if<std::int64_t>(&value)) {
        return static_cast<std::uint64_t>(*number);
    }
    if (const auto *truth = std::get_if<bool>(&value)) {
        return *truth ? 1 : 0;
    }
    if (const auto *word = std::get_if<Text>(&value)) {
        return number_of(row, word->bytes);
    }
    std::uint64_t bits = 0;
    for (const std::string &name : std::get<Flags>(value).names) {
        bits |= number_of(row, name).value_or(0);
    }
    return bits;
}

bool is_at_or_before(const wire::image_address &a, const wire::image_address &b) {
    return a.high != b.high ? a.high < b.high : a.low <= b.low;
}

// Which clauses of one space may hold, and of which it is not certain.
class Matching {
public:
    Matching(const Image &image, wire::image_space_id space)
        : image_(image),
          space_(image.head().space[space]),
          possible_(space_.words, ~std::uint64_t{0}),
          doubt_(space_.words) {}

    const Words &possible() const { return possible_; }
    const Words &doubt() const { return doubt_; }

    void accept(std::uint32_t number) {
        for (std::size_t w = 0; w < space_.words; ++w) {
            possible_[w] &= word(number, w);
        }
    }
    void doubt(std::uint32_t number) {
        for (std::size_t w = 0; w < space_.words; ++w) {
            doubt_[w] |= word(number, w);
        }
    }

    // `certain` are hits; of those in `open` nobody knows, nor, where `is_there` is unknown, whether the fact is there.
    void accept_hits(const wire::image_hits &hits, const Words &certain, const Words &open, Truth is_there) {
        std::vector<Words> may(hits.layers, Words(space_.words)), must = may;
        Words refused(space_.words), may_be_refused(space_.words);
        for (std::uint32_t layer = 0; layer < hits.layers; ++layer) {
            add(may[layer], hits.base[layer]);
            add(must[layer], hits.base[layer]);
        }
        if (is_there == Truth::yes) {
            add(refused, hits.without);
        } else {
            doubt(hits.presence);
        }
        add(may_be_refused, hits.without);
        for (std::uint32_t hit = 0; hit < hits.count; ++hit) {
            const bool is_hit = has_bit(certain, hit);
            if (!is_hit && !has_bit(open, hit)) {
                continue;
            }
            const auto *row = &image_.at<std::uint16_t>(hits.map) + std::size_t{hit} * (hits.layers + 1);
            for (std::uint32_t layer = 0; layer < hits.layers; ++layer) {
                add(may[layer], row[layer]);
                if (is_hit) {
                    add(must[layer], row[layer]);
                }
            }
            add(may_be_refused, row[hits.layers]);
            if (is_hit) {
                add(refused, row[hits.layers]);
            }
        }
        for (std::size_t w = 0; w < space_.words; ++w) {
            std::uint64_t possible = ~refused[w], sure = ~may_be_refused[w];
            for (std::uint32_t layer = 0; layer < hits.layers; ++layer) {
                possible &= may[layer][w];
                sure &= must[layer][w];
            }
            possible_[w] &= possible;
            doubt_[w] |= possible & ~sure;
        }
    }

private:
    std::uint64_t word(std::uint32_t number, std::size_t w) const {
        return (&image_.at<std::uint64_t>(space_.vectors))[std::size_t{number} * (1 + space_.words) + 1 + w];
    }
    void add(Words &to, std::uint32_t number) const {
        for (std::size_t w = 0; w < to.size(); ++w) {
            to[w] |= word(number, w);
        }
    }

    const Image &image_;
    const wire::image_space &space_;
    Words possible_, doubt_;
};

class Evaluation {
public:
    Evaluation(const Image &image, const Facts &facts) : image_(image), facts_(facts) {}

    Matched run() {
        const Matching matching = match_space(wire::SPACE_MESSAGE, facts_.values);
        return {matching.possible(), matching.doubt()};
    }

private:
    Matching match_space(wire::image_space_id space, const FactMap &values) {
        Matching matching(image_, space);
        for (const FactRow &row : sockwarden::facts()) {
            const wire::image_column &column = image_.head().column[static_cast<std::size_t>(row.id)];
            if (column.kind == wire::COLUMN_NONE || column.space != space) {
                continue;
            }
            if (column.kind == wire::COLUMN_LIST) {
                match_list(matching, row, column);
            } else {
                match_value(matching, row, column, value_of(values, row.id));
            }
        }
        for (std::uint32_t i = 0; i < image_.head().pair_count; ++i) {
            if (image_.head().pair[i].space == space) {
                match_pair(matching, image_.head().pair[i], values);
            }
        }
        return matching;
    }

    void match_value(Matching &matching, const FactRow &row, const wire::image_column &column, const Value &value) {
        if (std::holds_alternative<Absent>(value)) {
            matching.accept(column.absent);
        } else if (std::holds_alternative<Unknown>(value)) {
            matching.doubt(column.asks);
        } else if (column.kind == wire::COLUMN_TEXT) {
            match_text(matching, image_.at<wire::image_text>(column.table), std::get<Text>(value));
        } else if (column.kind == wire::COLUMN_FLAGS) {
            const std::uint64_t bits = number_for(row, value).value_or(0);
            const auto *flag = &image_.at<wire::image_flag>(column.table);
            for (const auto *end = flag + column.count; flag != end; ++flag) {
                matching.accept((bits & flag->mask) == flag->mask ? flag->set : flag->clear);
            }
        } else {
            matching.accept(vector_of(row, column, value));
        }
    }

    std::uint32_t vector_of(const FactRow &row, const wire::image_column &column, const Value &value) const {
        switch (column.kind) {
            case wire::COLUMN_NUMBER: {
                const auto *starts = &image_.at<std::uint64_t>(column.table);
                const auto *behind = std::upper_bound(starts, starts + column.count, *number_for(row, value));
                return reinterpret_cast<const std::uint16_t *>(starts + column.count)[behind - starts - 1];
            }
            case wire::COLUMN_WORD: {
                const std::optional<std::uint64_t> word = number_for(row, value);
                return word && *word < column.count ? (&image_.at<std::uint16_t>(column.table))[*word] : column.other;
            }
            case wire::COLUMN_FILE:
                return vector_of_file(column, std::get<File>(value));
            default: {
                const auto *starts = &image_.at<wire::image_address>(column.table);
                const auto *behind =
                    std::upper_bound(starts, starts + column.count, as_numbers(std::get<IpAddress>(value)),
                                     [](const auto &a, const auto &b) { return !is_at_or_before(b, a); });
                return reinterpret_cast<const std::uint16_t *>(starts + column.count)[behind - starts - 1];
            }
        }
    }

    std::uint32_t vector_of_file(const wire::image_column &column, const File &file) const {
        const auto *files = &image_.at<wire::image_file>(column.table);
        const std::uint64_t hash = IMAGE_FILE_HASH(file.device, file.inode);
        for (std::uint64_t i = 0; i < wire::IMAGE_PROBES && column.count != 0; ++i) {
            const wire::image_file &place = files[(hash + i) & (column.count - 1)];
            if (place.used != 0 && place.device == file.device && place.inode == file.inode) {
                return place.vector;
            }
        }
        return column.other;
    }

    void match_text(Matching &matching, const wire::image_text &text, const Text &value) {
        Words hits(text.set_words), open(text.set_words);
        const auto add = [&](Words &to, std::uint32_t table, std::uint32_t state) {
            const std::size_t set = (&image_.at<std::uint16_t>(table))[state];
            const auto *words = &image_.at<std::uint64_t>(text.sets) + set * text.set_words;
            for (std::size_t w = 0; w < to.size(); ++w) {
                to[w] |= words[w];
            }
        };
        const auto *next = &image_.at<std::uint16_t>(text.next);
        const auto *class_of = &image_.at<std::uint8_t>(text.class_of), *dead = &image_.at<std::uint8_t>(text.dead);
        std::uint32_t state = text.start;
        add(hits, text.visit, state);
        for (const char c : value.bytes) {
            state = next[(state << text.row) + class_of[static_cast<unsigned char>(c)]];
            if (state >= text.plain) {
                add(hits, text.visit, state);
                if (dead[state] != 0) {
                    break;
                }
            }
        }
        if (value.cut) {
            add(hits, text.sure, state);
            add(open, text.open, state);
        } else {
            add(hits, text.end, state);
        }
        matching.accept_hits(text.hits, hits, open, Truth::yes);
    }

    void match_list(Matching &matching, const FactRow &row, const wire::image_column &column) {
        const auto list = facts_.lists.find(row.id);
        if (list == facts_.lists.end()) {
            matching.accept(column.absent);
            return;
        }
        const auto &hits = image_.at<wire::image_hits>(column.table);
        const wire::image_space_id space = row.id == FactId::senders ? wire::SPACE_SENDERS : wire::SPACE_FDS;
        Words certain(image_.head().space[space].words), open = certain;
        for (const FactMap &element : list->second.items) {
            const Matching of_element = match_space(space, element);
            for (std::size_t w = 0; w < certain.size(); ++w) {
                certain[w] |= of_element.possible()[w] & ~of_element.doubt()[w];
                open[w] |= of_element.possible()[w];
            }
        }
        if (!list->second.complete) {  // one more may be there, of which nothing is known
            const Matching of_element = match_space(space, unknown_facts(row));
            for (std::size_t w = 0; w < open.size(); ++w) {
                open[w] |= of_element.possible()[w];
            }
        }
        const bool nothing_known = list->second.items.empty() && !list->second.complete;
        matching.accept_hits(hits, certain, open, nothing_known ? Truth::unknown : Truth::yes);
    }

    const Value &value_anywhere(FactId id, const FactMap &values) const {
        return value_of(list_of(fact(id)) == nullptr ? facts_.values : values, id);
    }

    void match_pair(Matching &matching, const wire::image_pair &pair, const FactMap &values) {
        const Value &a = value_anywhere(static_cast<FactId>(pair.first), values);
        const Value &b = value_anywhere(static_cast<FactId>(pair.second), values);
        if (std::holds_alternative<Absent>(a) || std::holds_alternative<Absent>(b)) {
            matching.accept(pair.absent);
            return;
        }
        const Truth equal = is_equal(a, b);
        if (equal == Truth::unknown) {
            matching.doubt(pair.asks);
        } else {
            matching.accept(equal == Truth::yes ? pair.equal : pair.different);
        }
    }

    static Truth is_equal(const Value &a, const Value &b) {
        if (std::holds_alternative<Unknown>(a) || std::holds_alternative<Unknown>(b)) {
            return Truth::unknown;
        }
        const auto *left = std::get_if<Text>(&a), *right = std::get_if<Text>(&b);
        if (left == nullptr || right == nullptr) {
            return truth_of(a == b);
        }
        const std::size_t common = std::min(left->bytes.size(), right->bytes.size());
        const bool differ = left->bytes.compare(0, common, right->bytes, 0, common) != 0;
        const bool shorter = !left->cut && left->bytes.size() <= right->bytes.size() &&
                             (right->cut || left->bytes.size() < right->bytes.size());
        const bool longer = !right->cut && right->bytes.size() <= left->bytes.size() &&
                            (left->cut || right->bytes.size() < left->bytes.size());
        if (differ || shorter || longer) {
            return Truth::no;
        }
        return left->cut || right->cut ? Truth::unknown : Truth::yes;
    }

    const Image &image_;
    const Facts &facts_;
};

}  // namespace

Matched match_clauses(const Image &image, const Facts &facts) { return Evaluation(image, facts).run(); }

Truth match(const Image &image, const Facts &facts) {
    const Matched matched = match_clauses(image, facts);
    Truth truth = Truth::no;
    for (std::uint32_t i = 0; i < image.head().space[wire::SPACE_MESSAGE].clauses; ++i) {
        if (has_bit(matched.possible, i)) {
            truth = either(truth, has_bit(matched.doubt, i) ? Truth::unknown : Truth::yes);
        }
    }
    return truth;
}

}  // namespace sockwarden::policy
