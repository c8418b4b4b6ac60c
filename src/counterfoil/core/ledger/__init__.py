"""Double entry: accounts, entries that cannot be unbalanced, balances."""
