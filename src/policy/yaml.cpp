// SPDX-License-Identifier: Apache-2.0
// YAML documents by yaml-cpp; see yaml.h.
#include "policy/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "base/text.h"

namespace sockwarden::policy {
namespace {

Place place_of_mark(const YAML::Mark &mark) {
    return mark.is_null()
               ? Place{}
               : Place{static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

// Makes the tree of what the parser reports. After a mistake it takes no more; the parser ends by itself, for the size
// of its text is limited.
class Builder : public YAML::EventHandler {
public:
    const std::optional<Mistake> &mistake() const { return mistake_; }
    Yaml take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark &mark) override {
        if (documents_++ != 0) {
            fail(place_of_mark(mark), "expected one document, and here a second one begins");
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override { add(mark, "", anchor, {}); }
    void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override { refuse_anchor(place_of_mark(mark)); }
    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  const std::string &value) override {
        Yaml scalar;
        scalar.kind = Yaml::Kind::scalar;
        scalar.text = value;
        scalar.quoted = tag == "!";
        add(mark, tag, anchor, std::move(scalar));
    }
    void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, Yaml::Kind::sequence);
    }
    void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, Yaml::Kind::map);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapEnd() override { end(); }

private:
    // A sequence or map that is not at its end yet.
    struct Open {
        Yaml node;
        std::optional<Yaml> key;  // of the member whose value comes next
        std::set<std::string, std::less<>> keys;
    };

    void fail(Place place, std::string message, std::string hint = "") {
        if (!mistake_) {
            mistake_ = Mistake{place, std::move(message), std::move(hint)};
        }
    }

    void refuse_anchor(Place place) {
        fail(place, "anchors and aliases are not taken", "put shared values under lists:");
    }

    // Whether a node with these properties may be part of the tree.
    bool check(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor) {
        const Place place = place_of_mark(mark);
        if (anchor != YAML::NullAnchor) {
            refuse_anchor(place);
        } else if (tag.size() > 1) {
            fail(place, fmt::format("tags are not taken, and this is {}", tag),
                 "put a value that begins with ! in quotes");
        } else if (++nodes_ > kMostYamlNodes) {
            fail(place, fmt::format("a policy has at most {} values", kMostYamlNodes));
        }
        return !mistake_;
    }

    void begin(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, Yaml::Kind kind) {
        if (!check(mark, tag, anchor)) {
            return;
        }
        if (open_.size() == kDeepestDocument) {
            fail(place_of_mark(mark), fmt::format("a policy is at most {} deep", kDeepestDocument));
            return;
        }
        Open open;
        open.node.kind = kind;
        open.node.place = place_of_mark(mark);
        open_.push_back(std::move(open));
    }

    void end() {
        if (mistake_) {
            return;
        }
        Yaml node = std::move(open_.back().node);
        open_.pop_back();
        attach(std::move(node));
    }

    void add(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, Yaml node) {
        if (check(mark, tag, anchor)) {
            node.place = place_of_mark(mark);
            attach(std::move(node));
        }
    }

    void attach(Yaml node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open &parent = open_.back();
        if (parent.node.kind == Yaml::Kind::sequence) {
            parent.node.items.push_back(std::move(node));
        } else if (parent.key) {
            parent.node.members.push_back({*std::move(parent.key), std::move(node)});
            parent.key.reset();
        } else if (node.kind != Yaml::Kind::scalar) {
            fail(node.place, "expected a word as key");
        } else if (!parent.keys.insert(node.text).second) {
            fail(node.place, fmt::format("the key {} stands here a second time", node.text), "leave one of them out");
        } else {
            parent.key = std::move(node);
        }
    }

    std::vector<Open> open_;
    Yaml root_;
    std::size_t nodes_ = 0, documents_ = 0;
    std::optional<Mistake> mistake_;
};

// The first byte that is not UTF-8 text; nothing where all is.
std::optional<std::size_t> first_bad_byte(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = decode_utf8(text.substr(at));
        const bool control = point.value < ' ' && text[at] != '\n' && text[at] != '\t' && text[at] != '\r';
        if (point.length == 0 || control || point.value == 0xfeff) {
            return at;
        }
        at += point.length;
    }
    return std::nullopt;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Bytes of an escape in a double-quoted scalar, from its backslash on.
std::size_t escape_size(char letter) { return letter == 'x' ? 4 : letter == 'u' ? 6 : letter == 'U' ? 10 : 2; }

}  // namespace

YamlDocument::YamlDocument(std::string text) : text_(std::move(text)), line_starts_{0} {
    for (std::size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1)) {
        line_starts_.push_back(at + 1);
    }
}

Place YamlDocument::place_of(std::size_t offset) const {
    const auto line = std::prev(std::upper_bound(line_starts_.begin(), line_starts_.end(), offset));
    return {static_cast<std::uint32_t>(line - line_starts_.begin() + 1),
            static_cast<std::uint32_t>(offset - *line + 1)};
}

// The parser counts what it takes for the end of a text as bytes, more than once where it looks for more.
Place YamlDocument::nearest(Place place) const {
    const bool is_inside =
        place.line <= line_starts_.size() && line_starts_[place.line - 1] + place.column - 1 <= text_.size();
    return is_inside ? place : place_of(text_.size());
}

Parsed<YamlDocument> YamlDocument::parse(std::string text) {
    if (text.size() > kLargestDocument) {
        return Mistake{
            {}, fmt::format("a policy has at most {} bytes, and this has {}", kLargestDocument, text.size()), ""};
    }
    YamlDocument document(std::move(text));
    if (const std::optional<std::size_t> at = first_bad_byte(document.text_)) {
        return Mistake{document.place_of(*at),
                       fmt::format("byte {:#04x} is not text", static_cast<unsigned char>(document.text_[*at])),
                       "a policy is UTF-8 without control characters and without a byte order mark"};
    }
    Builder builder;
    bool any = false;
    try {  // yaml-cpp has no other way to say that a text is not YAML
        std::istringstream stream(document.text_);
        YAML::Parser parser(stream);
        while (!builder.mistake() && parser.HandleNextDocument(builder)) {
            any = true;
        }
    } catch (const YAML::Exception &error) {
        if (!builder.mistake()) {
            return Mistake{document.nearest(place_of_mark(error.mark)), "not YAML: " + error.msg, ""};
        }
    }
    if (builder.mistake()) {
        return *builder.mistake();
    }
    if (!any) {
        return Mistake{{}, "expected a policy, and the file is empty", ""};
    }
    document.root_ = builder.take_root();
    return document;
}

SourceText YamlDocument::source_of(const Yaml &scalar) const {
    SourceText source{scalar.text, {}};
    const std::size_t line = std::min<std::size_t>(scalar.place.line, line_starts_.size()) - 1;
    std::size_t at = std::min(line_starts_[line] + scalar.place.column - 1, text_.size());
    const char style = at < text_.size() ? text_[at] : '\0';
    const bool block = scalar.quoted && (style == '|' || style == '>');
    const bool single = scalar.quoted && style == '\'', twice = scalar.quoted && style == '"';
    at = block ? std::min(text_.find('\n', at), text_.size()) : at + (single || twice ? 1 : 0);
    std::size_t left = 0;  // bytes of the value that the escape before stood for
    for (std::size_t i = 0; i < source.text.size(); ++i) {
        const char c = source.text[i];
        while (twice && text_.substr(at, 2) == "\\\n") {
            at += 2;
        }
        while (left == 0 && !is_space(c) && at < text_.size() && is_space(text_[at])) {
            ++at;  // what folding and indentation swallowed
        }
        source.places.push_back(place_of(at));
        if (left > 0) {
            --left;
        } else if (twice && at + 1 < text_.size() && text_[at] == '\\') {
            at = std::min(at + escape_size(text_[at + 1]), text_.size());
            left = decode_utf8(std::string_view(source.text).substr(i)).length;
            left -= left > 0 ? 1 : 0;
        } else {
            const bool doubled = single && text_.substr(at, 2) == "''";
            at = std::min(at + (doubled ? 2 : 1), text_.size());
        }
    }
    source.places.push_back(place_of(at));
    return source;
}

}  // namespace sockwarden::policy
