clock    2025-06-01
entity   DE currency=EUR
customer bolt
price    small EUR; Small recurring 30
price    large EUR; Large recurring 90
plan     small; small
plan     large; large
subscribe s1 bolt large 1
issued   DE-INV-1 2025-06-01 90
change   s1 end plan=small
upcoming s1; 2025-07-01 30
advance  2025-07-01
issued   DE-INV-2 2025-07-01 30
change   s1 end plan=large
advance  2025-07-20
change   s1 end plan=small qty=1
advance  2025-08-01
issued   DE-INV-3 2025-08-01 30
# a change at once goes before one that waits
change   s1 end plan=large
advance  2025-08-17
change   s1 now plan=large
issued   DE-CN-1 2025-08-17 14.52 of=DE-INV-3
issued   DE-INV-4 2025-08-17 43.55
advance  2025-09-01
issued   DE-INV-5 2025-09-01 90
