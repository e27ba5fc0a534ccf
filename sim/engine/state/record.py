"""The records of the data plane, and the codes in their fields.

A row of ``SEQUENCE`` is a request in flight (its *slot*), a row of ``REPLICA`` a copy of the model,
or one of its ranks, a row of ``POOL`` the engine law and limits that its replicas share, a row of
``WORKLOAD`` what is counted for a workload in the current time bin. The kernel reads and writes
them in place; what is constant lies beside what changes where both are used together, for the
cache's sake.

Integrals over time bins are kept as sums of moments: a count that rises at τ (seconds since the
bin's start) subtracts τ, one that falls adds τ, and the bin's end adds count · width. This is exact
and costs one addition per change.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

# What a replica is doing.
IDLE = 0
LEAP = 1  # decoding, batch unchanged, over `leap` steps
MIXED = 2  # one step of prefill chunks, with decodes riding along
PREFILL = 3  # one step of whole prompts while decodes wait
BOUNDARY = 4  # between two segments
LAID_OUT = 8  # and the mode that follows: a rank that waits for the others of its replica

# Life of a replica, as far as the data plane knows it.
READY, DRAINING, GONE = 0, 1, 2

# Where a request is.
FREE = 0  # an unused slot
BACKING_OFF = 1  # waiting to be sent again
HELD = 2  # waiting at the gateway
WAITING = 3  # in a replica's waiting list
RUNNING = 4  # in a batch
REMOTE = 5  # at a managed backend
STREAMED = 6  # the engine has finished it, and its last tokens are on their way to the client
FETCHING = 7  # it has blocks on a replica, and what is to be in them is on its way
TRAVELLING = 8  # on its way to a backend far from its users

# Whether somebody waits for a sequence.
WANTED = 0
ORPHAN = 1  # its client has gone and the server works on
STOPPING = 2  # its client has gone and it is dropped at the next step boundary

# Latencies with a histogram, per workload.
TTFT, TPOT, E2E, WAIT, TASK_E2E = 0, 1, 2, 3, 4
LATENCIES = {TTFT: "ttft", TPOT: "tpot", E2E: "e2e", WAIT: "queue_wait", TASK_E2E: "task_e2e"}

NONE = -1  # no slot, no replica
EVERYBODY = 1 << 62  # more than there are replicas
_CACHE_LINE = 64  # bytes

# Two cache lines. What is looked at when a sequence begins to decode and when it ends, long after
# anything else of it was, lies in the first.
SEQUENCE = np.dtype(
    [
        ("arrival_s", "f8"),
        ("admitted_s", "f8"),  # first admission to the batch
        ("first_token_s", "f8"),
        ("next", "i4"),  # slot: in the waiting list, the list of chunks, or the free list
        ("prompt", "i4"),
        ("output", "i4"),
        ("generated", "i4"),
        ("prefill", "i4"),  # tokens to prefill: the prompt and what was generated before
        ("cached", "i4"),  # of the prompt, found and not computed before by the attempt
        ("replica", "i4"),
        ("preemptions", "i2"),
        ("attempts", "i2"),
        ("workload", "i2"),
        ("backend", "i2"),
        ("leg", "i1"),  # of those of the workload
        ("degraded", "i1"),
        ("place", "i1"),
        ("interest", "i1"),
        ("ready_s", "f8"),  # through the front end, visible to the scheduler
        ("dispatched_s", "f8"),  # handed to a replica
        ("patience_end_s", "f8"),
        ("number", "i8"),  # of the request, in the order of arrival; NONE if nobody waits for it
        ("serial", "i8"),  # of the attempt
        ("admission", "i8"),  # order of the latest: the largest is the youngest; then its delivery
        ("previous", "i4"),  # in the waiting list
        ("prefilled", "i4"),  # of a preempted one: what it had in the KV cache
        ("spare", "i8"),  # to the end of the line
    ],
    align=True,
)

# What few requests have lies beside the slots, so that the others need not carry it.
EXTRA = np.dtype(
    [
        ("session", "i8"),  # NONE for none
        ("task_number", "i8"),
        ("task", "i8"),  # row of the task, NONE for a request without others after it
        ("twin", "i8"),  # slot of the attempt beside this one: a hedge, or what it hedges
        ("naming", "i8"),
        ("names", "i8"),  # named blocks of the prompt
        ("first_name", "i8"),
        ("held", "i8"),  # of these, those that it shares with the cache of its replica
        ("hedges", "i8"),  # attempts of the request that were hedges
        ("detours", "i8"),  # ... and that went on elsewhere without the client's asking
        ("token_s", "f8"),  # of an attempt at a managed backend: time per token
        ("billing", "i8"),
        ("first_found", "i8"),  # at the request's first admission to a batch; NONE before it
        ("found_later", "i8"),  # of the tokens cached, those beyond it
        ("heir", "i8"),  # slot to which the request of an orphan moved, and its number
        ("heir_number", "i8"),
        ("user", "i8"),  # row of the user in a closed loop who waits for it
        (
            "sent_s",
            "f8",
        ),  # by whoever asks; later than the arrival where other workloads came first
    ],
    align=True,
)

# How the leading blocks of a prompt are named.
UNNAMED = 0
FED_NAMES = 1
ALONE = 2  # after the task: what this call says comes after what was said before
BESIDE = 3  # after the task, as far as it is carried over: other calls are made beside this one

# A process of the front end of a replica.
FRONTEND = np.dtype(
    [
        ("free_s", "f8"),  # when it has worked off what has come to it
        ("done_s", "f8"),  # when it has the tokens of the segment that ended last
        ("folded", "i8"),  # steps of the segment under way of which the tokens have come to it
        ("decoding", "i8"),  # its sequences that decode, where there are several processes
    ],
    align=True,
)


# Three cache lines; what few replicas have use for lies in the third.
REPLICA = np.dtype(
    [
        # The segment under way: a leap of `leap` steps from step number `steps` at `start_s`.
        ("start_s", "f8"),
        ("step_s", "f8"),
        ("growth_s", "f8"),
        ("slowness", "f8"),  # factor on every time of the engine
        ("blocks_since_s", "f8"),  # the integral of used blocks is complete up to here
        ("blocks_then", "f8"),  # used blocks at that time
        ("steps", "i8"),  # in units: what a sequence that decoded from the first would have made
        ("cached", "i8"),  # K: units in the caches of decoding sequences, at the start
        ("leap", "i4"),
        ("free_blocks", "i4"),  # at the start, prefills under way taken off
        ("decoding", "i4"),  # B
        ("running", "i4"),  # decoding and prefilling
        ("outstanding", "i4"),  # routed here, and not yet answered
        ("stopping", "i4"),  # of the running, those that are dropped at the next boundary
        ("chunks", "i4"),  # ... and those whose prefill ends with the step under way
        ("head", "i4"),  # waiting list, first to be admitted first
        ("tail", "i4"),
        ("chunk_head", "i4"),  # sequences whose prefill ends with the step under way
        ("chunk_tail", "i4"),
        ("partial", "i4"),  # the one sequence that is prefilled in part
        ("pool", "i4"),
        ("member", "i4"),  # index within the pool
        ("mode", "i4"),
        ("life", "i4"),
        ("of_batches", "i4"),  # of the outstanding, those of workloads that give way
        ("reserved", "i4"),  # blocks that the running may come to need, where all are set aside
        ("next_process", "i4"),  # of the front end, which take attempts in turn
        ("next_emptied", "i4"),
        ("fetched", "i8"),  # the last of those at the head of the line whose tokens are there
        ("leases", "i8"),  # sequences that are elsewhere, and for which it keeps blocks
        ("has_news", "i8"),  # amid a boundary, of a rank that has had its turn
        # Of a line that has an order: the tree of those who are ready, the first of those who are
        # not, and how many have come.
        ("root", "i8"),
        ("unready", "i8"),
        ("lined_up", "i8"),
    ],
    align=True,
)

# A decoding sequence, under the step with which it ends: an eighth of a cache line.
ENTRY = np.dtype([("step", "i4"), ("slot", "i4")], align=True)

WORKLOAD = np.dtype(
    [
        ("first_leg", "i8"),
        ("routes", "i8"),  # legs that requests begin with, the first of them all
        ("falls_after_rejection", "i8"),
        ("falls_after_failure", "i8"),
        ("falls_after_timeout", "i8"),
        ("overflow_queue", "f8"),
        ("degrade_queue", "f8"),
        ("degraded_output", "f8"),
        ("prefix_block_tokens", "i8"),  # of the backends that keep prompts
        ("slo_ttft_s", "f8"),
        ("slo_tpot_s", "f8"),
        ("slo_e2e_s", "f8"),
        ("priority", "i8"),
        ("gives_way", "i8"),  # whether its requests leave a batch for others
        ("gives_way_for_s", "f8"),  # ... for so long from their arrival
        ("gives_way_after_s", "f8"),  # ... when these have waited for so long
        ("max_concurrency", "f8"),
        ("inside", "i8"),  # attempts in the pool
        ("carry", "f8"),
        ("prefix_hit_rate", "f8"),
        ("response_hit_rate", "f8"),
        ("response_s", "f8"),
        # The client.
        ("hedge_s", "f8"),
        ("ttft_timeout_s", "f8"),
        ("timeout_s", "f8"),
        ("server_stops", "i8"),
        ("max_retries", "i8"),
        ("base_s", "f8"),
        ("cap_s", "f8"),
        ("jitter", "i8"),
        ("after_timeout", "i8"),
        ("after_rejection", "i8"),
        ("after_failure", "i8"),
        ("retry_after_limit_s", "f8"),
        ("gives_up_beyond", "i8"),
        # The retry budget: tokens now, and its rules; infinite tokens for none.
        ("tokens", "f8"),
        ("capacity", "f8"),
        ("cost", "f8"),
        ("timeout_cost", "f8"),
        ("per_request", "f8"),
        ("per_success", "f8"),
        # The closed loop: whether its users go on and on, until when, and how many requests are
        # still to be set out; the least wait after one that came to nothing, or took no time.
        ("is_endless", "i8"),
        ("shares_list", "i8"),
        ("closes_s", "f8"),
        ("unsent", "i8"),
        ("pause_s", "f8"),
        # Counts of the bin under way, of requests that arrived at time 0 or later.
        ("requests", "i8"),
        ("attempts", "i8"),
        ("retries", "i8"),
        ("retries_withheld", "i8"),  # that the budget had no tokens for: the request ends
        ("hedges", "i8"),
        ("fallbacks", "i8"),
        ("escalations", "i8"),
        ("degraded", "i8"),  # completed, and shortened
        ("response_hits", "i8"),
        ("tasks", "i8"),  # by the arrival of their first requests, like the two that follow
        ("tasks_completed", "i8"),
        ("tasks_failed", "i8"),
        ("completed", "i8"),
        ("timed_out", "i8"),
        ("rejected", "i8"),
        ("failed", "i8"),
        ("gave_up", "i8"),
        ("wasted_tokens", "i8"),  # prefilled or generated for nobody, or dropped and done again
        ("slo_met", "i8"),
        ("offered_prompt_tokens", "i8"),  # of all that arrived
        ("offered_output_tokens", "i8"),
        ("offered_prompt_squares", "f8"),  # sum of the squares of their prompts
        ("offered_context", "f8"),  # tokens in the caches at their decode steps, together
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("cached_tokens", "i8"),  # of the prompt tokens, not computed for the answer
        ("found_later_tokens", "i8"),  # of these, beyond what was found at the first admission
        ("found_again_tokens", "i8"),  # by preempted ones, of what they had had
        ("preemptions", "i8"),
        ("task_s", "f8"),  # sum over completed tasks
        ("ttft_s", "f8"),  # sums over completed requests
        ("tpot_s", "f8"),
        ("e2e_s", "f8"),
        ("queue_wait_s", "f8"),
        ("multi_token", "i8"),  # completed requests of two tokens or more, which have a TPOT
        ("shed", "i8"),  # attempts that were turned away as sheddable
        # What few workloads have.
        ("sheds", "i8"),  # whether it is sheddable: looked at beyond a max_concurrency of 0
        ("most_inside", "f8"),  # attempts in the pool: its true limit
        ("due_s", "f8"),  # from its arrival to when a request is to be answered, or to begin
        ("tenant", "i8"),
    ],
    align=True,
)

REQUEST = np.dtype(
    [
        ("arrival_s", "f8"),
        ("dispatched_s", "f8"),
        ("ready_s", "f8"),
        ("admitted_s", "f8"),
        ("first_token_s", "f8"),
        ("finish_s", "f8"),
        ("prompt_tokens", "i4"),
        ("output_tokens", "i4"),
        ("workload", "i4"),
        ("backend", "i4"),
        ("replica", "i4"),
        ("status", "i4"),
        ("attempts", "i4"),
        ("preemptions", "i4"),
        ("cached_tokens", "i4"),
        ("degraded", "i2"),  # whether its answer was to be shortened
        ("rank", "i2"),  # of its replica
        ("task", "i8"),  # fed as the how-manieth
    ],
    align=True,
)

TIMER = np.dtype(
    [
        ("time_s", "f8"),
        ("order", "i8"),  # of scheduling, for timers of one instant
        ("number", "i8"),  # of the request, to tell whether it is still the one meant
        ("slot", "i4"),
        ("kind", "i4"),
    ],
    align=True,
)

# Deadlines of one kind and workload come in the order of sending: a ring holds them.
DEADLINE = np.dtype([("time_s", "f8"), ("serial", "i8"), ("slot", "i8")], align=True)
FED = np.dtype(
    [
        ("arrival_s", "f8"),
        ("patience_s", "f8"),  # infinite for none
        ("prompt", "i4"),
        ("output", "i4"),
        ("workload", "i8"),
    ],
    align=True,
)

# What few of the fed requests have.
FED_EXTRA = np.dtype(
    [
        ("session", "i8"),
        ("first_call", "i8"),
        ("calls", "i8"),
        ("first_name", "i8"),
        ("names", "i8"),
        ("user", "i8"),
        ("then_s", "f8"),  # from its end to the user's next; NaN if there is none
        ("next", "i8"),  # of the user's requests to come; NONE for the last
    ],
    align=True,
)

RING = np.dtype([("first", "i8"), ("count", "i8")], align=True)
# The first deadline of a ring.
FIRST = np.dtype([("time_s", "f8"), ("order", "i8"), ("ring", "i8"), ("slot", "i8")], align=True)

Records = Any  # np.recarray of one of the types above; NumPy's typing knows no fields
Row = Any  # one row of such an array
IntArray = npt.NDArray[np.int64]
SlotArray = npt.NDArray[np.int64]
CountArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]


def records(count: int | tuple[int, ...], dtype: np.dtype[np.void]) -> Records:
    """Zeroed rows whose fields can be read as attributes, from a cache line's start."""
    return zeros(count, dtype).view(np.recarray)


def zeros(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of zeros from a cache line's start."""
    bytes_ = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    room = np.zeros(bytes_ + _CACHE_LINE, np.uint8)
    first = -room.ctypes.data % _CACHE_LINE
    return room[first : first + bytes_].view(dtype).reshape(shape)


def whole_lines(count: int, dtype: np.dtype[np.void]) -> int:
    """At least so many rows that fill whole cache lines."""
    rows = _CACHE_LINE // dtype.itemsize
    return -(-count // rows) * rows
