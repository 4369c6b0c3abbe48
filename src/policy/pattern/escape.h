// SPDX-License-Identifier: Apache-2.0
// Escapes of regular expressions that stand for one byte, and classes in brackets.
#pragma once

#include "policy/pattern/cursor.h"
#include "policy/pattern/node.h"

namespace sockwarden::pattern {

// \n \t \x41 \x{41} \101 \. …, behind its backslash. Returns the byte.
Parsed<unsigned> parse_escape(Cursor &cursor);

// \d \D \s \S \w \W, at its backslash. Takes nothing and is empty where another escape stands.
std::optional<ByteSet> take_perl_class(Cursor &cursor);

// [:alpha:] or [:^alpha:] inside brackets. Takes nothing where nothing stands that looks like it.
Parsed<std::optional<ByteSet>> take_posix_class(Cursor &cursor, bool both_cases);

// […], at its bracket. With `both_cases`, letters stand for both of theirs.
Parsed<ByteSet> parse_class(Cursor &cursor, bool both_cases);

}  // namespace sockwarden::pattern
