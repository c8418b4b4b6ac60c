"""What events are worth to one customer: the rules that a value model comes down to, and their sealed form.

A value model may hold terms of many customers; a receipt seals only what applies to its own: a flat list of rules, each
for one event name and one metric (docs/formats/value-receipt.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import ONE, decimal_text

Operator = Literal["gte", "gt", "lt", "lte", "eq", "neq", "contains", "eq_string", "eq_bool"]
OPERATORS: tuple[str, ...] = get_args(Operator)


@dataclass(frozen=True, slots=True)
class Condition:
    """When `field` (a variable, or a property of the event) compares with `value`, `then` is computed."""

    field: str
    operator: Operator
    value: str
    then: str


@dataclass(frozen=True, slots=True)
class Step:
    """An expression, and those that go before it under a condition: the first condition that holds decides."""

    expression: str
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """The variable's value for events whose properties have all of these values."""

    segment: tuple[tuple[str, str], ...]
    value: Decimal


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of an expression. Its value is the event's `property`, when that is usable, divided by `divided_by`; else that
    of the first row of its segment table that fits, else `otherwise` of the table, else `default`."""

    id: str
    property: str
    divided_by: Decimal = ONE
    rows: tuple[SegmentRow, ...] = ()
    otherwise: Decimal | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a quantity (`unit_value`) to money, with constants of its own."""

    step: Step
    constants: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What one occurrence of `event` at an instant in [`since`, `until`) gives: a quantity of a metric's unit, and money.

    Without a conversion there is no money in it.
    """

    event: str
    metric: str
    name: str
    unit: str
    quantity: Step
    variables: tuple[Variable, ...] = ()
    money: Conversion | None = None
    since: datetime | None = None
    until: datetime | None = None

    def applies(self, at: datetime) -> bool:
        """Whether it is the rule of that instant."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Model:
    """The rules of one customer. `streams` names the events of each usage product that a rule is about; `currency` is that
    of the money, None for whichever the receipt has."""

    rules: tuple[Rule, ...] = ()
    streams: Mapping[Ref, str] = ()  # type: ignore[assignment]
    currency: str | None = None


NO_MODEL = Model((), {}, None)


def model_json(model: Model) -> Json:
    """The model as it is sealed."""
    return {
        "currency": model.currency,
        "streams": dict(model.streams),
        "rules": [_rule_json(rule) for rule in model.rules],
    }


def model_from_json(value: Json) -> Model:
    """The inverse of `model_json`; KeyError, TypeError or ValueError for anything else."""
    return Model(
        tuple(_rule_from(rule) for rule in value["rules"]),
        {Ref(ref): name for ref, name in value["streams"].items()},
        value["currency"],
    )


def _rule_json(rule: Rule) -> Json:
    return {
        "event": rule.event,
        "metric": rule.metric,
        "name": rule.name,
        "unit": rule.unit,
        "from": None if rule.since is None else instant_text(rule.since),
        "until": None if rule.until is None else instant_text(rule.until),
        "variables": [
            {
                "id": v.id,
                "property": v.property,
                "divided_by": decimal_text(v.divided_by),
                "rows": [{"segment": dict(r.segment), "value": decimal_text(r.value)} for r in v.rows],
                "otherwise": None if v.otherwise is None else decimal_text(v.otherwise),
                "default": v.default,
            }
            for v in rule.variables
        ],
        "quantity": _step_json(rule.quantity),
        "money": None if rule.money is None else {
            **_step_json(rule.money.step),
            "constants": {name: decimal_text(value) for name, value in rule.money.constants},
        },
    }


def _step_json(step: Step) -> dict[str, Json]:
    return {
        "when": [{"field": c.field, "operator": c.operator, "value": c.value, "then": c.then} for c in step.when],
        "expression": step.expression,
    }


def _rule_from(value: Json) -> Rule:
    money = value["money"]
    return Rule(
        event=value["event"],
        metric=value["metric"],
        name=value["name"],
        unit=value["unit"],
        quantity=_step_from(value["quantity"]),
        variables=tuple(_variable_from(v) for v in value["variables"]),
        money=None if money is None else Conversion(
            _step_from(money), tuple((name, Decimal(text)) for name, text in money["constants"].items())
        ),
        since=None if value["from"] is None else read_instant(value["from"]),
        until=None if value["until"] is None else read_instant(value["until"]),
    )


def _variable_from(value: Json) -> Variable:
    return Variable(
        id=value["id"],
        property=value["property"],
        divided_by=Decimal(value["divided_by"]),
        rows=tuple(SegmentRow(tuple(r["segment"].items()), Decimal(r["value"])) for r in value["rows"]),
        otherwise=None if value["otherwise"] is None else Decimal(value["otherwise"]),
        default=value["default"],
    )


def _step_from(value: Json) -> Step:
    return Step(
        value["expression"],
        tuple(_known(Condition(c["field"], c["operator"], c["value"], c["then"])) for c in value["when"]),
    )


def _known(condition: Condition) -> Condition:
    if condition.operator not in OPERATORS:
        raise ValueError(f"unknown operator {condition.operator!r}")
    return condition
