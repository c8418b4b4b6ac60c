"""What is wrong with the content of a value model, before anything is computed from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.period import read_instant
from counterfoil.core.basis.quantity import MAX_QUANTITY
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.formula import FormulaError, compiled
from counterfoil.core.value.content import SECONDS, Content, plain, result_of, size_of
from counterfoil.core.value.deliver import UNIT_VALUE, number
from counterfoil.core.value.model import OPERATORS

MAX_RULES = 500
"""Value types, formulas, signals, rows of tables and overrides that a model may have of each."""

MAX_SIZE = 20_000
"""Rules and rows that it may come to for one customer: they are sealed with each receipt."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,99}")
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def content_problems(content: Content) -> Iterator[Problem]:
    """Everything that is wrong, each with its path."""
    sound = True
    for problem in _problems(content):
        sound = False
        yield problem
    if sound and size_of(content, MAX_SIZE) > MAX_SIZE:
        yield Problem("valueTypes", f"come to more than {MAX_SIZE} rules and rows of segments for one customer")


def _problems(content: Content) -> Iterator[Problem]:
    if content.get("currency") and content["currency"] not in CURRENCIES:
        yield Problem("currency", f"{content['currency']!r} is not an ISO 4217 currency code such as EUR")
    for name in ("valueTypes", "formulas", "signals", "segmentTables", "overrides"):
        if len(content.get(name) or ()) > MAX_RULES:
            yield Problem(name, f"must not have more than {MAX_RULES} items")
            return
    yield from _repeated("valueTypes", [k["slug"] for k in content["valueTypes"]], "slug")
    for name in ("formulas", "segmentTables", "overrides"):
        yield from _repeated(name, [x["id"] for x in content.get(name) or ()], "id")
    for n, kind in enumerate(content["valueTypes"]):
        yield from (p.under(f"valueTypes[{n}]") for p in _kind_problems(content, kind))
    for n, formula in enumerate(content["formulas"]):
        yield from (p.under(f"formulas[{n}]") for p in formula_problems(formula))
        if formula["valueTypeSlug"] not in [k["slug"] for k in content["valueTypes"]]:
            yield Problem(f"formulas[{n}].valueTypeSlug", f"there is no value type {formula['valueTypeSlug']!r}")
    for n, signal in enumerate(content["signals"]):
        yield from (p.under(f"signals[{n}]") for p in _signal_problems(content, signal))
    for n, table in enumerate(content.get("segmentTables") or ()):
        yield from (p.under(f"segmentTables[{n}]") for p in _table_problems(table))
    for n, override in enumerate(content.get("overrides") or ()):
        yield from (p.under(f"overrides[{n}]") for p in _override_problems(content, override))


def slug_problem(slug: str) -> str | None:
    """Why a text is no slug."""
    if _SLUG.fullmatch(slug):
        return None
    return "must have 1 to 100 ASCII letters, digits, dots, hyphens or underscores, a letter or digit first"


def unit_problems(unit: Content) -> Iterator[Problem]:
    """What is wrong with a unit."""
    if unit["type"] not in ("monetary", "duration", "custom"):
        yield Problem("type", "must be monetary, duration or custom")
    elif unit["type"] == "duration" and unit.get("durationUnit") not in SECONDS:
        yield Problem("durationUnit", "must be seconds, minutes, hours or days")
    elif unit["type"] == "custom" and not unit.get("unit"):
        yield Problem("unit", "is required for a custom unit")


def formula_problems(formula: Content) -> Iterator[Problem]:
    """What is wrong with a formula: its variables, and every expression that names them."""
    ids = [v["id"] for v in formula["variables"]]
    yield from _name_problems("variables", ids)
    for n, variable in enumerate(formula["variables"]):
        if variable.get("format") == "duration" and variable.get("formatUnit") not in SECONDS:
            yield Problem(f"variables[{n}].formatUnit", "is required with the format duration")
        derived = variable.get("derivedFrom")
        if derived and derived["targetUnit"] not in SECONDS:
            yield Problem(f"variables[{n}].derivedFrom.targetUnit", "must be seconds, minutes, hours or days")
    yield from _step_problems(formula, ids)


def conversion_problems(conversion: Content) -> Iterator[Problem]:
    """What is wrong with the way from units to money."""
    ids = [v["id"] for v in conversion.get("variables") or ()]
    yield from _name_problems("variables", ids)
    if UNIT_VALUE in [id.lower() for id in ids]:
        yield Problem("variables", f"{UNIT_VALUE} is the quantity itself")
    yield from (
        Problem(f"variables[{n}].default", "must be a number below 10^20 in size")
        for n, v in enumerate(conversion.get("variables") or ())
        if not is_number(v["default"])
    )
    yield from _step_problems(conversion, [UNIT_VALUE, *ids])


def is_number(value: Any) -> bool:
    """Whether it is a number that values are computed with."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite() and (
        abs(value) < MAX_QUANTITY) and -Decimal(value).as_tuple().exponent <= 30  # type: ignore[operator]


def _repeated(path: str, names: Sequence[str], field: str) -> Iterator[Problem]:
    for n, name in enumerate(names):
        if name in names[:n]:
            yield Problem(f"{path}[{n}].{field}", f"{name!r} is there already")
        elif field == "slug" and (fault := slug_problem(name)):
            yield Problem(f"{path}[{n}].{field}", fault)


def _name_problems(path: str, ids: Sequence[str]) -> Iterator[Problem]:
    for n, id in enumerate(ids):
        if not _NAME.fullmatch(id) or id.upper() in ("TRUE", "FALSE"):
            yield Problem(f"{path}[{n}].id", "must be a name of letters, digits and underscores, no digit first")
        elif id.lower() in [other.lower() for other in ids[:n]]:
            yield Problem(f"{path}[{n}].id", f"{id!r} is there already (names do not depend on case)")


def _step_problems(formula: Content, ids: Sequence[str]) -> Iterator[Problem]:
    yield from _expression_problems("expression", plain(formula["expression"]), ids)
    for n, condition in enumerate(formula.get("conditions") or ()):
        path = f"conditions[{n}]"
        if condition["operator"] not in OPERATORS:
            yield Problem(f"{path}.operator", f"must be one of {', '.join(OPERATORS)}")
        if not isinstance(condition["value"], str | bool) and not is_number(condition["value"]):
            yield Problem(f"{path}.value", "must be a number, a text, or true or false")
        yield from _result_problems(f"{path}.result", condition["result"], ids)
    if formula.get("defaultResult") is not None:
        yield from _result_problems("defaultResult", formula["defaultResult"], ids)


def _result_problems(path: str, result: Content, ids: Sequence[str]) -> Iterator[Problem]:
    if result["type"] == "constant":
        if not is_number(result.get("value")):
            yield Problem(f"{path}.value", "must be a number below 10^20 in size")
    elif result["type"] == "expression" and result.get("expression") is not None:
        yield from _expression_problems(f"{path}.expression", result_of(result), ids)
    else:
        yield Problem(f"{path}.type", "must be constant with a value, or expression with an expression")


def _expression_problems(path: str, expression: str, ids: Sequence[str]) -> Iterator[Problem]:
    try:
        compiled(expression, tuple(ids))
    except FormulaError as error:
        yield Problem(path, str(error))


def _kind_problems(content: Content, kind: Content) -> Iterator[Problem]:
    if not 0 < len(kind["calculationTimeline"]) <= MAX_RULES:
        yield Problem("calculationTimeline", f"must have 1 to {MAX_RULES} calculations")
    if len(kind.get("sources") or ()) > 3:
        yield Problem("sources", "must not have more than 3 items")
    own = {f["id"] for f in content["formulas"] if f["valueTypeSlug"] == kind["slug"]}
    known = {
        "formulaIds": own,
        "signalEventNames": {s["eventName"] for s in content["signals"]},
        "segmentTableIds": {t["id"] for t in content.get("segmentTables") or ()},
        "overrideIds": {o["id"] for o in content.get("overrides") or ()},
    }
    since: list[Any] = []
    for n, entry in enumerate(kind["calculationTimeline"]):
        path, calculation = f"calculationTimeline[{n}].calculation", entry["calculation"]
        since.append(read_instant(entry["effectiveFrom"]))
        if since[-1] in since[:-1]:
            yield Problem(f"calculationTimeline[{n}].effectiveFrom", "two calculations begin at this instant")
        yield from (p.under(f"{path}.unit") for p in unit_problems(calculation["unit"]))
        for name, there in known.items():
            for i, id in enumerate(calculation.get(name) or ()):
                if id not in there:
                    yield Problem(f"{path}.{name}[{i}]", f"there is no {id!r}")
        conversion = calculation.get("monetaryConversion")
        if conversion is not None:
            if calculation["unit"]["type"] == "monetary":
                yield Problem(f"{path}.monetaryConversion", "a monetary unit is money already")
            yield from (p.under(f"{path}.monetaryConversion") for p in conversion_problems(conversion))


def _signal_problems(content: Content, signal: Content) -> Iterator[Problem]:
    if not signal["eventName"]:
        yield Problem("eventName", "must not be empty")
    formulas = {f["id"]: f for f in content["formulas"]}
    named = signal.get("formulaId")
    if named is not None and named not in formulas:
        yield Problem("formulaId", f"there is no formula {named!r}")
    tables = {t["id"] for t in content.get("segmentTables") or ()}
    for n, id in enumerate(signal.get("segmentTableIds") or ()):
        if id not in tables:
            yield Problem(f"segmentTableIds[{n}]", f"there is no segment table {id!r}")
    yield from _value_problems("defaults", signal.get("defaults") or {})
    if named is None or named in formulas:
        listed = [entry["calculation"] for kind in content["valueTypes"] for entry in kind["calculationTimeline"]]
        if not any(_feeds(signal, calculation) for calculation in listed):
            yield Problem("formulaId" if named else "eventName", "no calculation of a value type uses this signal")


def _feeds(signal: Content, calculation: Content) -> bool:
    names, named = calculation.get("signalEventNames") or (), signal.get("formulaId")
    if named is None:
        return signal["eventName"] in names
    return named in calculation["formulaIds"] and (not names or signal["eventName"] in names)


def _value_problems(path: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    for id, value in values.items():
        if not isinstance(value, str) and not is_number(value):
            yield Problem(f"{path}.{id}", "must be a number below 10^20 in size")


def _table_problems(table: Content) -> Iterator[Problem]:
    if len(table["rows"]) > MAX_RULES:
        yield Problem("rows", f"must not have more than {MAX_RULES} items")
    for n, row in enumerate(table["rows"]):
        if sorted(row["segmentValues"]) != sorted(table["segmentKeys"]):
            yield Problem(f"rows[{n}].segmentValues", f"must have a value for each of {', '.join(table['segmentKeys'])}")
        yield from _value_problems(f"rows[{n}].variables", row["variables"])
    yield from _value_problems("defaultRow", table.get("defaultRow") or {})


def _override_problems(content: Content, override: Content) -> Iterator[Problem]:
    scope = override["scope"]
    for n, group in enumerate(scope.get("customerGroupIds") or ()):
        yield Problem(f"scope.customerGroupIds[{n}]", f"there is no customer group {group!r}: name its customers")
    if not scope.get("customerIds") and not scope.get("customerGroupIds"):
        yield Problem("scope", "must name at least one customer")
    if override.get("currency") and override["currency"] not in CURRENCIES:
        yield Problem("currency", f"{override['currency']!r} is not an ISO 4217 currency code such as EUR")
    events = {s["eventName"] for s in content["signals"]}
    kinds = {k["slug"]: k for k in content["valueTypes"]}
    for event, given in (override.get("signalOverrides") or {}).items():
        if event not in events:
            yield Problem(f"signalOverrides.{event}", "no signal has this event name")
        yield from _value_problems(f"signalOverrides.{event}.defaults", given.get("defaults") or {})
    for field in ("valueTypeOverrides", "monetaryConversionOverrides"):
        for slug, given in (override.get(field) or {}).items():
            path = f"{field}.{slug}"
            if slug not in kinds:
                yield Problem(path, f"there is no value type {slug!r}")
                continue
            yield from _value_problems(f"{path}.variables", given.get("variables") or {})
            known = _variables_of(content, kinds[slug], field)
            for id in given.get("variables") or {}:
                if id not in known:
                    yield Problem(f"{path}.variables.{id}", f"{slug} has no variable {id!r}")
    for n, signal in enumerate(override.get("additionalSignals") or ()):
        yield from (p.under(f"additionalSignals[{n}]") for p in _signal_problems(content, signal)
                    if p.field != "eventName")


def _variables_of(content: Content, kind: Content, field: str) -> set[str]:
    if field == "valueTypeOverrides":
        return {v["id"] for f in content["formulas"] if f["valueTypeSlug"] == kind["slug"] for v in f["variables"]}
    conversions = [entry["calculation"].get("monetaryConversion") or {} for entry in kind["calculationTimeline"]]
    return {v["id"] for c in conversions for v in c.get("variables") or ()}


def usable_default(value: Any) -> bool:
    """Whether a default gives a number."""
    return is_number(value) or (isinstance(value, str) and number(value) is not None)
