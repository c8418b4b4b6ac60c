"""The content of value models and value metrics as they cross the wire."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.wire import Input

Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Short = Annotated[str, msgspec.Meta(max_length=1000)]
Long = Annotated[str, msgspec.Meta(max_length=20_000)]
Texts = Annotated[list[Short], msgspec.Meta(max_length=100)]
Clock = Literal["seconds", "minutes", "hours", "days"]
Category = Literal["hve", "time", "cost", "revenue", "risk"]


class Part(Input, omit_defaults=True):
    """A part of a model: what is left out stays out."""


class Unit(Part):
    """What is counted: money, time (`durationUnit`), or something of one's own (`unit`, `unitDisplay`)."""

    type: Literal["monetary", "duration", "custom"]
    duration_unit: Clock | None = None
    unit: Short | None = None
    unit_display: Short | None = None


class Source(Part):
    """Where a figure comes from."""

    name: Name
    url: Short


class DerivedFrom(Part):
    """A variable that is a field of seconds in another unit."""

    source_field: Name
    target_unit: Clock


class FormulaVariable(Part):
    """A name of an expression."""

    id: Name
    label: Short
    type: Literal["number", "string", "boolean", "duration"] | None = None
    description: Long | None = None
    format: Literal["percent", "duration"] | None = None
    format_unit: Clock | None = None
    derived_from: DerivedFrom | None = None


class Result(Part):
    """What a condition gives."""

    type: Literal["constant", "expression"]
    value: Decimal | None = None
    expression: Long | None = None


class FormulaCondition(Part):
    """An expression that goes before others where a field compares with a value."""

    field: Name
    operator: Literal["gte", "gt", "lt", "lte", "eq", "neq", "contains", "eq_string", "eq_bool"]
    value: Any
    result: Result


class ValueFormula(Part):
    """What one occurrence gives."""

    id: Name
    value_type_slug: Name
    label: Short
    variables: list[FormulaVariable]
    expression: Long
    description: Long | None = None
    conditions: list[FormulaCondition] | None = None
    default_result: Result | None = None


class ConversionVariable(Part):
    """A constant of a conversion."""

    id: Name
    label: Short
    default: Decimal


class MonetaryConversion(Part):
    """From `unit_value` to money."""

    expression: Long
    variables: list[ConversionVariable] | None = None
    conditions: list[FormulaCondition] | None = None


class Calculation(Part):
    """How a metric is computed from some instant on."""

    unit: Unit
    formula_ids: list[Name]
    signal_event_names: list[Name]
    segment_table_ids: list[Name]
    override_ids: list[Name]
    monetary_conversion: MonetaryConversion | None = None


class TimelineEntry(Part):
    """A calculation, and from when on it holds; the first one holds before, too."""

    effective_from: Instant
    calculation: Calculation


class ValueType(Part):
    """A metric."""

    slug: Name
    name: Name
    calculation_timeline: list[TimelineEntry]
    description: Long | None = None
    long_description: Long | None = None
    sources: list[Source] | None = None
    display_order: int | None = None
    color: Short | None = None
    icon: Short | None = None
    category: Category | None = None
    archived_at: Instant | None = None


class ModelSignal(Part):
    """An event that feeds a formula. `variableMapping`: the field of its data that each variable is read from."""

    event_name: Name
    label: Short
    formula_id: Name | None = None
    variable_mapping: dict[str, str] | None = None
    defaults: dict[str, Any] | None = None
    segment_table_ids: list[Name] | None = None
    description: Long | None = None
    labels: Texts | None = None
    tags: Texts | None = None


class SegmentColumn(Part):
    """A variable that a table gives values to."""

    variable_id: Name
    label: Short
    type: Literal["number"] = "number"


class SegmentRow(Part):
    """The values of one segment."""

    segment_values: dict[str, str]
    variables: dict[str, Decimal]


class SegmentTable(Part):
    """Values of variables by segment."""

    id: Name
    label: Short
    segment_keys: list[Name]
    columns: list[SegmentColumn]
    rows: list[SegmentRow]
    default_row: dict[str, Decimal] | None = None


class OverrideScope(Part):
    """Whose terms these are: names of customers."""

    customer_ids: list[Name] | None = None
    customer_group_ids: list[Name] | None = None


class Defaults(Part):
    """Other defaults of a signal."""

    defaults: dict[str, Any] | None = None


class Variables(Part):
    """Other values of variables."""

    variables: dict[str, Any] | None = None


class Override(Part):
    """Terms of some customers."""

    id: Name
    label: Short
    scope: OverrideScope
    currency: str | None = None
    signal_overrides: dict[str, Defaults] | None = None
    value_type_overrides: dict[str, Variables] | None = None
    additional_signals: list[ModelSignal] | None = None
    monetary_conversion_overrides: dict[str, Variables] | None = None


class ValueModelContent(Part):
    """A whole value model. Without a currency its money is that of each receipt."""

    currency: str
    value_types: list[ValueType]
    formulas: list[ValueFormula]
    signals: list[ModelSignal]
    segment_tables: list[SegmentTable] | None = None
    overrides: list[Override] | None = None


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """A struct as JSON values with the wire's names, numbers exact."""
    found: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(Decimal,))
    return found
