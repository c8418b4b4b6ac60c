"""Single metrics read from, and written into, the content of a value model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, refuse_if
from counterfoil.core.value.content import FLAT_RATE, Content, timeline_of
from counterfoil.core.value.sound import (
    conversion_problems,
    formula_problems,
    is_number,
    slug_problem,
    unit_problems,
    usable_default,
)

EMPTY: Content = {"currency": "", "valueTypes": [], "formulas": [], "signals": []}
"""What a model begins as. Without a currency its money is that of the receipt."""
CATEGORIES = ("hve", "time", "cost", "revenue", "risk")
MAX_SOURCES = 3
_TEXTS = {"name": "name", "category": "category", "description": "description", "longDescription": "longDescription",
          "sources": "sources"}


def metric_of(content: Content | None, slug: str) -> Content:
    """The value type of that slug; NotFound without one."""
    for kind in [] if content is None else content["valueTypes"]:
        if kind["slug"] == slug:
            return dict(kind)
    raise NotFound("value_metric.not_found", f"there is no value metric {slug[:200]!r}")


def calculation_of(kind: Content) -> Content:
    """The newest calculation of a value type."""
    return dict(timeline_of(kind)[-1]["calculation"])


def formula_of(content: Content, kind: Content) -> Content | None:
    """The formula that a metric is computed by, the first where it has several."""
    ids = calculation_of(kind)["formulaIds"]
    return next((f for id in ids for f in content["formulas"] if f["id"] == id), None)


def bindings_of(content: Content, kind: Content) -> list[Content]:
    """The signals that feed a metric."""
    calculation = calculation_of(kind)
    ids, listed = calculation["formulaIds"], calculation.get("signalEventNames") or ()
    return [
        s for s in content["signals"]
        if (s.get("formulaId") in ids and (not listed or s["eventName"] in listed))
        or (s.get("formulaId") is None and s["eventName"] in listed)
    ]


def conversion_of(kind: Content) -> Content | None:
    """How a metric's units become money: `valuePerUnit` and `label` where it is a flat rate, both None where not."""
    conversion = calculation_of(kind).get("monetaryConversion")
    if conversion is None:
        return None
    variables = conversion.get("variables") or []
    flat = (
        "".join(conversion["expression"].split()) == "".join(FLAT_RATE.split())
        and [v["id"] for v in variables] == ["rate"]
        and not conversion.get("conditions")
    )
    return {
        "valuePerUnit": variables[0]["default"] if flat else None,
        "label": variables[0]["label"] if flat else None,
        "expression": conversion["expression"],
        "variables": variables,
    }


def slug_from(name: str) -> str:
    """The slug that a name gives: `Time saved (h)` is `time-saved-h`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100].strip("-") or "metric"


def with_metric(content: Content | None, given: Mapping[str, Any], at: str) -> tuple[Content, str]:
    """The content with a metric more, and its slug. `at`: the instant from which it is said to hold (it holds before, too).

    Invalid names what is wrong with it; Conflict where its slug is taken.
    """
    refuse_if(_metric_problems(given), "value_metric.invalid")
    content = EMPTY if content is None else content
    slug = given.get("slug") or slug_from(given["name"])
    if any(kind["slug"] == slug for kind in content["valueTypes"]):
        raise Conflict("value_metric.exists", f"there is a value metric {slug!r} already")
    formula = dict(given["formula"])
    signal = dict(given["signal"])
    taken = {f["id"] for f in content["formulas"]}
    formula_id = next(id for id in (slug, *(f"{slug}-{n}" for n in range(2, len(taken) + 3))) if id not in taken)
    calculation = {
        "unit": given["unit"],
        "monetaryConversion": _flat(given.get("monetaryConversion")),
        "formulaIds": [formula_id],
        "signalEventNames": [signal["eventName"]],
        "segmentTableIds": [],
        "overrideIds": [],
    }
    kind = {"slug": slug, "calculationTimeline": [{"effectiveFrom": at, "calculation": calculation}]}
    kind |= {name: given[name] for name in _TEXTS if given.get(name) is not None}
    return {
        **content,
        "valueTypes": [*content["valueTypes"], kind],
        "formulas": [*content["formulas"],
                     {**formula, "id": formula_id, "valueTypeSlug": slug, "label": formula.get("label") or given["name"]}],
        "signals": [*content["signals"],
                    {**signal, "label": signal.get("label") or signal["eventName"], "formulaId": formula_id}],
    }, slug


def with_changes(content: Content | None, slug: str, changes: Mapping[str, Any]) -> Content:
    """The content with one metric changed: what `changes` names, and nothing else. A null takes a text away, and
    `archivedAt: null` restores. NotFound without the metric; Invalid names what is wrong."""
    kind = dict(metric_of(content, slug))
    assert content is not None
    refuse_if(_change_problems(content, kind, changes), "value_metric.invalid")
    for name in (*_TEXTS, "archivedAt"):
        if name in changes:
            kind[name] = changes[name]
    if "unit" in changes or "monetaryConversion" in changes:
        *earlier, last = timeline_of(kind)
        calculation = dict(last["calculation"])
        calculation["unit"] = changes.get("unit") or calculation["unit"]
        if "monetaryConversion" in changes:
            calculation["monetaryConversion"] = _flat(changes["monetaryConversion"])
        if calculation["unit"]["type"] == "monetary" and calculation.get("monetaryConversion") is not None:
            raise Invalid.field("monetaryConversion", "a monetary unit is money already: send null with it")
        kind["calculationTimeline"] = [*earlier, {**last, "calculation": calculation}]
    changed = {**content, "valueTypes": [kind if k["slug"] == slug else k for k in content["valueTypes"]]}
    return _with_variables(changed, kind, changes.get("variables") or {})


def _with_variables(content: Content, kind: Content, edits: Mapping[str, Mapping[str, Any]]) -> Content:
    if not edits:
        return content
    ids = set(calculation_of(kind)["formulaIds"])
    bound = [id(s) for s in bindings_of(content, kind)]
    formulas = [
        {**f, "variables": [_edited(v, edits.get(v["id"], {})) for v in f["variables"]]} if f["id"] in ids else f
        for f in content["formulas"]
    ]
    values = {name: edit["value"] for name, edit in edits.items() if edit.get("value") is not None}
    signals = [
        {**s, "defaults": {**(s.get("defaults") or {}), **values}} if id(s) in bound else s for s in content["signals"]
    ]
    return {**content, "formulas": formulas, "signals": signals}


def _edited(variable: Content, edit: Mapping[str, Any]) -> Content:
    changed = dict(variable)
    if edit.get("label") is not None:
        changed["label"] = edit["label"]
    for name in ("format", "formatUnit"):
        if name in edit:
            changed[name] = edit[name]
    return changed


def _flat(conversion: Mapping[str, Any] | None) -> Content | None:
    if conversion is None:
        return None
    rate = {"id": "rate", "label": conversion.get("label") or "rate", "default": conversion["valuePerUnit"]}
    return {"expression": FLAT_RATE, "variables": [rate]}


def _metric_problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    if given.get("slug") is not None and (fault := slug_problem(given["slug"])):
        yield Problem("slug", fault)
    yield from _common_problems(given)
    formula, signal = given["formula"], given["signal"]
    yield from (p.under("formula") for p in formula_problems(formula))
    defaults = signal.get("defaults") or {}
    if not signal["eventName"]:
        yield Problem("signal.eventName", "must not be empty")
    for variable in formula["variables"]:
        if variable["id"] not in defaults:
            yield Problem(f"signal.defaults.{variable['id']}", "is required: every variable needs a default")
        elif not usable_default(defaults[variable["id"]]):
            yield Problem(f"signal.defaults.{variable['id']}", "must be a number below 10^20 in size")
    for name in defaults:
        if name not in [v["id"] for v in formula["variables"]]:
            yield Problem(f"signal.defaults.{name}", "the formula has no such variable")
    if given["unit"]["type"] == "monetary" and given.get("monetaryConversion") is not None:
        yield Problem("monetaryConversion", "a monetary unit is money already")


def _common_problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    if "name" in given and not (given["name"] or "").strip():
        yield Problem("name", "must not be empty")
    if given.get("category") is not None and given["category"] not in CATEGORIES:
        yield Problem("category", f"must be one of {', '.join(CATEGORIES)}")
    if len(given.get("sources") or ()) > MAX_SOURCES:
        yield Problem("sources", f"must not have more than {MAX_SOURCES} items")
    if given.get("unit") is not None:
        yield from (p.under("unit") for p in unit_problems(given["unit"]))
    conversion = given.get("monetaryConversion")
    if conversion is not None:
        if is_number(conversion["valuePerUnit"]):
            yield from (p.under("monetaryConversion") for p in conversion_problems(_flat(conversion) or {}))
        else:
            yield Problem("monetaryConversion.valuePerUnit", "must be a number below 10^20 in size")


def _change_problems(content: Content, kind: Content, changes: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _common_problems(changes)
    formula = formula_of(content, kind)
    known = {v["id"]: v for v in formula["variables"]} if formula is not None else {}
    for name, edit in (changes.get("variables") or {}).items():
        if name not in known:
            yield Problem(f"variables.{name}", f"the formula has no such variable; it has {', '.join(known) or 'none'}")
        elif edit.get("value") is not None and not is_number(edit["value"]):
            yield Problem(f"variables.{name}.value", "must be a number below 10^20 in size")
        elif _edited(known[name], edit).get("format") == "duration" and not _edited(known[name], edit).get("formatUnit"):
            yield Problem(f"variables.{name}.formatUnit", "is required with the format duration")
