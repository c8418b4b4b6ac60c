"""Delivered value: what events were worth under a model, one by one and together, exactly.

What one event gives is kept to forty decimal places and summed exactly, so the value of many events is the sum of the
values of any parts of them. A metric's sum is rounded once, half away from zero to twelve places: three times 35 minutes
are 1.75 hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, localcontext

from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.quantity import MAX_QUANTITY, ONE, ZERO, decimal_text
from counterfoil.core.pricing.formula import FormulaError, compiled
from counterfoil.core.value.model import Condition, Conversion, Model, Rule, Step, Variable

UNIT_VALUE = "unit_value"
"""What an expression of money calls the quantity."""
KEPT = ONE.scaleb(-40)
"""To how many places one event's share is kept."""
SHOWN = ONE.scaleb(-12)
"""To how many places sums are rounded."""
SUMS = Context(prec=120, rounding=ROUND_HALF_UP)
"""The context in which shares are added: no digit is lost below 10^60 events."""

_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,30})?")
_TRUTH = {"true": ONE, "false": ZERO, "1": ONE, "0": ZERO}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one event gave to one metric: a quantity of its unit and money, or the `reason` why neither can be said."""

    rule: Rule
    quantity: Decimal = ZERO
    value: Decimal = ZERO
    reason: str | None = None


class _NoValue(Exception):
    """Why an expression has no value for this event."""


def number(text: str | None) -> Decimal | None:
    """The number that a property spells: plain decimals, and true and false as 1 and 0. None for anything else."""
    if text is None:
        return None
    if text in ("true", "false"):
        return _TRUTH[text]
    return Decimal(text) if _NUMBER.fullmatch(text) and text.isascii() else None


def delivered(model: Model, event: str, at: datetime, properties: Mapping[str, str]) -> tuple[Delivered, ...]:
    """What an event of that name gave, under each rule of the model that applies to it."""
    return tuple(under(rule, properties) for rule in model.rules if rule.event == event and rule.applies(at))


def rounded(total: Decimal) -> Decimal:
    """A sum as it is written down."""
    return total.quantize(SHOWN, rounding=ROUND_HALF_UP, context=SUMS)


def under(rule: Rule, properties: Mapping[str, str]) -> Delivered:
    """What an event with these properties gives under one rule."""
    with localcontext(EXACT):
        try:
            numbers = _Numbers(rule.variables, properties)
            exact = _computed(rule.quantity, numbers, tuple(v.id for v in rule.variables))
            value = ZERO if rule.money is None else _money(rule.money, exact, properties)
            return Delivered(rule, _kept(exact), _kept(value))
        except _NoValue as error:
            return Delivered(rule, reason=str(error))


def _money(conversion: Conversion, quantity: Decimal, properties: Mapping[str, str]) -> Decimal:
    constants = {UNIT_VALUE: quantity, **dict(conversion.constants)}
    return _computed(conversion.step, _Constants(constants, properties), tuple(constants))


def _kept(value: Decimal) -> Decimal:
    if abs(value) >= MAX_QUANTITY:
        raise _NoValue("comes to 10^20 or more in size")
    return value.quantize(KEPT, rounding=ROUND_HALF_UP)


class _Numbers(dict[str, Decimal]):
    """The variables of a rule for one event, worked out as an expression asks for them."""

    def __init__(self, variables: tuple[Variable, ...], properties: Mapping[str, str]) -> None:
        super().__init__()
        self.variables = {v.id: v for v in variables}
        self.properties = properties

    def __missing__(self, name: str) -> Decimal:
        value = self.find(name)
        if value is None:
            raise _NoValue(f"no value for {name}")
        self[name] = value
        return value

    def find(self, name: str) -> Decimal | None:
        """The number that a variable stands for, if there is one."""
        variable = self.variables[name]
        own = number(self.properties.get(variable.property))
        if own is not None:
            return own / variable.divided_by
        for row in variable.rows:
            if all(self.properties.get(key) == wanted for key, wanted in row.segment):
                return row.value
        return number(variable.default) if variable.otherwise is None else variable.otherwise

    def text(self, field: str) -> str | None:
        """What a condition compares: a variable's text, or a property's."""
        variable = self.variables.get(field)
        if variable is None:
            return self.properties.get(field) or None
        own = self.properties.get(variable.property)
        if own and variable.divided_by == 1:
            return own
        found = self.find(field)
        return variable.default if found is None else decimal_text(found)


class _Constants(dict[str, Decimal]):
    """The names of an expression of money."""

    def __init__(self, values: Mapping[str, Decimal], properties: Mapping[str, str]) -> None:
        super().__init__(values)
        self.properties = properties

    def text(self, field: str) -> str | None:
        """What a condition compares: a constant, or a property of the event."""
        return decimal_text(self[field]) if field in self else self.properties.get(field) or None


def _computed(step: Step, names: _Numbers | _Constants, known: tuple[str, ...]) -> Decimal:
    expression = next((c.then for c in step.when if _holds(c, names.text(c.field))), step.expression)
    try:
        value = compiled(expression, known)(names)
    except FormulaError as error:
        raise _NoValue(f"{expression}: {error}") from None
    except DecimalException:
        raise _NoValue(f"{expression} has no value here (such as a division by 0)") from None
    if not value.is_finite():
        raise _NoValue(f"{expression} has no value here")
    return value


def _holds(condition: Condition, text: str | None) -> bool:
    """Whether what the event has compares as the condition says; what it does not have compares with nothing."""
    if text is None:
        return False
    wanted = condition.value
    if condition.operator == "contains":
        return wanted in text
    if condition.operator == "eq_string":
        return text == wanted
    if condition.operator == "eq_bool":
        return text in _TRUTH and wanted in _TRUTH and _TRUTH[text] == _TRUTH[wanted]
    left, right = number(text), number(wanted)
    if left is None or right is None:
        return (condition.operator == "eq" and text == wanted) or (condition.operator == "neq" and text != wanted)
    return {
        "gte": left >= right, "gt": left > right, "lte": left <= right, "lt": left < right,
        "eq": left == right, "neq": left != right,
    }[condition.operator]
