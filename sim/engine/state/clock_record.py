"""The record of the data plane as a whole: its time, its counts, and what there is in it."""

import numpy as np

CLOCK = np.dtype(
    [
        ("cursor", "i8"),  # next of the fed requests
        ("fed", "i8"),
        ("closed", "i8"),  # no more requests will be fed
        ("number", "i8"),  # of the next request
        ("admissions", "i8"),
        ("serial", "i8"),  # of the next attempt
        ("timers", "i8"),  # in the heap of timers
        ("timer_order", "i8"),
        ("timer_s", "f8"),  # of the next timer, and of the next deadline
        ("deadline_s", "f8"),
        ("link_s", "f8"),  # ... and of what is sent over links
        ("transfers", "i8"),  # that have begun
        ("rings", "i8"),  # that have deadlines
        ("fullest", "i8"),  # most deadlines that a ring has had
        ("free_slot", "i8"),
        ("held", "i8"),  # the pool of the signal REQUEST_HELD
        ("held_s", "f8"),
        ("emptied", "i8"),  # the replica of the signal REPLICA_EMPTY
        ("emptied_s", "f8"),
        ("under_way", "i8"),  # requests in flight, and calls that are set out to follow them
        ("empty_s", "f8"),  # when the last of these ended
        ("arrived_s", "f8"),  # when the latest of the fed requests came
        ("ends_empty", "i8"),  # whether the signal DRAINED is asked for
        # Of the latest instant at which something happened: when it was, and up to which replica
        # all have had their step boundaries there, also those within a leap.
        ("instant_s", "f8"),
        ("turn", "i8"),
        ("bin_start_s", "f8"),
        ("routing_key", "u8"),
        ("recording", "i8"),
        ("task_number", "i8"),  # of the next task
        ("free_task", "i8"),
        ("free_run", "i8"),
        ("free_runs", "i8"),
        ("spare_timers", "i8"),  # that one event may set
        ("is_large", "i8"),  # the fleet: what comes is asked for ahead of time
        # What there is at all, so that what there is not costs nothing.
        ("has_deadlines", "i8"),
        ("has_extras", "i8"),
        ("has_tasks", "i8"),
        ("has_chains", "i8"),  # tasks whose calls are of several workloads
        ("has_users", "i8"),  # in closed loops
        ("user_number", "i8"),  # of the next user
        ("has_hedges", "i8"),
        ("has_caches", "i8"),  # hit rates, or caches of prefixes
        ("has_prefix_caches", "i8"),
        ("has_tiers", "i8"),  # under caches of prompts
        ("has_detours", "i8"),  # several legs, or managed backends
        ("joined", "i8"),  # backends of several pools
        ("has_absences", "i8"),  # backends that are left out for a while
        ("has_budgets", "i8"),
        ("has_transfers", "i8"),  # over links
        ("has_standing", "i8"),  # in lines: batches that give way, adapters, or lines in an order
        ("has_adapters", "i8"),
        ("has_batches", "i8"),  # requests that give way when they run
        ("has_orders", "i8"),  # other than first come first served
        ("has_special_lines", "i8"),  # these, or those over links
        ("day_start_s", "f8"),  # time of the day at time 0
    ],
    align=True,
)
