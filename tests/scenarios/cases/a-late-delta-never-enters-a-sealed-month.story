# What comes after a month was sealed is in the next one, and the sealed month keeps its root and its balances.
clock    2025-01-10
entity   DE
customer bolt
delta    bolt 100 top-up
delta    bolt -12.5 calls
seal     bolt 2025-01 2 0 87.50
delta    bolt -7.5 calls
balance  bolt 80
seal     bolt 2025-01 2 0 87.50
refuse   balance.future_period seal bolt 2025-02
refuse   balance.empty_scope seal bolt 2024-12
refuse   invalid delta bolt 0 nothing
clock    2025-02-02
delta    bolt 1 top-up
seal     bolt 2025-02 2 87.50 81
refuse   balance.empty_scope seal bolt 2024-11
balance  bolt 81
