// SPDX-License-Identifier: Apache-2.0
// Columns of an image; see columns.h.
#include "policy/compile/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

#include "policy/compile/hits.h"
#include "policy/compile/image.h"
#include "policy/network.h"

namespace sockwarden::policy {
namespace {

bool is_pair(const Atom &atom) {
    return atom.kind == Atom::Kind::test && std::holds_alternative<Name>(atom.test->against);
}

// The literals that a test compares with.
std::vector<const Literal *> literals_of(const Test &test) {
    std::vector<const Literal *> literals;
    if (const auto *list = std::get_if<List>(&test.against)) {
        for (const Literal &item : list->items) {
            literals.push_back(&item);
        }
    } else if (const auto *one = std::get_if<Literal>(&test.against)) {
        literals.push_back(one);
    }
    return literals;
}

std::uint64_t number_of(const Literal &literal) {
    if (const auto *truth = std::get_if<bool>(&literal.value)) {
        return *truth ? 1 : 0;
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>(std::get<std::int64_t>(literal.value), 0));
}

const std::string &text_of(const Literal &literal) { return std::get<std::string>(literal.value); }

bool compare(OperatorId op, std::int64_t a, std::int64_t b) {
    switch (op) {
        case OperatorId::not_equal:
            return a != b;
        case OperatorId::less:
            return a < b;
        case OperatorId::less_equal:
            return a <= b;
        case OperatorId::greater:
            return a > b;
        case OperatorId::greater_equal:
            return a >= b;
        default:
            return a == b;
    }
}

IpAddress as_address(wire::image_address numbers) {
    IpAddress address;
    for (std::size_t i = 8; i-- > 0;) {
        address.bytes[i] = static_cast<std::uint8_t>(numbers.high);
        address.bytes[i + 8] = static_cast<std::uint8_t>(numbers.low);
        numbers.high >>= 8;
        numbers.low >>= 8;
    }
    return address;
}

bool before(const wire::image_address &a, const wire::image_address &b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

class ColumnMaker {
public:
    ColumnMaker(Space &space, const FactRow &fact, const FileLookup &files, ImageWriter &writer)
        : space_(space), fact_(fact), files_(files), writer_(writer) {}

    Result<Done, TooMuch> make(std::span<const Clause> elements) {
        const bool is_asked = std::ranges::any_of(space_.clauses(), [&](const Clause &clause) { return asks(clause); });
        if (!is_asked) {
            return Done{};
        }
        column_.space = space_.id();
        column_.absent = space_.vector_of(
            [&](const Clause &clause) { return all_of(clause, [](const Atom &atom) { return atom.negated; }); });
        column_.asks = space_.vector_of([&](const Clause &clause) { return asks(clause); });
        Result<Done, TooMuch> made = make_table(elements);
        writer_.head().column[static_cast<std::size_t>(fact_.id)] = column_;
        return made;
    }

private:
    bool is_of_fact(const Atom &atom) const { return atom.fact == fact_.id && !is_pair(atom); }
    bool asks(const Clause &clause) const {
        return std::ranges::any_of(clause, [&](const Atom &atom) { return is_of_fact(atom); });
    }
    // Whether a clause's atoms of this fact all hold.
    template <typename Holds>
    bool all_of(const Clause &clause, Holds holds) const {
        return std::ranges::all_of(clause, [&](const Atom &atom) { return !is_of_fact(atom) || holds(atom); });
    }
    // The vector of a present value: `test` says whether the value passes a test.
    template <typename Passes>
    std::uint32_t vector_for(Passes passes) {
        return space_.vector_of([&](const Clause &clause) {
            return all_of(clause, [&](const Atom &atom) {
                return (atom.kind == Atom::Kind::has || passes(*atom.test)) != atom.negated;
            });
        });
    }
    template <typename Take>
    void each_test(Take take) const {
        for (const Clause &clause : space_.clauses()) {
            for (const Atom &atom : clause) {
                if (is_of_fact(atom) && atom.kind == Atom::Kind::test) {
                    take(*atom.test);
                }
            }
        }
    }
    template <typename Take>
    void each_literal(Take take) const {
        each_test([&](const Test &test) { std::ranges::for_each(literals_of(test), take); });
    }

    Result<Done, TooMuch> make_table(std::span<const Clause> elements) {
        switch (fact_.type) {
            case FactType::boolean:
            case FactType::u16:
            case FactType::u32:
            case FactType::u64:
                return make_numbers();
            case FactType::name:
                make_words();
                return Done{};
            case FactType::flags:
                make_flags();
                return Done{};
            case FactType::file:
                return make_files();
            case FactType::address:
                return make_addresses();
            case FactType::text:
            case FactType::bytes:
                column_.kind = wire::COLUMN_TEXT;
                return make_text(space_, fact_, column_, writer_);
            case FactType::list:
                column_.kind = wire::COLUMN_LIST;
                return make_list(space_, fact_, elements, column_, writer_);
        }
        return Done{};
    }

    Result<Done, TooMuch> too_many_intervals(std::size_t count) const {
        return TooMuch{
            0,
            fmt::format("{} is divided into {} intervals, of at most {}", fact_.path, count, 1U << wire::IMAGE_SPLITS),
            "ask about fewer values"};
    }

    Result<Done, TooMuch> make_numbers() {
        std::set<std::uint64_t> starts{0};
        each_literal([&](const Literal *literal) {
            starts.insert(number_of(*literal));
            starts.insert(number_of(*literal) + 1);
        });
        if (starts.size() > std::size_t{1} << wire::IMAGE_SPLITS) {
            return too_many_intervals(starts.size());
        }
        std::vector<std::uint16_t> vectors;
        vectors.reserve(starts.size());
        for (const std::uint64_t value : starts) {
            vectors.push_back(static_cast<std::uint16_t>(
                vector_for([&](const Test &test) { return passes_number(test, static_cast<std::int64_t>(value)); })));
        }
        column_.kind = wire::COLUMN_NUMBER;
        column_.count = static_cast<std::uint32_t>(starts.size());
        column_.table = writer_.put(std::vector<std::uint64_t>(starts.begin(), starts.end()));
        writer_.append(vectors);
        return Done{};
    }
    static bool passes_number(const Test &test, std::int64_t value) {
        return std::ranges::any_of(literals_of(test), [&](const Literal *literal) {
            const auto *truth = std::get_if<bool>(&literal->value);
            return compare(test.op, value,
                           truth != nullptr ? std::int64_t{*truth} : std::get<std::int64_t>(literal->value));
        });
    }

    void make_words() {
        std::uint64_t most = 0;
        each_literal([&](const Literal *literal) { most = std::max(most, word_number(*literal)); });
        std::vector<std::uint16_t> vectors;
        for (std::uint64_t value = 0; value <= most; ++value) {
            vectors.push_back(
                static_cast<std::uint16_t>(vector_for([&](const Test &test) { return passes_word(test, value); })));
        }
        column_.kind = wire::COLUMN_WORD;
        column_.other = vector_for([&](const Test &test) { return passes_word(test, most + 1); });
        column_.count = static_cast<std::uint32_t>(vectors.size());
        column_.table = writer_.put(vectors);
    }
    std::uint64_t word_number(const Literal &literal) const {
        return sockwarden::number_of(fact_, text_of(literal)).value_or(0);  // the checker lets no other word pass
    }
    bool passes_word(const Test &test, std::uint64_t value) const {
        const bool is_among = std::ranges::any_of(
            literals_of(test), [&](const Literal *literal) { return word_number(*literal) == value; });
        return is_among != (test.op == OperatorId::not_equal);
    }

    void make_flags() {
        std::set<std::uint64_t> masks{0};  // of no bits: whether there are flags at all
        each_literal([&](const Literal *literal) { masks.insert(word_number(*literal)); });
        std::vector<wire::image_flag> flags;
        for (const std::uint64_t mask : masks) {
            const auto vector_where = [&](bool is_set) {
                return space_.vector_of([&](const Clause &clause) {
                    return all_of(clause, [&](const Atom &atom) {
                        if (atom.kind == Atom::Kind::has) {
                            return !atom.negated;
                        }
                        const bool is_other = word_number(*literals_of(*atom.test).front()) != mask;
                        return is_other || is_set != atom.negated;
                    });
                });
            };
            flags.push_back({mask, vector_where(true), vector_where(false)});
        }
        column_.kind = wire::COLUMN_FLAGS;
        column_.count = static_cast<std::uint32_t>(flags.size());
        column_.table = writer_.put(flags);
    }

    Result<Done, TooMuch> make_files() {
        const auto passes = [&](const Test &test, const File *file) {
            const bool is_among = std::ranges::any_of(literals_of(test), [&](const Literal *literal) {
                const std::optional<File> named = files_(text_of(*literal));
                return named && file != nullptr && *named == *file;
            });
            return is_among != (test.op == OperatorId::not_equal);
        };
        std::vector<wire::image_file> entries;
        each_literal([&](const Literal *literal) {
            const std::optional<File> file = files_(text_of(*literal));
            const bool is_known = file && std::ranges::any_of(entries, [&](const wire::image_file &entry) {
                                      return entry.device == file->device && entry.inode == file->inode;
                                  });
            if (file && !is_known) {
                const std::uint32_t vector = vector_for([&](const Test &test) { return passes(test, &*file); });
                entries.push_back({file->device, file->inode, vector, 1});
            }
        });
        column_.kind = wire::COLUMN_FILE;
        column_.other = vector_for([&](const Test &test) { return passes(test, nullptr); });
        std::vector<wire::image_file> table;
        constexpr std::size_t kLargest = 65536;
        for (std::size_t room = std::bit_ceil(entries.size() * 2); !place_files(entries, room, table); room *= 2) {
            if (room >= kLargest) {
                return TooMuch{0, fmt::format("the files of {} find no place in their table", fact_.path), ""};
            }
        }
        column_.count = static_cast<std::uint32_t>(table.size());
        column_.table = writer_.put(table);
        return Done{};
    }
    static bool place_files(const std::vector<wire::image_file> &files, std::size_t room,
                            std::vector<wire::image_file> &table) {
        table.assign(files.empty() ? 0 : room, {});
        return std::ranges::all_of(files, [&](const wire::image_file &file) {
            const std::uint64_t hash = IMAGE_FILE_HASH(file.device, file.inode);
            for (std::uint64_t i = 0; i < wire::IMAGE_PROBES; ++i) {
                wire::image_file &place = table[(hash + i) & (room - 1)];
                if (place.used == 0) {
                    place = file;
                    return true;
                }
            }
            return false;
        });
    }

    Result<Done, TooMuch> make_addresses() {
        std::set<wire::image_address, decltype(&before)> starts({{0, 0}}, &before);
        each_test([&](const Test &test) {
            for (const Literal *literal : literals_of(test)) {
                const Network network = network_of(test, text_of(*literal));
                const wire::image_address last = as_numbers(last_of(network));
                const std::uint64_t low = last.low + 1;
                starts.insert(as_numbers(first_of(network)));
                starts.insert({last.high + (low == 0 ? 1 : 0), low});  // behind the last address of all: the first
            }
        });
        if (starts.size() > std::size_t{1} << wire::IMAGE_SPLITS) {
            return too_many_intervals(starts.size());
        }
        std::vector<std::uint16_t> vectors;
        vectors.reserve(starts.size());
        for (const wire::image_address &start : starts) {
            vectors.push_back(static_cast<std::uint16_t>(
                vector_for([&](const Test &test) { return passes_address(test, as_address(start)); })));
        }
        column_.kind = wire::COLUMN_ADDRESS;
        column_.count = static_cast<std::uint32_t>(starts.size());
        column_.table = writer_.put(std::vector<wire::image_address>(starts.begin(), starts.end()));
        writer_.append(vectors);
        return Done{};
    }
    static Network network_of(const Test &test, const std::string &text) {
        constexpr unsigned kAllBits = 128;
        return test.op == OperatorId::in_cidr ? parse_network(text).value_or(Network{})
                                              : Network{parse_address(text).value_or(IpAddress{}), kAllBits};
    }
    static bool passes_address(const Test &test, const IpAddress &address) {
        const bool is_among = std::ranges::any_of(literals_of(test), [&](const Literal *literal) {
            return contains(network_of(test, text_of(*literal)), address);
        });
        return is_among != (test.op == OperatorId::not_equal);
    }

    Space &space_;
    const FactRow &fact_;
    const FileLookup &files_;
    ImageWriter &writer_;
    wire::image_column column_{};
};

// The comparisons of the same two facts, whichever stands first.
using PairKey = std::pair<FactId, FactId>;

PairKey pair_of(const Test &test) {
    const FactId a = test.fact.fact, b = std::get<Name>(test.against).fact;
    return {std::min(a, b), std::max(a, b)};
}

}  // namespace

Result<Done, TooMuch> add_column(Space &space, const FactRow &fact, const FileLookup &files,
                                 std::span<const Clause> elements, ImageWriter &writer) {
    return ColumnMaker(space, fact, files, writer).make(elements);
}

Result<Done, TooMuch> add_pairs(Space &space, ImageWriter &writer) {
    std::set<PairKey> keys;
    for (const Clause &clause : space.clauses()) {
        for (const Atom &atom : clause) {
            if (is_pair(atom)) {
                keys.insert(pair_of(*atom.test));
            }
        }
    }
    wire::image_head &head = writer.head();
    for (const PairKey &key : keys) {
        if (head.pair_count == wire::IMAGE_PAIRS) {
            return TooMuch{0, fmt::format("more than {} pairs of facts are compared", int{wire::IMAGE_PAIRS}), ""};
        }
        const auto vector_where = [&](auto holds) {
            return space.vector_of([&](const Clause &clause) {
                return std::ranges::all_of(clause, [&](const Atom &atom) {
                    return !is_pair(atom) || pair_of(*atom.test) != key || holds(atom);
                });
            });
        };
        const auto accepts = [](bool equal) {
            return
                [equal](const Atom &atom) { return (equal == (atom.test->op == OperatorId::equal)) != atom.negated; };
        };
        const auto asks = [&](const Clause &clause) {
            return std::ranges::any_of(clause,
                                       [&](const Atom &atom) { return is_pair(atom) && pair_of(*atom.test) == key; });
        };
        wire::image_pair &pair = head.pair[head.pair_count++];
        pair.first = static_cast<std::uint16_t>(key.first);
        pair.second = static_cast<std::uint16_t>(key.second);
        pair.space = space.id();
        pair.equal = vector_where(accepts(true));
        pair.different = vector_where(accepts(false));
        pair.absent = vector_where([](const Atom &atom) { return atom.negated; });
        pair.asks = space.vector_of(asks);
    }
    return Done{};
}

}  // namespace sockwarden::policy
