"""How a replication says which of its figures are lower bounds.

Latencies, for requests are unanswered; the most of all days, for not all were simulated.
"""

OPEN = "_at_least_from"  # after a latency: the lowest of its percentiles that is a lower bound
UNFINISHED = "unfinished_share"  # of all that are answered or unanswered at the end
TOLERANCE = 0.02  # of what is unfinished; somewhat more than the width of a histogram's bucket
DAYS_SHARE = "simulated_days_share"  # of a horizon's days, where some stand for the others
