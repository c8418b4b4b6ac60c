"""Rated lines to invoice, credit and debit note; what they do to the books."""
