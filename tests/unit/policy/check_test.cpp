// SPDX-License-Identifier: Apache-2.0
// The checker: what makes no sense is said, where it stands, with what to write instead.
#include "policy/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expressions.h"

namespace sockwarden::policy {
namespace {

using test::mistakes_of;
using testing::ElementsAre;
using testing::IsEmpty;

const Lists kLists = {{"users", {Literal{{}, std::int64_t{1000}}}},
                      {"programs", {Literal{{}, "/usr/bin/a"}, Literal{{}, "relative"}}},
                      {"empty", {}}};

struct Row {
    std::string_view expression, mistake;
};
void PrintTo(const Row &row, std::ostream *to) { *to << row.expression; }

class RefusedExpression : public testing::TestWithParam<Row> {};
TEST_P(RefusedExpression, WithItsPlaceAndAHint) {
    EXPECT_THAT(mistakes_of(GetParam().expression, kLists), ElementsAre(GetParam().mistake));
}

constexpr Row kNames[] = {
    {"process.exee == '/a'", "1: there is no fact process.exee; did you mean process.exe?"},
    {"event == 'read' && socket.remote.pth == '/a'",
     "20: there is no fact socket.remote.pth; did you mean socket.remote.path?"},
    {"zzzzzzzzzzzzzzzz == 1", "1: there is no fact zzzzzzzzzzzzzzzz"},
    {"process == 1", "1: there is no fact process; there is process.exe"},
    {"has(process.unt)", "5: there is no fact process.unt; did you mean process.unit?"},
    {"senders.uid == 0", "1: senders.uid is a fact of each element of senders; write senders.exists(x, x.uid …)"},
    {"fds == 1", "1: fds is a list; write fds.exists(x, …) or fds.all(x, …)"},
    {"fds", "1: fds is a list; write fds.exists(x, …) or fds.all(x, …)"},
    {"fds.exists(f, f.typ == 'block')", "15: there is no fact f.typ; did you mean f.type?"},
    {"fds.exists(f, f == 1)", "15: f is an element of fds, and not a value; ask one of its facts, such as f.type"},
    {"fds.exists(f, f.uid == 1)", "15: there is no fact f.uid"},
    {"fds.exists(process, true)", "1: the element's name process hides another; choose another name"},
    {"fds.exists(f, senders.exists(f, true))", "15: the element's name f hides another; choose another name"},
    {"fds.exists(lists, true)", "1: the element's name lists hides another; choose another name"},
    {"process.comm.exists(c, true)", "1: process.comm has no .exists(); only lists have: fds and senders"},
    {"process.uid in lists.user", "16: there is no list \"user\"; did you mean users?"},
};
INSTANTIATE_TEST_SUITE_P(Names, RefusedExpression, testing::ValuesIn(kNames));

constexpr Row kTypes[] = {
    {"process.uid == 'root'", "16: process.uid is compared with a number, and this is a string"},
    {"process.comm == 1", "17: process.comm is compared with a string, and this is a number; put it in quotes"},
    {"peeked == 1", "11: peeked is compared with true or false, and this is a number"},
    {"process.uid == true", "16: process.uid is compared with a number, and this is a truth value"},
    {"process.uid in [1, '2']", "20: process.uid is compared with a number, and this is a string"},
    {"process.comm in lists.users",
     "17: list users: process.comm is compared with a string, and this is a number; put it in quotes"},
    {"process.uid",
     "1: expected a condition, and process.uid is not true or false; compare it, or write has(process.uid)"},
    {"args.flags", "1: expected a condition, and args.flags is not true or false; write \"NAME\" in args.flags"},
    {"process.exe == process.comm", "16: process.exe is of type file, and process.comm of type text"},
    {"process.uid < process.gid", "15: two facts can only be compared by == and !="},
    {"process.uid == process.uid", "16: process.uid is compared with itself"},
};
INSTANTIATE_TEST_SUITE_P(Types, RefusedExpression, testing::ValuesIn(kTypes));

constexpr Row kOperators[] = {
    {"process.uid.startsWith('1')", "1: process.uid has no .startsWith(); it has ==, !=, in, <, <=, >, >="},
    {"process.exe.startsWith('/usr')",
     "1: process.exe has no .startsWith(); it is a file; its path as a string is process.exe.path"},
    {"senders.exists(s, s.exe.glob('/usr/*'))",
     "19: s.exe has no .glob(); it is a file; its path as a string is s.exe.path"},
    {"socket.remote.path.contains('x')",
     "1: socket.remote.path has no .contains(); it is a file; its path as a string is socket.remote.path.text"},
    {"process.comm < 'x'",
     "1: process.comm has no <; it has ==, !=, in, .startsWith(), .endsWith(), .contains(), .matches(), .glob()"},
    {"args.flags == 'MSG_PEEK'", "1: args.flags has no ==; write \"NAME\" in args.flags"},
    {"'x' in process.comm",
     "8: process.comm has no in; it has ==, !=, in, .startsWith(), .endsWith(), .contains(), .matches(), .glob()"},
    {"process.comm.inCidr('10.0.0.0/8')",
     "1: process.comm has no .inCidr(); it has ==, !=, in, .startsWith(), .endsWith(), .contains(), .matches(), "
     ".glob()"},
};
INSTANTIATE_TEST_SUITE_P(Operators, RefusedExpression, testing::ValuesIn(kOperators));

constexpr Row kNever[] = {
    {"process.uid < 0", "15: process.uid < 0 can never hold; it is a whole number from 0 to 4294967295"},
    {"process.uid <= -1", "16: process.uid <= -1 can never hold; it is a whole number from 0 to 4294967295"},
    {"process.uid > 4294967295",
     "15: process.uid > 4294967295 can never hold; it is a whole number from 0 to 4294967295"},
    {"process.uid >= 4294967296",
     "16: process.uid >= 4294967296 can never hold; it is a whole number from 0 to 4294967295"},
    {"socket.remote.port == 65536", "23: socket.remote.port is never 65536; it is a whole number from 0 to 65535"},
    {"socket.remote.port != -1", "23: socket.remote.port is never -1; it is a whole number from 0 to 65535"},
    {"socket.remote.port in [1, 70000]", "27: socket.remote.port is never 70000; it is a whole number from 0 to 65535"},
    {"event == 'recvmgs'", "10: event is never \"recvmgs\"; did you mean recvmsg?"},
    {"event in ['read', 'raed']", "19: event is never \"raed\"; did you mean read?"},
    {"socket.type == 'SOCK_STEAM'", "16: socket.type is never \"SOCK_STEAM\"; did you mean SOCK_STREAM?"},
    {"fds.exists(f, f.access == 'x')", "27: fds.access is never \"x\"; it is one of r, w, rw, -"},
    {"'MSG_PEEKED' in args.flags", "1: args.flags is never \"MSG_PEEKED\"; did you mean MSG_PEEK?"},
    {"process.uid in []", "16: nothing is in an empty list"},
    {"process.uid in lists.empty", "16: nothing is in an empty list"},
};
INSTANTIATE_TEST_SUITE_P(Never, RefusedExpression, testing::ValuesIn(kNever));

constexpr Row kTogether[] = {
    {"payload.length > 5 && payload.length < 3",
     "23: this can never hold together with what is asked of payload.length before it; did you mean ||?"},
    {"payload.length > 5 && payload.length < 6",
     "23: this can never hold together with what is asked of payload.length before it; did you mean ||?"},
    {"payload.length >= 5 && payload.length <= 5 && payload.length != 5",
     "47: this can never hold together with what is asked of payload.length before it; did you mean ||?"},
    {"payload.length > 5 && (peeked && payload.length == 5)",
     "34: this can never hold together with what is asked of payload.length before it; did you mean ||?"},
    {"event == 'read' && event == 'readv'",
     "20: this can never hold together with what is asked of event before it; did you mean ||?"},
    {"event in ['read', 'readv'] && event == 'recvmsg'",
     "31: this can never hold together with what is asked of event before it; did you mean ||?"},
    {"process.comm == 'abc' && process.comm.startsWith('b')",
     "26: this can never hold together with what is asked of process.comm before it; did you mean ||?"},
    {"fds.exists(f, f.type == 'block' && f.type == 'pipe')",
     "36: this can never hold together with what is asked of f.type before it; did you mean ||?"},
};
INSTANTIATE_TEST_SUITE_P(Together, RefusedExpression, testing::ValuesIn(kTogether));

constexpr Row kLiterals[] = {
    {"process.comm.matches('a(')", "22: .matches(): missing ): a("},
    {"process.comm.glob('[a')", "19: .glob(): expected ] at the end of a set"},
    {"process.comm.glob('[z-a]')", "19: .glob(): expected a range that rises"},
    {"process.comm.glob('[[:alfa:]]')", "19: .glob(): expected a class such as [:alpha:]"},
    {"process.comm.glob('a\\\\')", "19: .glob(): expected a character behind the backslash"},
    {"socket.remote.address.inCidr('10.0.0.0')",
     "30: \"10.0.0.0\" is not a network; networks look like 10.0.0.0/8 and fe80::/10"},
    {"socket.remote.address.inCidr('10.0.0.0/33')",
     "30: \"10.0.0.0/33\" is not a network; networks look like 10.0.0.0/8 and fe80::/10"},
    {"socket.remote.address.inCidr('10.1.2.3/8')",
     "30: \"10.1.2.3/8\" has bits behind its prefix; did you mean 10.0.0.0/8?"},
    {"socket.remote.address.inCidr('fe80::1/10')",
     "30: \"fe80::1/10\" has bits behind its prefix; did you mean fe80::/10?"},
    {"socket.remote.address == '10.0.0'", "26: \"10.0.0\" is not an IP address"},
    {"socket.remote.address == '10.0.0.0/8'",
     "26: \"10.0.0.0/8\" is not an IP address; write socket.remote.address.inCidr('10.0.0.0/8')"},
    {"process.exe == 'docker'", "16: \"docker\" is not the path of a file from the root; begin it with /"},
    {"process.exe in lists.programs",
     "16: list programs: \"relative\" is not the path of a file from the root; begin it with /"},
};
INSTANTIATE_TEST_SUITE_P(Literals, RefusedExpression, testing::ValuesIn(kLiterals));

TEST(Check, SaysAllThatIsWrongInOrder) {
    EXPECT_THAT(mistakes_of("x.y == 1 || process.uid < 0 || !(event == 'z' && fds.exists(f, f.q))"),
                ElementsAre(testing::StartsWith("1: "), testing::StartsWith("27: "), testing::StartsWith("43: "),
                            testing::StartsWith("64: ")));
}

TEST(Check, TakesWhatMakesSense) {
    for (const std::string_view expression : {
             "true",
             "peeked",
             "!credentials && peeked == false",
             "process.uid >= 0 && process.uid <= 4294967295 && process.uid != 0",
             "payload.length > 5 && payload.length < 7",
             "payload.length > 5 || payload.length < 3",
             "payload.length > 5 && !(payload.length < 7)",
             "process.exe == '/a' && process.exe == '/b'",
             "socket.remote.address == '::1' && socket.remote.address == '0::1'",
             "senders.exists(s, s.uid == 0) && senders.exists(s, s.uid == 1)",
             "senders.exists(s, s.uid == 0 && process.uid == 1)",
             "senders.exists(s, fds.exists(f, s.uid == 0 && f.type == 'block'))",
             "senders.exists(s, s.cgroup != process.cgroup)",
             "senders.exists(s, senders.exists(t, s.uid != t.uid))",
             "has(senders) && has(process.container) && has(args.flags)",
             "process.comm.matches('^[a-z]+$') && process.comm.glob('a*[!0-9]')",
             "socket.remote.address.inCidr('::/0') && socket.local.address.inCidr('0.0.0.0/0')",
             "process.uid in lists.users",
             "payload.contains('\\x00\\xff')",
         }) {
        EXPECT_THAT(mistakes_of(expression, kLists), IsEmpty()) << expression;
    }
}

TEST(Check, HostileConjunctionsEndSoon) {
    std::string numbers = "process.uid != 0";
    for (int i = 1; numbers.size() < 16000; ++i) {
        numbers += " && process.uid != " + std::to_string(i);
    }
    EXPECT_THAT(mistakes_of(numbers), IsEmpty());
}

}  // namespace
}  // namespace sockwarden::policy
