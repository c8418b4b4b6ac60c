"""The aggregations a meter may use, one file each. This tuple is the registry."""

from __future__ import annotations

from counterfoil.core.usage.aggregations import (
    average,
    count,
    latest,
    maximum,
    minimum,
    running_average,
    sum,
    time_weighted_sum,
    unique_count,
)
from counterfoil.core.usage.aggregations.reducer import Reducer
from counterfoil.core.usage.meter import Aggregation

AGGREGATIONS: tuple[Reducer, ...] = (
    count.REDUCER,
    sum.REDUCER,
    maximum.REDUCER,
    minimum.REDUCER,
    average.REDUCER,
    latest.REDUCER,
    unique_count.REDUCER,
    time_weighted_sum.REDUCER,
    running_average.REDUCER,
)

_BY_KIND = {r.kind: r for r in AGGREGATIONS}


def reducer_of(kind: Aggregation) -> Reducer:
    """The reducer that a meter's aggregation names."""
    return _BY_KIND[kind]
