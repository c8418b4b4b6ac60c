"""The content of a value model (the manifest of Paid's API: value types, formulas, signals, segment tables, overrides) and
the rules that it comes down to for one customer.

Content is JSON with the wire's names; numbers are integers and Decimals. What is said of a customer by name goes to no
other customer's rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import read_instant
from counterfoil.core.basis.quantity import ONE, decimal_text
from counterfoil.core.value.deliver import UNIT_VALUE
from counterfoil.core.value.model import Condition, Conversion, Model, Rule, SegmentRow, Step, Variable

Content = Mapping[str, Any]

SECONDS = {"seconds": ONE, "minutes": Decimal(60), "hours": Decimal(3600), "days": Decimal(86400)}
"""A variable that is derived from a field of seconds, in this unit, is the field divided by so many."""
FLAT_RATE = f"{UNIT_VALUE} * rate"
"""The conversion that `valuePerUnit` stands for."""

_DATA = re.compile(r"\bdata\.(?=[A-Za-z_])")


def model_for(content: Content | None, names: Collection[str], currency: str, streams: Mapping[Ref, str]) -> Model:
    """What the content comes down to for the customer who is called by any of `names`, with money in `currency`.

    `streams` names the events of usage products; those that no rule is about are left out. The model's own currency is
    None where the content has none; it may differ from `currency`, which then must not be summed up.
    """
    if content is None:
        return Model((), {}, None)
    overrides = [o for o in content.get("overrides") or () if _is_for(o["scope"], names)]
    own = content.get("currency") or None
    for override in overrides:
        own = override.get("currency") or own
    rules = tuple(rule for kind in content["valueTypes"] for rule in _rules(content, kind, overrides, own or currency))
    events = {rule.event for rule in rules}
    return Model(rules, {ref: name for ref, name in streams.items() if name in events}, own if rules else None)


def events_of(content: Content | None) -> set[str]:
    """Every event name that the content binds to something, for whichever customer."""
    if content is None:
        return set()
    extra = [s for o in content.get("overrides") or () for s in o.get("additionalSignals") or ()]
    return {signal["eventName"] for signal in [*content["signals"], *extra]}


def size_of(content: Content, limit: int) -> int:
    """How many rules and rows of segments a sound content comes to for a customer whom all its overrides are for; counted no
    further than to `limit` and a little."""
    size = 0
    for kind in content["valueTypes"]:
        for rule in _rules(content, kind, content.get("overrides") or (), ""):
            size += 1 + sum(len(variable.rows) for variable in rule.variables)
            if size > limit:
                return size
    return size


def timeline_of(kind: Content) -> list[Any]:
    """The calculations of a value type, the earliest first; the first one holds for all time before it, too."""
    return sorted(kind["calculationTimeline"], key=lambda entry: read_instant(entry["effectiveFrom"]))


def _is_for(scope: Content, names: Collection[str]) -> bool:
    return any(name in names for name in scope.get("customerIds") or ())


def _rules(content: Content, kind: Content, overrides: Sequence[Content], currency: str) -> Iterator[Rule]:
    formulas = {f["id"]: f for f in content["formulas"] if f["valueTypeSlug"] == kind["slug"]}
    entries: list[Any] = [*timeline_of(kind), None]
    for n, (entry, following) in enumerate(pairwise(entries)):
        calculation = entry["calculation"]
        chosen = calculation.get("overrideIds") or ()
        active = [o for o in overrides if not chosen or o["id"] in chosen]
        for id in calculation["formulaIds"]:
            if id not in formulas:
                continue
            for signal in _bound(content, calculation, id, active):
                yield Rule(
                    event=signal["eventName"],
                    metric=kind["slug"],
                    name=kind["name"],
                    unit=unit_text(calculation["unit"], currency),
                    quantity=_step(formulas[id]),
                    variables=tuple(
                        _variable(content, calculation, kind["slug"], signal, variable, active)
                        for variable in formulas[id]["variables"]
                    ),
                    money=_money(calculation, kind["slug"], active),
                    since=None if n == 0 else read_instant(entry["effectiveFrom"]),
                    until=None if following is None else read_instant(following["effectiveFrom"]),
                )


def _bound(content: Content, calculation: Content, formula: str, active: Sequence[Content]) -> Iterator[Content]:
    """The signals that feed a formula of a calculation: those that name it, and those that the calculation lists."""
    listed = calculation.get("signalEventNames") or ()
    for signal in content["signals"]:
        is_listed = signal["eventName"] in listed
        named = signal.get("formulaId")
        if (named == formula and (is_listed or not listed)) or (named is None and is_listed):
            yield signal
    for override in active:
        for signal in override.get("additionalSignals") or ():
            named = signal.get("formulaId")
            if named == formula or (named is None and signal["eventName"] in listed):
                yield signal


def _variable(content: Content, calculation: Content, slug: str, signal: Content, variable: Content,
              active: Sequence[Content]) -> Variable:
    id = variable["id"]
    derived = variable.get("derivedFrom") or {}
    field = (signal.get("variableMapping") or {}).get(id) or derived.get("sourceField") or id
    named = Variable(id, plain_field(field), SECONDS[derived["targetUnit"]] if derived else ONE)
    for_signal = [(o.get("signalOverrides") or {}).get(signal["eventName"], {}).get("defaults") or {} for o in active]
    for_metric = [(o.get("valueTypeOverrides") or {}).get(slug, {}).get("variables") or {} for o in active]
    given = [values[id] for values in [*for_signal, *for_metric] if id in values]
    if given:
        return Variable(named.id, named.property, named.divided_by, default=_text(given[-1]))
    rows, otherwise = _segments(content, signal.get("segmentTableIds") or calculation.get("segmentTableIds") or (), id)
    default = (signal.get("defaults") or {}).get(id)
    return Variable(
        named.id, named.property, named.divided_by, rows, otherwise, None if default is None else _text(default)
    )


def _segments(content: Content, tables: Sequence[str], id: str) -> tuple[tuple[SegmentRow, ...], Decimal | None]:
    """The rows for a variable in the first of these tables that has a column of it, and what holds otherwise."""
    known = {table["id"]: table for table in content.get("segmentTables") or ()}
    for table in (known[t] for t in tables if t in known):
        if id in [column["variableId"] for column in table["columns"]]:
            rows = tuple(
                SegmentRow(
                    tuple(sorted((plain_field(key), text) for key, text in row["segmentValues"].items())),
                    Decimal(row["variables"][id]),
                )
                for row in table["rows"]
                if id in row["variables"]
            )
            otherwise = (table.get("defaultRow") or {}).get(id)
            return rows, None if otherwise is None else Decimal(otherwise)
    return (), None


def _money(calculation: Content, slug: str, active: Sequence[Content]) -> Conversion | None:
    conversion = calculation.get("monetaryConversion")
    if calculation["unit"]["type"] == "monetary":
        return Conversion(Step(UNIT_VALUE))
    if conversion is None:
        return None
    constants = {v["id"]: Decimal(v["default"]) for v in conversion.get("variables") or ()}
    for override in active:
        given = (override.get("monetaryConversionOverrides") or {}).get(slug, {}).get("variables") or {}
        constants |= {id: Decimal(value) for id, value in given.items() if id in constants}
    return Conversion(_step(conversion), tuple(sorted(constants.items())))


def _step(formula: Content) -> Step:
    default = formula.get("defaultResult")
    return Step(
        plain(formula["expression"]) if default is None else result_of(default),
        tuple(
            Condition(plain_field(c["field"]), c["operator"], _text(c["value"]), result_of(c["result"]))
            for c in formula.get("conditions") or ()
        ),
    )


def result_of(result: Content) -> str:
    """The expression of a condition's result: its own, or its constant."""
    return plain(result["expression"]) if result["type"] == "expression" else _text(result["value"])


def plain(expression: str) -> str:
    """The expression with its names as they are: `data.minutes` is the variable `minutes`."""
    return _DATA.sub("", expression)


def plain_field(field: str) -> str:
    """The property that a field of the data is kept under."""
    return field.removeprefix("data.")


def unit_text(unit: Content, currency: str) -> str:
    """What a metric counts, as receipts name it."""
    if unit["type"] == "monetary":
        return currency
    if unit["type"] == "duration":
        return str(unit["durationUnit"])
    return unit.get("unitDisplay") or unit.get("unit") or "units"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else decimal_text(Decimal(value))
