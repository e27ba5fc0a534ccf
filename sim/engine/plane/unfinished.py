"""What is unfinished at an instant: requests in flight, tasks under way, and the log with both."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.state.record import NONE, Records
from sim.engine.state.state import State

_ATTEMPT_COLUMNS = (
    "attempts",
    "backend",
    "degraded",
    "replica",
    "dispatched_s",
    "ready_s",
    "admitted_s",
    "first_token_s",
    "preemptions",
)


class Tasks(NamedTuple):
    """Tasks that have neither been completed nor failed.

    Attributes
    ----------
    workload : (n,) int64
    arrival_s : (n,) float64
        Of their first requests.
    """

    workload: npt.NDArray[np.int64]
    arrival_s: npt.NDArray[np.float64]


def requests(state: State, now_s: float) -> Records:
    """The requests in flight, as rows of ``SEQUENCE``; of a hedged one the first attempt.

    They do not know when the front end will have passed on a first token.
    """
    at = slots(state)
    rows = state.slots[at]
    if state.clock[0].has_transfers:  # when they were sent to who has computed their prompts
        sent = state.transfers[at]
        for column in ("dispatched_s", "ready_s"):
            rows[column] = np.where(sent.home != NONE, sent[column], rows[column])
    rows.first_token_s[rows.first_token_s > now_s] = np.nan
    return rows


def tasks(state: State) -> Tasks:
    """The tasks under way; a request that nothing follows is one of its own."""
    open_ones = slots(state)
    if state.clock[0].has_tasks:
        open_ones = open_ones[state.extras.task[open_ones] == NONE]
    alone, rows = state.slots[open_ones], state.tasks
    rows = rows[(rows.number != NONE) & (rows.failed == 0)]
    return Tasks(
        np.concatenate([alone.workload.astype(np.int64), rows.workload]),
        np.concatenate([alone.arrival_s, rows.arrival_s]),
    )


def slots(state: State) -> npt.NDArray[np.int64]:
    """Slots of the requests in flight."""
    rows = state.slots
    found = np.flatnonzero(rows.number != NONE)
    if state.clock[0].has_hedges:
        found = found[np.argsort(rows.serial[found], kind="stable")]
        found = found[np.unique(rows.number[found], return_index=True)[1]]
    return found


def log(state: State, now_s: float) -> Records:
    """One row of ``REQUEST`` per arrived request, those in flight among them."""
    rows = state.log[: int(state.clock[0].number)].copy()
    if state.clock[0].recording:  # the kernel writes a row when its request ends
        open_ones = requests(state, now_s)
        numbers = open_ones.number
        rows.output_tokens[numbers] = open_ones.output
        rows.cached_tokens[numbers] = open_ones.cached
        if state.clock[0].has_prefix_caches:
            rows.cached_tokens[numbers] -= state.extras.found_later[slots(state)]
        for column in _ATTEMPT_COLUMNS:
            rows[column][numbers] = open_ones[column]
    return rows
