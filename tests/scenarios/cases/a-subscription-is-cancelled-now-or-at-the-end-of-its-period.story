clock    2025-06-01
entity   DE currency=EUR
customer bolt tax=19
price    seat EUR; Seat recurring each 10
plan     team; seat
subscribe s1 bolt team 3
issued   DE-INV-1 2025-06-01 35.70
subscribe s2 bolt team 1
issued   DE-INV-2 2025-06-01 11.90
advance  2025-06-15
# the day itself is billed: 15 of 30 days go back
unsubscribe s1 now
issued   DE-CN-1 2025-06-15 17.85 of=DE-INV-1
unsubscribe s2 end
subscription s2 ending
refuse   subscription.cancelled change s2 now qty=5
advance  2025-06-16
subscription s1 ended
refuse   subscription.ended change s1 now qty=5
advance  2025-09-01
subscription s2 ended
