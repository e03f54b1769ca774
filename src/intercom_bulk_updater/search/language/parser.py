"""The text of `--where`: its words, and how they go together. Errors show the place.

filter    := both ("or" both)*                    `and` binds more than `or`
both      := one ("and" one)*
one       := "not" one | "(" filter ")" | condition
condition := field operator value | field ["not"] "in" "(" value ("," value)* ")"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.language.compiler import (
    Context,
    build,
    check_operator,
    either,
    parse_value,
    resolve_types,
    takes_words,
)
from intercom_bulk_updater.search.language.query_tree import Node, every, negate, some
from intercom_bulk_updater.search.language.terms import Term

QUOTES = {
    "'": "'",
    '"': '"',
    "\u2018": "\u2019\u2018",
    "\u201c": "\u201d\u201c",
    "\u201e": "\u201c\u201d",
    "\u201d": "\u201d",
    "\u2019": "\u2019",
    "«": "»",
}
_OPERATOR = re.compile(r">=|<=|!=|<>|==|!~|[=<>~^$≠≤≥]")
_SAME_AS = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
_STOP = '\\s(),=<>~!^$"≠≤≥\u201c\u201d\u201e«»'
_WORD = re.compile(f"[^'\u2018\u2019{_STOP}][^{_STOP}]*")
_NAMED = re.compile(rf"([\w.]+\.)[{''.join(QUOTES)}]")
_JOINTS = {"and": "and", "&&": "and", "or": "or", "||": "or"}
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind ("word", "quoted", "operator", "(", ")", ",", "end") and its place."""

    kind: str
    text: str
    start: int
    end: int


def pointed(text: str, start: int, end: int, message: str) -> UsageError:
    """An error that shows the place in the text."""
    line = re.sub(r"\s", " ", text)
    begin = max(0, start - 60)
    shown = ("..." if begin else "") + line[begin : begin + 100]
    indent = start - begin + (3 if begin else 0)
    length = max(1, min(end - start, len(shown) - indent))
    return UsageError(f"{message}\n  {shown}\n  {' ' * indent}{'^' * length}")


def tokens(text: str) -> list[Token]:
    """The pieces of a filter, the last of kind "end". Raises UsageError."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text[at] in "(),":
            found.append(Token(text[at], text[at], at, at + 1))
            at += 1
        elif text[at] in QUOTES:
            value, at_end = _quoted(text, at)
            found.append(Token("quoted", value, at, at_end))
            at = at_end
        elif operator := _OPERATOR.match(text, at):
            spelled = _SAME_AS.get(operator[0], operator[0])
            found.append(Token("operator", spelled, at, operator.end()))
            at = operator.end()
        elif word := _WORD.match(text, at):
            value, at_end = word[0], word.end()
            if name := _NAMED.match(text, at):  # custom_attributes.'Plan name'
                quoted, at_end = _quoted(text, name.end() - 1)
                value = name[1] + quoted
            found.append(Token("word", value, at, at_end))
            at = at_end
        else:
            raise pointed(text, at, at + 1, f"{text[at]!r} has no meaning here; put a value that holds it in quotes.")
    return [*found, Token("end", "", len(text.rstrip()), len(text.rstrip()) + 1)]


def _quoted(text: str, start: int) -> tuple[str, int]:
    closing, value, at = QUOTES[text[start]], "", start + 1
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {*closing, "\\"} and at + 1 < len(text):
            at += 1
        elif text[at] in closing:
            return value, at + 1
        value += text[at]
        at += 1
    raise pointed(text, start, start + 1, "This quote is never closed.")


class Parser:
    """Reads one filter into an expression. Raises UsageError with the place."""

    def __init__(self, text: str, context: Context) -> None:
        self._text, self._context = text, context
        self._tokens, self._at, self._depth = tokens(text), 0, 0

    def read(self) -> Node:
        """The whole text."""
        if self._now.kind == "end":
            raise UsageError("The filter is empty: write for example state = open.")
        node = self._either()
        if self._now.kind == ")":
            raise self._error("This parenthesis was never opened.")
        if self._now.kind != "end":
            raise self._unjoined()
        return node

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._now
        self._at += 1
        return token

    def _error(self, message: str, token: Token | None = None) -> UsageError:
        token = token or self._now
        return pointed(self._text, token.start, token.end, message)

    def _unjoined(self) -> UsageError:
        before = self._tokens[self._at - 1]
        if before.kind in ("word", "quoted") and self._now.kind in ("word", "quoted"):
            whole = f"'{before.text} {self._now.text}'"
            return self._error(f"and/or, or a comma, is missing here. A value with spaces needs quotes: {whole}.")
        return self._error("and/or is missing here; a value with signs in it needs quotes.")

    def _joint(self) -> str:
        return _JOINTS.get(self._now.text.lower(), "") if self._now.kind == "word" else ""

    def _is(self, word: str) -> bool:
        return self._now.kind == "word" and self._now.text.lower() == word

    @contextmanager
    def _showing(self, first: Token, last: Token | None = None) -> Iterator[None]:
        try:
            yield
        except UsageError as error:
            raise pointed(self._text, first.start, (last or first).end, error.message) from None

    def _either(self) -> Node:
        parts = [self._both()]
        while self._joint() == "or":
            self._take()
            parts.append(self._both())
        return some(parts)

    def _both(self) -> Node:
        parts = [self._one()]
        while self._joint() == "and":
            self._take()
            parts.append(self._one())
        return every(parts)

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("Too many parentheses.")
        try:
            if self._is("not"):
                first = self._take()
                node = self._one()
                with self._showing(first):
                    return negate(node)
            if self._now.kind == "(":
                opened = self._take()
                node = self._either()
                if self._now.kind == "end":
                    raise self._error("This parenthesis is never closed.", opened)
                if self._now.kind != ")":
                    raise self._unjoined()
                self._take()
                return node
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Node:
        name = self._now
        if name.kind == "end" or self._joint() or name.kind in (")", ","):
            raise self._error("A condition is missing here, such as state = open.")
        if name.kind == "operator":
            raise self._error("The name of a field is missing before this.")
        self._take()
        with self._showing(name):
            terms = resolve_types(self._context, self._context.resource.term(name.text))
        first, operator = self._operator(name)
        terms = [self._context.resource.by_id(term, operator) for term in terms]
        with self._showing(first, self._tokens[self._at - 1]):
            for term in terms:
                check_operator(term, name.text, operator)
        places = self._places(operator in ("IN", "NIN"), any(takes_words(term, operator) for term in terms))
        return either([partial(self._built, term, operator, places, name) for term in terms], operator)

    def _built(self, term: Term, operator: str, places: list[list[Token]], name: Token) -> tuple[Node, list[Any]]:
        """The filters of a condition, and its values."""
        values = []
        for place in places:
            text = " ".join(token.text for token in place)
            with self._showing(place[0], place[-1]):
                quoted = place[0].kind == "quoted"
                values.append(parse_value(self._context, term, operator, text, quoted=quoted))
        with self._showing(name, self._tokens[self._at - 1]):
            return build(self._context, term, operator, values), values

    def _operator(self, name: Token) -> tuple[Token, str]:
        first = self._now
        if first.kind == "operator":
            return first, self._take().text
        for words, operator in (
            ("not in", "NIN"),
            ("in", "IN"),
            ("is not", "!="),
            ("is", "="),
            ("contains", "~"),
        ):
            pieces = words.split()
            ahead = self._tokens[self._at : self._at + len(pieces)]
            if [token.text.lower() for token in ahead if token.kind == "word"] == pieces:
                self._at += len(pieces)
                return first, operator
        hint = (
            " For open conversations write state = open; open = true counts the snoozed ones too."
            if name.text == "open"
            else ""
        )
        wrong = self._error(f"An operator is missing after {name.text}: = != > < >= <= ~ !~ ^ $ in, not in.{hint}")
        if first.kind == "end" and not self._at - 1:  # all there is: `>` and what follows went to the shell
            wrong.hint = "Is the whole filter in single quotes, as in --where 'idle > 30d'?"
        raise wrong

    def _places(self, many: bool, several: bool) -> list[list[Token]]:
        """The tokens of each value."""
        if not many:
            return [self._value(several)]
        if self._now.kind != "(":
            raise self._error("A list in parentheses belongs here: in (a, b).")
        opened = self._take()
        places = [self._value(several)]
        while self._now.kind == ",":
            self._take()
            places.append(self._value(several))
        if self._now.kind == "end":
            raise self._error("This parenthesis is never closed.", opened)
        if self._now.kind != ")":
            raise self._error("A comma is missing here; a value with signs in it needs quotes.")
        self._take()
        return places

    def _value(self, several: bool) -> list[Token]:
        if self._now.kind not in ("word", "quoted") or self._joint():
            hint = " Put a value with signs in quotes." if self._now.kind == "operator" else ""
            raise self._error(f"A value is missing here.{hint}")
        place = [self._take()]
        while several and place[0].kind == "word" and self._now.kind == "word" and not self._joint():
            place.append(self._take())
        if self._now.kind in ("word", "quoted") and not self._joint():  # said before half a name is looked up
            raise self._unjoined()
        return place
