// SPDX-License-Identifier: Apache-2.0
// Columns of an image: for each fact that the clauses of a space ask about, from its value to the clauses that accept
// it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/compile/clauses.h"
#include "policy/compile/vectors.h"
#include "policy/compile/writer.h"
#include "policy/facts.h"

namespace sockwarden::policy {

// Which clause is one too many for a table, and why.
struct TooMuch {
    std::size_t clause;
    std::string message, hint;
};

class Space {
public:
    Space(wire::image_space_id id, std::vector<Clause> clauses)
        : id_(id), clauses_(std::move(clauses)), pool_(clauses_.size()) {}

    wire::image_space_id id() const { return id_; }
    const std::vector<Clause> &clauses() const { return clauses_; }
    VectorPool &pool() { return pool_; }
    const VectorPool &pool() const { return pool_; }

    // The vector of the clauses for which `accepts` holds.
    template <typename Accepts>
    std::uint32_t vector_of(Accepts accepts) {
        Bits bits(clauses_.size());
        for (std::size_t i = 0; i < clauses_.size(); ++i) {
            bits.set(i, accepts(clauses_[i]));
        }
        return pool_.number_of(bits);
    }

private:
    wire::image_space_id id_;
    std::vector<Clause> clauses_;
    VectorPool pool_;
};

// Adds the column of one fact, or nothing where no clause asks about it. `elements` are the clauses of the list's
// elements where the fact is a list.
Result<Done, TooMuch> add_column(Space &space, const FactRow &fact, const FileLookup &files,
                                 std::span<const Clause> elements, ImageWriter &writer);
// Adds the comparisons of two facts.
Result<Done, TooMuch> add_pairs(Space &space, ImageWriter &writer);

// Two element clauses that ask the same.
bool is_same(const Clause &a, const Clause &b);

}  // namespace sockwarden::policy
