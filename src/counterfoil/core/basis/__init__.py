"""Money, quantities, calendar and periods, canonical bytes, references, refusals."""
