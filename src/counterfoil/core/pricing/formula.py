"""Formulas in spreadsheet syntax, computed exactly in Decimal by a parser of our own.

Numbers, names, `+ - * / ^ %`, comparisons (`= <> < <= > >=`, 1 or 0), and the functions of `FUNCTIONS`. Precedence is
the spreadsheets': percent, sign, power, times, plus, comparison; `-2^2` is 4. A power's exponent is a whole number of
at most 64 in size. `ROUND` rounds half away from zero; `CEILING` and `FLOOR` go to a multiple, towards plus and minus
infinity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from functools import lru_cache

from counterfoil.core.basis.quantity import MAX_QUANTITY, ONE, ZERO
from counterfoil.core.basis.refusals import Invalid

MAX_LENGTH = 2000
MAX_DEPTH = 25
Values = Mapping[str, Decimal]
Node = Callable[[Values], Decimal]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|([A-Za-z_][A-Za-z_0-9]*)|(<=|>=|<>|[-+*/^%(),;=<>]))")


class FormulaError(ValueError):
    """What is wrong with a formula, in words for the person who wrote it."""


def _round(x: Decimal, digits: Decimal = ZERO) -> Decimal:
    return x.quantize(ONE.scaleb(-_whole(digits, "digits")), rounding=ROUND_HALF_UP)


def _whole(x: Decimal, what: str) -> int:
    if x != x.to_integral_value() or abs(x) > 64:
        raise FormulaError(f"{what} must be a whole number of at most 64 in size")
    return int(x)


def _multiple(mode: str) -> Callable[..., Decimal]:
    def nearest(x: Decimal, step: Decimal = ONE) -> Decimal:
        return ZERO if not step else (x / step).to_integral_value(rounding=mode) * step

    return nearest


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Decimal]]] = {
    "MIN": (1, 255, lambda *xs: min(xs)),
    "MAX": (1, 255, lambda *xs: max(xs)),
    "SUM": (1, 255, lambda *xs: sum(xs, ZERO)),
    "ABS": (1, 1, abs),
    "ROUND": (1, 2, _round),
    "CEILING": (1, 2, _multiple(ROUND_CEILING)),
    "FLOOR": (1, 2, _multiple(ROUND_FLOOR)),
    "AND": (1, 255, lambda *xs: ONE if all(xs) else ZERO),
    "OR": (1, 255, lambda *xs: ONE if any(xs) else ZERO),
    "NOT": (1, 1, lambda x: ZERO if x else ONE),
}
"""Name: fewest and most arguments, and the function. IF(test, then, else) is apart: it computes one branch only."""

_BINARY: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a ** _whole(b, "an exponent"),
    "=": lambda a, b: Decimal(a == b),
    "<>": lambda a, b: Decimal(a != b),
    "<": lambda a, b: Decimal(a < b),
    "<=": lambda a, b: Decimal(a <= b),
    ">": lambda a, b: Decimal(a > b),
    ">=": lambda a, b: Decimal(a >= b),
}


@lru_cache(maxsize=1024)
def compiled(text: str, names: tuple[str, ...]) -> Node:
    """The formula as a function of the named values; FormulaError for anything that is not one."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"must not be longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text), names)
    node = parser.comparison(0)
    if parser.at < len(parser.tokens):
        raise FormulaError(f"unexpected {parser.tokens[parser.at][1]!r}")
    return node


def evaluate(text: str, values: Values) -> Decimal:
    """The formula's exact value in the caller's decimal context; Invalid when it has none (such as a division by 0)."""
    try:
        result = compiled(text, tuple(values))(values)
    except FormulaError as error:
        raise Invalid.field("expression", str(error), "pricing.formula") from None
    except DecimalException:
        raise Invalid.field("expression", "has no value here (such as a division by 0)", "pricing.formula") from None
    if not result.is_finite() or abs(result) >= MAX_QUANTITY:
        raise Invalid.field("expression", "has no value below 10^20 in size here", "pricing.formula")
    return result


def _tokens(text: str) -> list[tuple[str, str]]:
    text = text.strip().removeprefix("=").rstrip()
    if not text:
        raise FormulaError("is empty")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaError(f"unexpected {text[at:].strip()[:1]!r}")
        number, name, sign = match.groups()
        found.append(("number", number) if number else ("name", name) if name else ("sign", sign))
        at = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens; every method returns a function of the values."""

    def __init__(self, tokens: list[tuple[str, str]], names: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.names = {n.lower(): n for n in names}
        self.at = 0

    def take(self, *signs: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def comparison(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise FormulaError("is nested too deeply")
        return self.chain(self.plus, depth, "=", "<>", "<", "<=", ">", ">=")

    def plus(self, depth: int) -> Node:
        return self.chain(self.times, depth, "+", "-")

    def times(self, depth: int) -> Node:
        return self.chain(self.power, depth, "*", "/")

    def power(self, depth: int) -> Node:
        return self.chain(self.sign, depth, "^")

    def chain(self, operand: Callable[[int], Node], depth: int, *signs: str) -> Node:
        """Operands of one rank, from the left; in a loop, so that a long sum does not nest."""
        first = operand(depth)
        rest: list[tuple[Callable[[Decimal, Decimal], Decimal], Node]] = []
        while sign := self.take(*signs):
            rest.append((_BINARY[sign], operand(depth)))
        if not rest:
            return first

        def value(v: Values) -> Decimal:
            result = first(v)
            for apply, node in rest:
                result = apply(result, node(v))
            return result

        return value

    def sign(self, depth: int) -> Node:
        negative = False
        while sign := self.take("+", "-"):
            negative ^= sign == "-"
        node = self.percent(depth)
        return (lambda v: -node(v)) if negative else node

    def percent(self, depth: int) -> Node:
        node = self.atom(depth)
        hundreds = 0
        while self.take("%"):
            hundreds += 1
        return (lambda v: node(v).scaleb(-2 * hundreds)) if hundreds else node

    def atom(self, depth: int) -> Node:
        if self.take("("):
            node = self.comparison(depth + 1)
            self.close()
            return node
        if self.at == len(self.tokens):
            raise FormulaError("ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            number = Decimal(text)
            return lambda v: number
        if kind == "sign":
            raise FormulaError(f"unexpected {text!r}")
        if self.take("("):
            return self.call(text.upper(), depth)
        if text.upper() in ("TRUE", "FALSE"):
            truth = ONE if text.upper() == "TRUE" else ZERO
            return lambda v: truth
        name = self.names.get(text.lower())
        if name is None:
            raise FormulaError(f"unknown name {text!r}; known are {', '.join(sorted(self.names.values()))}")
        return lambda v: v[name]

    def call(self, name: str, depth: int) -> Node:
        arguments: list[Node] = []
        if not self.take(")"):
            arguments.append(self.comparison(depth + 1))
            while self.take(",", ";"):
                arguments.append(self.comparison(depth + 1))
            self.close()
        low, high, function = (2, 3, None) if name == "IF" else FUNCTIONS.get(name, (0, -1, None))
        if high < 0:
            raise FormulaError(f"unknown function {name}; known are IF, {', '.join(FUNCTIONS)}")
        if not low <= len(arguments) <= high:
            raise FormulaError(f"{name} takes {low if low == high else f'{low} to {high}'} arguments")
        if function is None:
            test, then = arguments[0], arguments[1]
            otherwise = arguments[2] if len(arguments) == 3 else lambda v: ZERO
            return lambda v: then(v) if test(v) else otherwise(v)
        return lambda v: function(*[a(v) for a in arguments])

    def close(self) -> None:
        if not self.take(")"):
            raise FormulaError("a bracket is not closed")
