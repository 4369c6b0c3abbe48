// SPDX-License-Identifier: Apache-2.0
// The kernel side's matcher under test; see kernel_matcher.h.
#include "kernel_matcher.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

namespace sockwarden::policy {
namespace {

constexpr std::size_t kTextPiece = wire::PATH_ROOM;  // as match.h takes at a time

// What of a message the kernel side works out beforehand, by the speed of its facts.
std::uint64_t facts_of_speed(Speed speed) {
    std::uint64_t facts = 0;
    for (const FactRow &row : sockwarden::facts()) {
        facts |= row.speed == speed && list_of(row) == nullptr && row.type != FactType::list ? fact_bit(row.id) : 0;
    }
    return facts;
}

// Writes the steps that tell a message.
class Teller {
public:
    Teller(wire::told &told, const Image &image, const Facts &facts, std::size_t cut_at)
        : told_(told), image_(image), facts_(facts), cut_at_(cut_at) {
        told_.count = 0;
        told_.once = 0;
    }

    bool run() {
        const std::uint64_t process = facts_of_speed(Speed::process), socket = facts_of_speed(Speed::socket);
        keep(process, wire::KEPT_PROCESS);
        keep(socket, wire::KEPT_SOCKET);
        const bool senders = tell_list(FactId::senders, wire::SPACE_SENDERS, wire::KEPT_SENDERS);
        const bool fds = tell_list(FactId::fds, wire::SPACE_FDS, wire::KEPT_FDS);
        told_.once = told_.count;
        begin(wire::SPACE_MESSAGE);
        use(wire::KEPT_PROCESS, process);
        use(wire::KEPT_SOCKET, socket);
        use_list(senders, wire::KEPT_SENDERS, FactId::senders);
        use_list(fds, wire::KEPT_FDS, FactId::fds);
        tell_values(facts_.values, nullptr, ~(process | socket));
        tell_pairs(wire::SPACE_MESSAGE, facts_.values);
        add(wire::STEP_JUDGE, 0);
        return !is_full_;
    }

private:
    wire::told_step &add(wire::step_kind kind, std::size_t which, std::uint64_t a = 0, std::uint64_t b = 0) {
        if (told_.count == wire::TOLD_STEPS) {
            is_full_ = true;
            told_.count = 0;
        }
        wire::told_step &step = told_.step[told_.count++];
        step = {};
        step.kind = kind;
        step.which = static_cast<std::uint32_t>(which);
        step.a = a;
        step.b = b;
        return step;
    }
    void begin(wire::image_space_id space) { add(wire::STEP_BEGIN, space); }
    void use(std::size_t which, std::uint64_t facts) { add(wire::STEP_USE, which, facts); }

    void keep(std::uint64_t facts, std::size_t which) {
        begin(wire::SPACE_MESSAGE);
        tell_values(facts_.values, nullptr, facts);
        add(wire::STEP_KEEP, which, facts);
    }

    void tell_values(const FactMap &values, const FactRow *list, std::uint64_t which) {
        for (const FactRow &row : sockwarden::facts()) {
            const bool is_asked = image_.head().column[static_cast<std::size_t>(row.id)].kind != wire::COLUMN_NONE;
            if (is_asked && list_of(row) == list && row.type != FactType::list && (which & fact_bit(row.id)) != 0) {
                tell(row, value_of(values, row.id));
            }
        }
    }

    void tell(const FactRow &row, const Value &value) {
        const auto id = static_cast<std::size_t>(row.id);
        if (std::holds_alternative<Unknown>(value)) {
            return;
        }
        if (std::holds_alternative<Absent>(value)) {
            add(wire::STEP_ABSENT, id);
        } else if (const auto *number = std::get_if<std::int64_t>(&value)) {
            add(wire::STEP_NUMBER, id, static_cast<std::uint64_t>(*number));
        } else if (const auto *truth = std::get_if<bool>(&value)) {
            add(wire::STEP_NUMBER, id, *truth ? 1 : 0);
        } else if (const auto *text = std::get_if<Text>(&value)) {
            if (row.type == FactType::name) {
                add(wire::STEP_NUMBER, id, number_of(row, text->bytes).value_or(0xffff));
            } else {
                const std::size_t split = text->bytes.empty() ? 0 : cut_at_ % (text->bytes.size() + 1);
                add(wire::STEP_TEXT, id, split).first = put(*text);
            }
        } else if (const auto *flags = std::get_if<Flags>(&value)) {
            std::uint64_t bits = 0;
            for (const std::string &name : flags->names) {
                bits |= number_of(row, name).value_or(0);
            }
            add(wire::STEP_FLAGS, id, bits);
        } else if (const auto *file = std::get_if<File>(&value)) {
            add(wire::STEP_FILE, id, file->device, file->inode);
        } else {
            const auto [high, low] = halves_of(std::get<IpAddress>(value));
            add(wire::STEP_ADDRESS, id, high, low);
        }
    }

    static std::pair<std::uint64_t, std::uint64_t> halves_of(const IpAddress &address) {
        std::uint64_t high = 0, low = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            high = high << 8 | address.bytes[i];
            low = low << 8 | address.bytes[i + 8];
        }
        return {high, low};
    }

    wire::told_text put(const Text &text) {
        is_full_ = is_full_ || text.bytes.size() > kTextPiece || text_size_ + text.bytes.size() > wire::TOLD_TEXT;
        const std::size_t size = is_full_ ? 0 : text.bytes.size();
        std::copy_n(text.bytes.begin(), size, reinterpret_cast<char *>(told_.text) + text_size_);
        const wire::told_text told{static_cast<std::uint32_t>(text_size_), static_cast<std::uint32_t>(size),
                                   text.cut ? 1U : 0U, 0};
        text_size_ += size;
        return told;
    }

    // Whether there is such a list.
    bool tell_list(FactId id, wire::image_space_id space, std::size_t kept) {
        const auto list = facts_.lists.find(id);
        if (list == facts_.lists.end()) {
            return false;
        }
        const FactRow &row = fact(id);
        add(wire::STEP_BEGIN_LIST, 0);
        for (const FactMap &element : list->second.items) {
            begin(space);
            tell_values(element, &row, ~std::uint64_t{0});
            tell_pairs(space, element);
            add(wire::STEP_END_ELEMENT, 0, 1);
        }
        if (!list->second.complete) {  // one more may be there, of which nothing is known
            begin(space);
            tell_pairs(space, unknown_facts(row));
            add(wire::STEP_END_ELEMENT, 0);
        }
        const bool nothing_known = list->second.items.empty() && !list->second.complete;
        add(wire::STEP_END_LIST, static_cast<std::size_t>(id), kept, nothing_known ? 0 : 1);
        return true;
    }

    void use_list(bool is_there, std::size_t kept, FactId id) {
        if (is_there) {
            use(kept, fact_bit(id));
        } else if (image_.head().column[static_cast<std::size_t>(id)].kind != wire::COLUMN_NONE) {
            add(wire::STEP_ABSENT, static_cast<std::size_t>(id));
        }
    }

    const Value &value_anywhere(FactId id, const FactMap &values) const {
        return value_of(list_of(fact(id)) == nullptr ? facts_.values : values, id);
    }

    void tell_pairs(wire::image_space_id space, const FactMap &values) {
        for (std::uint32_t i = 0; i < image_.head().pair_count; ++i) {
            const wire::image_pair &pair = image_.head().pair[i];
            if (pair.space != space) {
                continue;
            }
            const Value &a = value_anywhere(static_cast<FactId>(pair.first), values);
            const Value &b = value_anywhere(static_cast<FactId>(pair.second), values);
            if (std::holds_alternative<Absent>(a) || std::holds_alternative<Absent>(b)) {
                add(wire::STEP_PAIR, i, wire::PAIR_ABSENT);
            } else if (std::holds_alternative<Unknown>(a) || std::holds_alternative<Unknown>(b)) {
                continue;
            } else if (std::holds_alternative<Text>(a) && std::holds_alternative<Text>(b)) {
                wire::told_step &step = add(wire::STEP_PAIR_TEXTS, i);
                step.first = put(std::get<Text>(a));
                step.second = put(std::get<Text>(b));
            } else {
                add(wire::STEP_PAIR, i, a == b ? wire::PAIR_EQUAL : wire::PAIR_DIFFERENT);
            }
        }
    }

    wire::told &told_;
    const Image &image_;
    const Facts &facts_;
    std::size_t cut_at_, text_size_ = 0;
    bool is_full_ = false;
};

}  // namespace

struct KernelMatcher::State {
    struct Close {
        void operator()(bpf_object *object) const { ::bpf_object__close(object); }
    };
    std::unique_ptr<bpf_object, Close> object;
    int program = -1;
    std::byte *image = nullptr;
    std::size_t image_room = 0;
    wire::told *told = nullptr;
    std::optional<Image> taken;

    ~State() {
        if (image != nullptr) {
            ::munmap(image, image_room);
        }
        if (told != nullptr) {
            ::munmap(told, sizeof(wire::told));
        }
    }
};

KernelMatcher::KernelMatcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelMatcher::KernelMatcher(KernelMatcher &&) noexcept = default;
KernelMatcher::~KernelMatcher() = default;

Result<KernelMatcher> KernelMatcher::load(const char *object) {
    auto state = std::make_unique<State>();
    state->object.reset(::bpf_object__open(object));
    if (state->object == nullptr) {
        return errno_error(fmt::format("cannot open {}", object));
    }
    bpf_map *images = ::bpf_object__find_map_by_name(state->object.get(), "images");
    bpf_map *tolds = ::bpf_object__find_map_by_name(state->object.get(), "tolds");
    ::bpf_map__set_map_flags(images, BPF_F_MMAPABLE);
    ::bpf_map__set_map_flags(tolds, BPF_F_MMAPABLE);
    ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(state->object.get(), "rings"), 1);
    bpf_map *map = nullptr;
    bpf_object__for_each_map(map, state->object.get()) {
        if (std::string_view(::bpf_map__name(map)).ends_with(".rodata")) {
            std::size_t room = 0;
            auto *config = const_cast<void *>(::bpf_map__initial_value(map, &room));
            wire::capture_config asks{};
            asks.facts = ~std::uint64_t{0};
            asks.verdicts = 1;
            std::memcpy(config, &asks, std::min(room, sizeof(asks)));
        }
    }
    if (::bpf_object__load(state->object.get()) != 0) {
        return errno_error("cannot load the matcher");
    }
    state->program = ::bpf_program__fd(::bpf_object__find_program_by_name(state->object.get(), "evaluate"));
    const auto map_memory = [](const bpf_map *of, std::size_t size) {
        void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ::bpf_map__fd(of), 0);
        return memory == MAP_FAILED ? nullptr : memory;
    };
    state->image_room = ::bpf_map__value_size(images);
    state->image = static_cast<std::byte *>(map_memory(images, state->image_room));
    state->told = static_cast<wire::told *>(map_memory(tolds, sizeof(wire::told)));
    if (state->image == nullptr || state->told == nullptr) {
        return errno_error("cannot map the matcher's memory");
    }
    return KernelMatcher(std::move(state));
}

void KernelMatcher::take(const Image &image) {
    std::ranges::copy(image.bytes(), state_->image);
    state_->taken = image;
}

Status KernelMatcher::tell(const Facts &facts, std::size_t cut_at) {
    return Teller(*state_->told, *state_->taken, facts, cut_at).run()
               ? Status(Done{})
               : Error{"the message has too many facts for the test"};
}

Status KernelMatcher::run(unsigned repeat) {
    state_->told->repeat = repeat;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    if (const int error = ::bpf_prog_test_run_opts(state_->program, &options); error != 0 || options.retval != 0) {
        return Error{fmt::format("cannot run the matcher: {}, it returned {}", error, options.retval)};
    }
    return Done{};
}

Truth KernelMatcher::truth() const { return static_cast<Truth>(state_->told->truth); }
std::uint64_t KernelMatcher::nanoseconds() const { return state_->told->nanoseconds; }

Verdict KernelMatcher::verdict(std::span<const Policy *const> policies) const {
    const wire::verdict &from = state_->told->verdict;
    const auto rule_at = [&](std::size_t number) -> std::pair<std::string_view, std::string_view> {
        for (const Policy *policy : policies) {
            if (number < policy->rules.size()) {
                return {policy->name, policy->rules[number].name};
            }
            number -= policy->rules.size();
        }
        return {"?", "?"};
    };
    Verdict verdict;
    verdict.action = static_cast<ActionId>(from.action);
    verdict.certain = from.certain != 0;
    verdict.enforced = from.enforced != 0;
    verdict.policy = policies[from.policy]->name;
    verdict.rule = from.rule == wire::VERDICT_NO_RULE ? "" : rule_at(from.rule).second;
    verdict.error = static_cast<int>(from.error);
    for (std::size_t i = 0; i < std::min<std::size_t>(from.alerts, wire::VERDICT_ALERTS); ++i) {
        const std::uint16_t alert = from.alert[i];
        const auto [policy, rule] = rule_at(alert & ~unsigned{wire::VERDICT_UNCERTAIN});
        verdict.alerts.push_back({policy, rule, (alert & wire::VERDICT_UNCERTAIN) == 0});
    }
    return verdict;
}

}  // namespace sockwarden::policy
