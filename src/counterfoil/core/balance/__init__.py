"""A customer's record of signed changes: deltas in gapless sequence, windows over them, and what sides make of them."""
