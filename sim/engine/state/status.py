"""What can become of a request, and what the kernel tells when it returns.

Every request has exactly one status. ``IN_FLIGHT`` is the status of a request that has arrived and
whose fate is open.
"""

from sim.engine.state.number import whole

IN_FLIGHT = whole(0)
COMPLETED = whole(1)
TIMED_OUT = whole(2)
REJECTED = whole(3)
FAILED = whole(4)
GAVE_UP = whole(5)

NAMES = {
    IN_FLIGHT: "in_flight",
    COMPLETED: "completed",
    TIMED_OUT: "timed_out",
    REJECTED: "rejected",
    FAILED: "failed",
    GAVE_UP: "gave_up",
}

# Signals of the kernel.
REACHED = 0  # every event up to the asked time is done
NEED_REQUESTS = 1  # the fed requests are used up
NEED_SLOTS = 2  # more requests are in flight than there is room for
NEED_TIMERS = 5  # ... or timers, or deadlines
NEED_DEADLINES = 6
NEED_TASKS = 7
NEED_RUNS = 8  # of blocks of prompts
NEED_LOG = 9
NEED_SEQUELS = 11  # a user in a closed loop has sent all requests that were fed
REPLICA_EMPTY = 3  # a draining replica has finished its last request
DRAINED = 10  # nothing is in flight any more, and nothing will come
REQUEST_HELD = 4  # a request waits at the gateway of a pool without a ready replica
