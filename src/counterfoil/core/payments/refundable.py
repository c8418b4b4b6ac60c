"""What is left of a payment: unapplied, free to be used, and how much may be given back."""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.core.basis.refusals import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class Money:
    """A posted payment and what became of it, in minor units. `refunding_minor`: refunds that are on their way;
    `disputed_minor`: in open disputes; `lost_minor`: in lost ones."""

    amount_minor: int
    allocated_minor: int = 0
    refunded_minor: int = 0
    refunding_minor: int = 0
    disputed_minor: int = 0
    lost_minor: int = 0

    @property
    def unapplied_minor(self) -> int:
        """What settles nothing: money in = allocated + unapplied + refunded + lost."""
        return self.amount_minor - self.allocated_minor - self.refunded_minor - self.lost_minor

    @property
    def free_minor(self) -> int:
        """What may be allocated or given back now: the unapplied part less what is on its way back or in dispute."""
        return max(0, self.unapplied_minor - self.refunding_minor - self.disputed_minor)

    @property
    def here_minor(self) -> int:
        """What we have of it: neither given back, nor on its way back, nor disputed, nor lost."""
        return self.amount_minor - self.refunded_minor - self.refunding_minor - self.disputed_minor - self.lost_minor


def check_refund(money: Money, amount_minor: int, taken_back_minor: int = 0) -> None:
    """Whether so much may be given back when `taken_back_minor` is taken off documents by name for it.

    Invalid `refund.amount` for nothing; Conflict `refund.too_much` for more than is free: the rest settles documents, and
    giving that back reopens them, which is done by name.
    """
    if amount_minor <= 0:
        raise Invalid.field("amount", "must be more than 0", "refund.amount")
    most = min(money.here_minor, max(0, money.unapplied_minor + taken_back_minor - money.refunding_minor - money.disputed_minor))
    if amount_minor > most:
        raise Conflict(
            "refund.too_much",
            f"{most} minor units can be given back, and {amount_minor} are asked for: what settles documents is given back "
            "only by naming the documents",
        )


def check_dispute(money: Money, amount_minor: int) -> None:
    """Whether so much can be disputed: Invalid `dispute.amount` for nothing, Conflict `dispute.too_much` for more than we
    have of the payment."""
    if amount_minor <= 0:
        raise Invalid.field("amount", "must be more than 0", "dispute.amount")
    if amount_minor > money.here_minor:
        raise Conflict("dispute.too_much", f"{money.here_minor} minor units are here, and {amount_minor} are disputed")


def check_write_off(open_minor: int, amount_minor: int) -> None:
    """Whether so much of a document can be written off: from 1 to what is open. Conflict `write_off.nothing_open`, Invalid
    `write_off.amount`."""
    if open_minor <= 0:
        raise Conflict("write_off.nothing_open", "nothing is open on the document")
    if not 0 < amount_minor <= open_minor:
        raise Invalid.field("amount", f"must be from 1 to the {open_minor} minor units that are open", "write_off.amount")
