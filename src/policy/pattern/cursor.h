// SPDX-License-Identifier: Apache-2.0
// A place in the text of a pattern that is being parsed.
#pragma once

#include <string_view>

namespace sockwarden::pattern {

class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool done() const { return at_ == text_.size(); }
    std::size_t offset() const { return at_; }
    std::string_view rest() const { return text_.substr(at_); }
    void skip(std::size_t bytes) { at_ += bytes; }

    // Takes the next byte. Must not be done.
    char take() { return text_[at_++]; }
    // Whether `text` stands here; takes it where it does.
    bool take(std::string_view text) {
        const bool here = rest().starts_with(text);
        at_ += here ? text.size() : 0;
        return here;
    }
    bool sees(std::string_view text) const { return rest().starts_with(text); }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace sockwarden::pattern
