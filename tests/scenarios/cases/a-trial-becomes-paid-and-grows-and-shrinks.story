clock    2025-06-01
entity   DE currency=EUR
customer bolt tax=19
price    seat EUR; Seat recurring each 10; Setup once 50
price    large EUR; Large recurring each 40
plan     team trial=14; seat
plan     business; large
subscribe s1 bolt team 3
subscription s1 trialing trial=2025-06-15
advance  2025-06-14
upcoming s1; 2025-06-15 95.20; 2025-07-15 35.70
advance  2025-06-15
issued   DE-INV-1 2025-06-15 95.20; Seat 30; Setup 50; tax 15.20
subscription s1 active
# the whole is 30 days from the 15th: 20 are left on the 25th
advance  2025-06-25
change   s1 now qty=6
issued   DE-CN-1 2025-06-25 23.80 of=DE-INV-1
issued   DE-INV-2 2025-06-25 47.60; Seat 40; tax 7.60
# an upgrade in the same period counts from what stands
advance  2025-07-05
change   s1 now plan=business qty=2
issued   DE-CN-2 2025-07-05 23.80 of=DE-INV-2
issued   DE-INV-3 2025-07-05 31.74; Large 26.67; tax 5.07
# the way back waits for the end of the period, and credits nothing
change   s1 end plan=team qty=1
refuse   subscription.same change s1 end plan=team qty=1
