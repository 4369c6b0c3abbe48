// SPDX-License-Identifier: Apache-2.0
// The parser of expressions; see parser.h.
#include "policy/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/lexer.h"

namespace sockwarden::policy {
namespace {

// What stands between signs: a condition, or something that a condition is made of.
using Term = std::variant<Node, Literal, Name, List>;

Span span_of(const Term &term) {
    return std::visit([](const auto &one) { return one.span; }, term);
}

Node node_of(Span span, auto what) { return Node{span, std::move(what)}; }

std::unique_ptr<Node> boxed(Node node) { return std::make_unique<Node>(std::move(node)); }

std::optional<OperatorId> comparison_of(TokenKind kind) {
    switch (kind) {
        case TokenKind::equal:
            return OperatorId::equal;
        case TokenKind::not_equal:
            return OperatorId::not_equal;
        case TokenKind::less:
            return OperatorId::less;
        case TokenKind::less_equal:
            return OperatorId::less_equal;
        case TokenKind::greater:
            return OperatorId::greater;
        case TokenKind::greater_equal:
            return OperatorId::greater_equal;
        case TokenKind::in:
            return OperatorId::in;
        default:
            return std::nullopt;
    }
}

// The operator that says the same with its sides exchanged.
OperatorId mirrored(OperatorId op) {
    switch (op) {
        case OperatorId::less:
            return OperatorId::greater;
        case OperatorId::less_equal:
            return OperatorId::greater_equal;
        case OperatorId::greater:
            return OperatorId::less;
        case OperatorId::greater_equal:
            return OperatorId::less_equal;
        default:
            return op;
    }
}

// Functions return nothing once there is a mistake; it is kept in mistake_.
class Parser {
public:
    Parser(const SourceText &source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

    Parsed<Node> run() {
        std::optional<Node> node = condition();
        if (node && now().kind != TokenKind::end) {
            fail(now().span, fmt::format("unexpected {}", shown(now())), after_condition_hint());
            node.reset();
        }
        return node ? Parsed<Node>(*std::move(node)) : Parsed<Node>(*mistake_);
    }

private:
    const Token &now() const { return tokens_[at_]; }
    const Token &after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    bool take(TokenKind kind) {
        const bool taken = now().kind == kind;
        at_ += taken ? 1 : 0;
        return taken;
    }
    Span since(Span begin) const { return {begin.begin, at_ == 0 ? begin.end : tokens_[at_ - 1].span.end}; }

    std::nullopt_t fail(Span span, std::string message, std::string hint = "") {
        if (!mistake_) {
            mistake_ = Mistake{source_.places[span.begin], std::move(message), std::move(hint)};
        }
        return std::nullopt;
    }

    std::string shown(const Token &token) const {
        return token.kind == TokenKind::end
                   ? "end of the expression"
                   : source_.text.substr(token.span.begin,
                                         std::min<std::size_t>(token.span.end - token.span.begin, 40));
    }
    std::string shown(Span span) const { return source_.text.substr(span.begin, span.end - span.begin); }

    // A name behind a whole condition is mostly a word of another language.
    std::string after_condition_hint() const {
        return now().text == "and"         ? "did you mean &&?"
               : now().text == "or"        ? "did you mean ||?"
               : comparison_of(now().kind) ? "comparisons do not chain; write a < b && b < c"
                                           : "";
    }

    std::optional<Node> condition() {
        std::optional<Term> term = any_of();
        return term ? as_condition(*std::move(term)) : std::nullopt;
    }

    std::optional<Node> as_condition(Term term) {
        const Span span = span_of(term);
        if (auto *node = std::get_if<Node>(&term)) {
            return std::move(*node);
        }
        if (auto *name = std::get_if<Name>(&term)) {
            return node_of(span, Bare{std::move(*name)});
        }
        if (const auto *literal = std::get_if<Literal>(&term)) {
            if (const bool *value = std::get_if<bool>(&literal->value)) {
                return node_of(span, Constant{*value});
            }
            return fail(span, fmt::format("expected a condition, and this is {}", kind_of(*literal)));
        }
        return fail(span, "expected a condition, and this is a list");
    }

    std::optional<Term> any_of() { return joined<AnyOf>(TokenKind::or_, &Parser::all_of); }
    std::optional<Term> all_of() { return joined<AllOf>(TokenKind::and_, &Parser::comparison); }

    // Parts with the same sign between them are one node, so that a long row of them is not deep.
    template <typename Join>
    std::optional<Term> joined(TokenKind sign, std::optional<Term> (Parser::*part)()) {
        const Span begin = now().span;
        std::optional<Term> first = (this->*part)();
        if (!first || now().kind != sign) {
            return first;
        }
        Join join;
        std::optional<Node> node = as_condition(*std::move(first));
        while (node) {
            join.parts.push_back(*std::move(node));
            if (!take(sign)) {
                return node_of(since(begin), std::move(join));
            }
            std::optional<Term> next = (this->*part)();
            node = next ? as_condition(*std::move(next)) : std::nullopt;
        }
        return std::nullopt;
    }

    std::optional<Term> comparison() {
        std::optional<Term> left = unary();
        const std::optional<OperatorId> op = comparison_of(now().kind);
        if (!left || !op) {
            return left;
        }
        const Span sign = now().span;
        ++at_;
        std::optional<Term> right = unary();
        if (!right) {
            return std::nullopt;
        }
        if (comparison_of(now().kind)) {
            return fail(now().span, fmt::format("unexpected {}", shown(now())), after_condition_hint());
        }
        std::optional<Node> node = compared(*std::move(left), *op, sign, *std::move(right));
        return node ? std::optional<Term>(*std::move(node)) : std::nullopt;
    }

    std::optional<Node> compared(Term left, OperatorId op, Span sign, Term right) {
        const Span span{span_of(left).begin, span_of(right).end};
        if (std::holds_alternative<Node>(left) || std::holds_alternative<Node>(right)) {
            const bool negated =
                std::holds_alternative<Node>(left) && std::holds_alternative<Not>(std::get<Node>(left).what);
            return fail(sign, fmt::format("{} stands between a fact and a value, and this is a condition", shown(sign)),
                        negated ? "! binds more tightly: write !(a == b)" : "join conditions with && and ||");
        }
        if (op == OperatorId::in) {
            return contained(std::move(left), sign, std::move(right));
        }
        if (auto *fact = std::get_if<Name>(&left)) {
            if (auto *value = std::get_if<Literal>(&right)) {
                return node_of(span, Test{op, std::move(*fact), std::move(*value)});
            }
            if (auto *other = std::get_if<Name>(&right)) {
                return node_of(span, Test{op, std::move(*fact), std::move(*other)});
            }
            return fail(span_of(right), "a list can only stand behind in");
        }
        if (auto *fact = std::get_if<Name>(&right); fact != nullptr && std::holds_alternative<Literal>(left)) {
            return node_of(span, Test{mirrored(op), std::move(*fact), std::get<Literal>(std::move(left))});
        }
        return fail(span, "expected a fact on one side");
    }

    std::optional<Node> contained(Term left, Span sign, Term right) {
        const Span span{span_of(left).begin, span_of(right).end};
        auto *fact = std::get_if<Name>(&left);
        if (auto *list = std::get_if<List>(&right); list != nullptr && fact != nullptr) {
            return node_of(span, Test{OperatorId::in, std::move(*fact), std::move(*list)});
        }
        auto *flags = std::get_if<Name>(&right);
        if (auto *word = std::get_if<Literal>(&left); word != nullptr && flags != nullptr) {
            return node_of(span, Test{OperatorId::holds, std::move(*flags), std::move(*word)});
        }
        return std::holds_alternative<List>(right) ? fail(span_of(left), "expected a fact before in")
                                                   : fail(sign, "expected a list behind in",
                                                          "write [a, b] or lists.NAME; a flag stands before its fact");
    }

    std::optional<Term> unary() {
        const Span begin = now().span;
        if (now().text == "not" && now().kind == TokenKind::name) {
            return fail(begin, "there is no fact not", "did you mean !?");
        }
        if (!take(TokenKind::not_)) {
            return primary();
        }
        std::optional<Term> term = deeper(begin, &Parser::unary);
        std::optional<Node> part = term ? as_condition(*std::move(term)) : std::nullopt;
        return part ? std::optional<Term>(node_of(since(begin), Not{boxed(*std::move(part))})) : std::nullopt;
    }

    // What nests goes through here.
    std::optional<Term> deeper(Span at, std::optional<Term> (Parser::*part)()) {
        if (depth_ == kDeepest) {
            return fail(at, fmt::format("an expression is at most {} deep", kDeepest));
        }
        ++depth_;
        std::optional<Term> term = (this->*part)();
        --depth_;
        return term;
    }

    std::optional<Term> primary() {
        const Token &token = now();
        switch (token.kind) {
            case TokenKind::open: {
                ++at_;
                std::optional<Term> term = deeper(token.span, &Parser::any_of);
                return term && closed(TokenKind::close, ")") ? std::move(term) : std::nullopt;
            }
            case TokenKind::open_list:
                return list();
            case TokenKind::name:
                return path();
            case TokenKind::end:
                return fail(token.span, "expected a condition, and the expression ends");
            default:
                if (std::optional<Literal> value = literal()) {
                    if (now().kind == TokenKind::dot) {
                        return fail(value->span, "expected a fact before a method",
                                    "write FACT.startsWith('…'), the value in the parentheses");
                    }
                    return *std::move(value);
                }
                return fail(token.span, fmt::format("expected a fact, and this is {}", shown(token)));
        }
    }

    bool closed(TokenKind kind, std::string_view sign) {
        if (take(kind)) {
            return true;
        }
        fail(now().span, fmt::format("expected {}, and this is {}", sign, shown(now())), after_condition_hint());
        return false;
    }

    std::optional<Literal> literal() {
        const Token &token = now();
        Literal value{token.span, false};
        switch (token.kind) {
            case TokenKind::true_:
            case TokenKind::false_:
                value.value = token.kind == TokenKind::true_;
                break;
            case TokenKind::integer:
                value.value = token.number;
                break;
            case TokenKind::string:
                value.value = token.text;
                break;
            default:
                return std::nullopt;
        }
        ++at_;
        return value;
    }

    std::optional<Term> list() {
        List list{now().span, "", {}};
        ++at_;
        while (!take(TokenKind::close_list)) {
            std::optional<Literal> item = literal();
            if (!item) {
                return fail(now().span, fmt::format("expected a value of the list, and this is {}", shown(now())),
                            "lists hold numbers or strings");
            }
            list.items.push_back(*std::move(item));
            if (now().kind != TokenKind::close_list && !closed(TokenKind::comma, ", or ]")) {
                return std::nullopt;
            }
        }
        list.span = since(list.span);
        return list;
    }

    // A fact, a named list, a method of a fact, or has().
    std::optional<Term> path() {
        const Span begin = now().span;
        std::string path = now().text;
        ++at_;
        if (now().kind == TokenKind::open) {
            return call(begin, path);
        }
        while (take(TokenKind::dot)) {
            if (now().kind != TokenKind::name && now().kind != TokenKind::in) {
                return fail(now().span, fmt::format("expected a name behind the dot, and this is {}", shown(now())));
            }
            if (after().kind == TokenKind::open) {
                return method(Name{{begin.begin, tokens_[at_ - 1].span.begin}, std::move(path), {}, {}});
            }
            path += "." + now().text;
            ++at_;
        }
        const Span span = since(begin);
        if (constexpr std::string_view kLists = "lists."; path.starts_with(kLists)) {
            return List{span, path.substr(kLists.size()), {}};
        }
        return Name{span, std::move(path), {}, {}};
    }

    std::optional<Term> call(Span begin, const std::string &function) {
        if (function != "has") {
            return fail(begin, fmt::format("there is no function {}", function),
                        "functions are has(FACT), and methods: FACT.startsWith('…')");
        }
        ++at_;
        std::optional<Term> term = primary();
        auto *fact = term ? std::get_if<Name>(&*term) : nullptr;
        if (fact == nullptr) {
            return fail(now().span, "expected a fact in has()");
        }
        return closed(TokenKind::close, ")") ? std::optional<Term>(node_of(since(begin), Has{std::move(*fact)}))
                                             : std::nullopt;
    }

    std::optional<Term> method(Name fact) {
        const Token &name = now();
        const OperatorRow *row = find_method(name.text);
        if (row == nullptr) {
            std::vector<std::string> known;
            for (const OperatorRow &method : operators()) {
                if (method.spelling[0] == '.') {
                    known.emplace_back(method.spelling);
                }
            }
            return fail(name.span, fmt::format("there is no method .{}()", name.text),
                        nearest_hint("." + name.text + "()", {known.begin(), known.end()}));
        }
        at_ += 2;
        return row->set == operator_sets::EACH ? each(row->id, std::move(fact)) : called(*row, std::move(fact));
    }

    std::optional<Term> called(const OperatorRow &row, Name fact) {
        const Span begin = fact.span;
        std::optional<Literal> value = literal();
        if (!value) {
            return fail(now().span, fmt::format("expected a string in {}, and this is {}", row.spelling, shown(now())));
        }
        if (!closed(TokenKind::close, ")")) {
            return std::nullopt;
        }
        return node_of(since(begin), Test{row.id, std::move(fact), *std::move(value)});
    }

    std::optional<Term> each(OperatorId op, Name list) {
        const Span begin = list.span;
        Each each{op, std::move(list), now().text, nullptr};
        if (now().kind != TokenKind::name || after().kind != TokenKind::comma) {
            return fail(now().span, fmt::format("expected a name for the element, and this is {}", shown(now())),
                        fmt::format("write {0}{1}(x, CONDITION), with x.FACT in the condition", each.list.path,
                                    op == OperatorId::exists ? ".exists" : ".all"));
        }
        at_ += 2;
        std::optional<Term> term = deeper(begin, &Parser::any_of);
        std::optional<Node> body = term ? as_condition(*std::move(term)) : std::nullopt;
        if (!body || !closed(TokenKind::close, ")")) {
            return std::nullopt;
        }
        each.body = boxed(*std::move(body));
        return node_of(since(begin), std::move(each));
    }

    const SourceText &source_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::optional<Mistake> mistake_;
};

}  // namespace

Parsed<Node> parse_expression(const SourceText &source) {
    Parsed<std::vector<Token>> tokens = lex(source);
    return tokens ? Parser(source, *std::move(tokens)).run() : Parsed<Node>(tokens.error());
}

}  // namespace sockwarden::policy
