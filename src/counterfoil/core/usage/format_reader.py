"""Applying a format to events: each becomes an event of ours, is left out on purpose, or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from counterfoil.core.basis.refusals import Problem
from counterfoil.core.usage.event import NO_PROPERTIES
from counterfoil.core.usage.format_values import number_reader, shown, text_of, time_reader
from counterfoil.core.usage.formats import (
    Changes,
    Flat,
    Format,
    Leaf,
    Mapped,
    Outcome,
    Problems,
    Skip,
    Skipped,
    Source,
    flatten,
)

_Value = TypeVar("_Value")
_REMEMBERED = 10_000
"""Paths whose treatment is remembered; events of CSV have the same ones over and over."""


def apply(format: Format, raw: Mapping[str, Any]) -> Outcome:
    """The event that `format` reads from `raw`; why it is left out; or every problem.

    A problem's field is ours (`quantity`), its message ends with where the value comes from (`(from amount.value)`).
    """
    return FormatReader(format).read(raw)


def source_of(format: Format, field: str) -> tuple[str, ...]:
    """The paths that a field of ours (`customer`, `at`, …, `properties.<name>`) is read from."""
    if field.startswith("properties."):
        named = dict(format.properties).get(field.removeprefix("properties."))
        return named.paths if named else ()
    source = getattr(format, field, None)
    return source.paths if isinstance(source, Source) else ()


def sourced(problem: Problem, format: Format) -> Problem:
    """The problem with where its field comes from."""
    return Problem(problem.field, problem.message + _from(source_of(format, problem.field)))


class FormatReader:
    """A format made ready to read many events."""

    def __init__(self, format: Format) -> None:
        f = self.format = format
        self._customer = _Field("customer", f.customer, _text)
        self._usage_product = _Field("usage_product", f.usage_product, _text)
        self._at = _Field("at", f.at, time_reader(f.time))
        self._quantity = _Field("quantity", f.quantity, number_reader(f.number))
        self._key = _Field("key", f.key, _text, required=False)
        self._named = [(n, _Field(f"properties.{n}", s, text_of, required=False)) for n, s in f.properties]
        sign = f.number.sign
        self._negative = frozenset(t.casefold() for t in sign.negative) if sign else frozenset()
        self._positive = frozenset(t.casefold() for t in sign.positive) if sign else frozenset()
        sources = (f.customer, f.usage_product, f.at, f.quantity, f.key, *(s for _, s in f.properties))
        used = {path for source in sources for path in source.paths} | {s.path for s in f.skip}
        self._used = frozenset(used | {sign.path} if sign else used)
        self._treated: dict[str, tuple[_Treatment, str]] = {}

    def read(self, raw: Mapping[str, Any]) -> Outcome:
        """The outcome of an event as it came, nested or not."""
        flat = flatten(raw)
        return flat if isinstance(flat, tuple) else self.read_flat(flat)

    def read_flat(self, flat: Flat) -> Outcome:
        """The outcome of an event that is flat already, such as a row of CSV without its empty cells."""
        for skip in self.format.skip:
            if _applies(skip, flat):
                return Skipped(skip.reason)
        problems: list[Problem] = []
        customer = self._customer.read(flat, problems)
        usage_product = self._usage_product.read(flat, problems)
        at = self._at.read(flat, problems)
        quantity = self._signed(self._quantity.read(flat, problems), flat, problems)
        key = self._key.read(flat, problems)
        properties = self._properties(flat, problems, partial=False)
        if problems:
            return tuple(problems)
        assert customer is not None and usage_product is not None and at is not None and quantity is not None
        return Mapped(customer, usage_product, at, quantity, properties, key or "")

    def changes(self, raw: Mapping[str, Any]) -> Changes | Problems:
        """What an update says of an event: only what is there counts, no constants, defaults or skips."""
        flat = flatten(raw)
        if isinstance(flat, tuple):
            return flat
        problems: list[Problem] = []
        customer = self._customer.read(flat, problems, partial=True)
        usage_product = self._usage_product.read(flat, problems, partial=True)
        at = self._at.read(flat, problems, partial=True)
        quantity = self._signed(self._quantity.read(flat, problems, partial=True), flat, problems)
        properties = self._properties(flat, problems, partial=True)
        return tuple(problems) or Changes(customer, usage_product, at, quantity, properties or None)

    def _signed(self, quantity: Decimal | None, flat: Flat, problems: list[Problem]) -> Decimal | None:
        sign = self.format.number.sign
        if sign is None or quantity is None:
            return quantity
        value = flat.get(sign.path)
        text = "" if value is None else str(value).strip().casefold()
        if text in self._negative:
            return quantity.copy_negate()
        if text not in self._positive:
            allowed = ", ".join(sign.negative + sign.positive)
            message = f"its sign must be one of {allowed}, not {shown(text)}{_from((sign.path,))}"
            problems.append(Problem("quantity", message))
        return quantity

    def _properties(self, flat: Flat, problems: list[Problem], *, partial: bool) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name, each in self._named:
            text = each.read(flat, problems, partial=partial)
            if text is not None:
                found[name] = text
        for path, value in flat.items():
            if path in self._used:
                continue
            treatment, name = self._treatment(path)
            if treatment == "drop":
                continue
            if treatment == "refuse":
                problems.append(Problem(path[:200], "is not known to the format"))
            elif name in found:
                problems.append(Problem(f"properties.{name}"[:200], f"is there twice{_from((path,))}"))
            else:
                try:
                    found[name] = text_of(value)
                except ValueError as error:
                    problems.append(Problem(f"properties.{name}"[:200], f"{error}; send it as a text{_from((path,))}"))
        return found or NO_PROPERTIES

    def _treatment(self, path: str) -> tuple[_Treatment, str]:
        """What becomes of a path that no field is read from, and the name of the property that it is."""
        known = self._treated.get(path)
        if known is None:
            known = self._decide(path)
            if len(self._treated) < _REMEMBERED:
                self._treated[path] = known
        return known

    def _decide(self, path: str) -> tuple[_Treatment, str]:
        f = self.format
        if _under(path, f.drop):
            return "drop", path
        if _under(path, f.keep):
            return "keep", path
        for prefix in f.spread:
            if path.startswith(prefix + "."):
                return "keep", path[len(prefix) + 1 :]
        return f.rest, path


class _Field(Generic[_Value]):
    """One field of ours: where it comes from, and what reads it."""

    __slots__ = ("_ours", "_reader", "_required", "name", "source")

    def __init__(self, name: str, source: Source, reader: Callable[[Leaf], _Value], *, required: bool = True) -> None:
        self.name = name
        self.source = source
        self._reader = reader
        self._required = required
        self._ours = dict(source.values)

    def read(self, flat: Flat, problems: list[Problem], *, partial: bool = False) -> _Value | None:
        """The field's value; None when there is none or, with a problem, when it cannot be read."""
        try:
            found = self._found(flat, partial)
            if found is not None:
                return self._reader(found)
        except ValueError as error:
            problems.append(Problem(self.name, f"{error}{_from(_there(self.source, flat))}"))
            return None
        if self._required and not partial:
            problems.append(Problem(self.name, f"is required{_from(self.source.paths)}"))
        return None

    def _found(self, flat: Flat, partial: bool) -> Leaf | None:
        source = self.source
        if source.constant is not None:
            return None if partial else source.constant
        found: Leaf | None = None
        if source.join is None:
            for path in source.paths:
                found = flat.get(path)
                if found is not None and (not isinstance(found, str) or found.strip()):
                    break
                found = None
        else:
            there = _there(source, flat)
            if len(there) == len(source.paths):
                found = source.join.join([text_of(flat[path]).strip() for path in there])
        if found is None:
            return None if partial else source.default
        if not source.values:
            return found
        text = text_of(found).strip()
        ours = self._ours.get(text)
        if ours is None and source.other == "refuse":
            raise ValueError(f"{shown(text)} is not one of the values that the format knows")
        return found if ours is None else ours


_Treatment = Literal["keep", "drop", "refuse"]


def _text(value: Leaf) -> str:
    text = text_of(value).strip()
    if not text:
        raise ValueError("is empty")
    return text


def _there(source: Source, flat: Flat) -> tuple[str, ...]:
    """The paths of a source that have a value."""
    return tuple(p for p in source.paths if (v := flat.get(p)) is not None and (not isinstance(v, str) or v.strip()))


def _under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == p or path.startswith(p + ".") for p in prefixes)


def _applies(skip: Skip, flat: Flat) -> bool:
    value = flat.get(skip.path)
    if isinstance(value, bool):
        value = "true" if value else "false"
    text = "" if value is None else str(value).strip()
    if skip.empty is not None:
        return (not text) == skip.empty
    return text in skip.is_in if skip.is_in else text not in skip.not_in


def _from(paths: tuple[str, ...]) -> str:
    return f" (from {' or '.join(p[:200] for p in paths)})" if paths else ""
