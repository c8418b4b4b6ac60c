"""Vectors of the kinds in `dunning_tax_credit.json`, run through the documents, notes and balances that bill.

Only conversion: each function reads an input, calls the core, and writes what it answers under the vector's keys.
Exact shares of a discount come out with seven decimals, each discount for itself, as the vectors write them.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.vectors.dunning_tax_credit_balances import (
    account_balance,
    credit_lot_consumption,
    dunning_campaign,
    grant_burn_down,
    grant_order,
    overdue_state,
    retry_outcome,
    retry_schedule,
    wallet_drawdown,
    wallet_payment,
    wallet_top_up,
)
from tests.vectors.dunning_tax_credit_documents import (
    allocate_discount,
    apply_coupon,
    coupon_redemptions,
    discount_sequence,
    invoice_totals,
    line_discounts,
    money_rounding,
    rounding_order,
    tax,
)
from tests.vectors.dunning_tax_credit_en16931 import en16931_check
from tests.vectors.dunning_tax_credit_notes import (
    apply_credit_notes,
    apply_credit_notes_concurrent,
    credit_note_limit,
    credit_note_sequence,
    credit_note_type,
    credit_note_unused,
    termination_credit_note,
)
from tests.vectors.dunning_tax_credit_reading import Case

KINDS: dict[str, Callable[[Case], Case]] = {
    f.__name__: f
    for f in (
        money_rounding,
        rounding_order,
        discount_sequence,
        line_discounts,
        allocate_discount,
        tax,
        invoice_totals,
        apply_coupon,
        coupon_redemptions,
        credit_note_unused,
        termination_credit_note,
        credit_note_sequence,
        apply_credit_notes,
        apply_credit_notes_concurrent,
        credit_note_limit,
        credit_note_type,
        account_balance,
        wallet_drawdown,
        wallet_payment,
        wallet_top_up,
        credit_lot_consumption,
        grant_burn_down,
        grant_order,
        retry_schedule,
        retry_outcome,
        overdue_state,
        dunning_campaign,
        en16931_check,
    )
}
"""By `input.kind`: what the core answers, under the same keys as `expected`."""

NOT_YET: frozenset[str] = frozenset()
"""Kinds that wait for a later feature."""
