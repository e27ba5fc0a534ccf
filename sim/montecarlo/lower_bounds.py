"""How a replication says which of its latencies are lower bounds, for requests are unanswered."""

OPEN = "_at_least_from"  # after a latency: the lowest of its percentiles that is a lower bound
UNFINISHED = "unfinished_share"  # of all that are answered or unanswered at the end
TOLERANCE = 0.02  # of what is unfinished; somewhat more than the width of a histogram's bucket
