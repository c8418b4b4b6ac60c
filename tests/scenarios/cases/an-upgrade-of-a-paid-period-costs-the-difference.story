clock    2025-06-01
entity   DE currency=EUR
customer bolt
price    small EUR; Small recurring 30
price    large EUR; Large recurring 90
price    year EUR; Year recurring 900
plan     small; small
plan     large; large
plan     year cycle=year; year
subscribe s1 bolt small 1
issued   DE-INV-1 2025-06-01 30
pay      p1 bolt 30 EUR for=DE-INV-1
advance  2025-06-11
# 20 of 30 days go back and pay for the new plan
change   s1 now plan=large
issued   DE-CN-1 2025-06-11 20 of=DE-INV-1
issued   DE-INV-2 2025-06-11 60
open     DE-INV-2 40
unapplied p1 0
pay      p2 bolt 40 EUR for=DE-INV-2
# a year has its own grid, from the day of the change
advance  2025-06-21
change   s1 now plan=year
issued   DE-CN-2 2025-06-21 30 of=DE-INV-2
issued   DE-INV-3 2025-06-21 900
open     DE-INV-3 870
upcoming s1; 2026-06-21 900
