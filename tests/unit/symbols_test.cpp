// SPDX-License-Identifier: Apache-2.0
// Where the kernel's functions are, from its list of symbols.
#include "source/bpf/symbols.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sockwarden {
namespace {

using Found = std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>>;

Found FoundIn(const std::string &text) {
    std::istringstream symbols(text);
    Found all;
    for (const wire::request_function &one :
         request_functions(symbols, {{"io_recv", 1}, {"io_send_zc", 2}, {"io_sendmsg_zc", 3}})) {
        all.emplace_back(one.from, one.to, one.event);
    }
    return all;
}

TEST(Symbols, AFunctionEndsWhereTheNextBegins) {
    EXPECT_EQ(FoundIn("ffffffff81000000 t io_recv\nffffffff81000040 t io_recv_prep\nffffffff81000080 t other\n"),
              (Found{{0xffffffff81000000, 0xffffffff81000040, 1}}));
    EXPECT_EQ(FoundIn("ffffffff81000000 T io_recv\nffffffff81000080 t far\nffffffff81000040 t near\n"
                      "ffffffff80ffffff t before\n"),
              (Found{{0xffffffff81000000, 0xffffffff81000040, 1}}))
        << "in whichever order they are told";
}

TEST(Symbols, CopiesCountAndUnlikelyPartsDoNot) {
    EXPECT_EQ(FoundIn("ffffffff81000000 t io_recv.isra.0\nffffffff81000040 t x\nffffffff81000080 t io_recv.cold\n"
                      "ffffffff81000090 t y\n"),
              (Found{{0xffffffff81000000, 0xffffffff81000040, 1}}));
    EXPECT_EQ(FoundIn("ffffffff81000000 t __pfx_io_recv\nffffffff81000040 t io_recvzc\nffffffff81000080 t y\n"),
              Found{});
}

TEST(Symbols, OneThatServesTwoKindsTellsNeither) {
    const std::string joined = "ffffffff81000000 t io_sendmsg_zc\nffffffff81000040 t x\n";
    EXPECT_EQ(FoundIn(joined), Found{});
    EXPECT_EQ(FoundIn("ffffffff80000000 t io_sendmsg_zc.constprop.0\nffffffff80000040 t x\n" + joined +
                      "ffffffff82000000 t io_sendmsg_zc.isra.0\nffffffff82000040 t x\n"),
              Found{});
    EXPECT_EQ(FoundIn(joined + "ffffffff81000080 t io_send_zc\nffffffff81000090 t y\n"),
              (Found{{0xffffffff81000000, 0xffffffff81000040, 3}, {0xffffffff81000080, 0xffffffff81000090, 2}}));
}

TEST(Symbols, WhatIsNoListOfThemHasNone) {
    EXPECT_EQ(FoundIn("0000000000000000 t io_recv\n0000000000000000 t other\n"), Found{}) << "kernel.kptr_restrict";
    EXPECT_EQ(FoundIn(""), Found{});
    EXPECT_EQ(FoundIn("\n\nio_recv\nffffffff81000000\nffffffff81000000 t io_recv"), Found{}) << "it has no end";
}

}  // namespace
}  // namespace sockwarden
