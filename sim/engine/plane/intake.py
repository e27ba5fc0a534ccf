"""Requests handed to the data plane: what they bring along beside their times and tokens.

The calls that follow in tasks, and the names of blocks of prompts, are ragged. They stay for as
long as a task or a request needs them; each time requests are fed, what nobody needs goes.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.plane.feed import Feed
from sim.engine.state.record import (
    CALL,
    EXTRA,
    FED,
    FED_EXTRA,
    FED_NAMES,
    FREE,
    NONE,
    Records,
    records,
)
from sim.engine.state.state import State
from sim.model.workload import Chains

_TASK_SESSIONS = 1 << 40  # sessions made up for tasks, apart from those that are fed

IntArray = npt.NDArray[np.int64]


def appended(state: State, requests: Feed, tasks_fed: int) -> State:
    """The same state with more requests to come; ``tasks_fed`` have been fed before."""
    clock = state.clock[0]
    further = requests.session, requests.chains, requests.prefixes
    if not clock.has_extras and any(column is not None for column in further):
        state = with_extras(state)
    if requests.chains is not None:
        clock.has_tasks = 1
    left = slice(int(clock.cursor), int(clock.fed))
    fed = _joined(state.fed[left], len(requests.arrival_s), FED)
    new = fed[left.stop - left.start :]
    new.arrival_s, new.workload = requests.arrival_s, requests.workload
    new.prompt, new.output = requests.prompt_tokens, requests.output_tokens
    new.patience_s = np.inf if requests.patience_s is None else requests.patience_s
    state = state._replace(fed=fed)
    if clock.has_extras:
        state = _with_extras(state, requests, tasks_fed, left)
    clock.cursor, clock.fed = 0, len(fed)
    return state


def with_extras(state: State) -> State:
    """The same state with room for what few requests have, and nobody has it yet."""
    clock = state.clock[0]
    clock.has_extras = 1
    clock.task_number = clock.number
    extras = records(len(state.slots), EXTRA)
    extras.session = extras.task = extras.twin = NONE
    extras.task_number = state.slots.number
    fed_extras = records(len(state.fed), FED_EXTRA)
    fed_extras.session = NONE
    return state._replace(extras=extras, fed_extras=fed_extras)


def _with_extras(state: State, requests: Feed, tasks_fed: int, left: slice) -> State:
    state = _with_calls(_with_names(state, left), left)
    count = len(requests.arrival_s)
    extras = _joined(state.fed_extras[left], count, FED_EXTRA)
    new = extras[len(extras) - count :]
    new.session = NONE if requests.session is None else requests.session
    if (chains := requests.chains) is not None:
        new.calls, new.first_call = chains.count, _starts(chains.count, len(state.calls))
        own = (new.session < 0) & (new.calls > 0)
        new.session[own] = _TASK_SESSIONS + tasks_fed + np.flatnonzero(own)
        calls = _joined(state.calls, len(chains.stage), CALL)
        fresh = calls[len(state.calls) :]
        fresh.stage, fresh.think_s = chains.stage, chains.think_s
        fresh.prompt, fresh.output = chains.prompt_tokens, chains.output_tokens
        state = state._replace(calls=calls)
        _reserve_timers(state, chains)
    if (prefixes := requests.prefixes) is not None:
        new.names, new.first_name = prefixes.count, _starts(prefixes.count, len(state.names))
        state = state._replace(names=np.concatenate([state.names, prefixes.name]))
    return state._replace(fed_extras=extras)


def _reserve_timers(state: State, chains: Chains) -> None:
    """At a step boundary every running request may end a stage, and each sets out the next."""
    if len(chains.stage):
        task = np.repeat(np.arange(len(chains.count)), chains.count)
        stages = np.flatnonzero(np.diff(task) | np.diff(chains.stage))
        widest = int(np.diff(stages, prepend=-1, append=len(task) - 1).max())
        most = max(int(state.pools.max_num_seqs.max()), 1) * widest
        clock = state.clock[0]
        clock.spare_timers = max(int(clock.spare_timers), most)


def _with_calls(state: State, left: slice) -> State:
    """Only the calls of tasks under way and of requests to come."""
    under_way = np.flatnonzero(state.tasks.number != NONE)
    to_come = state.fed_extras[left]
    rows, starts = _kept(
        np.concatenate([state.tasks.first[under_way], to_come.first_call]),
        np.concatenate([state.tasks.calls[under_way], to_come.calls]),
    )
    state.tasks.first[under_way] = starts[: len(under_way)]
    to_come.first_call = starts[len(under_way) :]
    calls = records(len(rows), CALL)
    calls[:] = state.calls[rows]
    return state._replace(calls=calls)


def _with_names(state: State, left: slice) -> State:
    """Only the names of requests in flight and to come."""
    named = np.flatnonzero((state.slots.place != FREE) & (state.extras.naming == FED_NAMES))
    to_come = state.fed_extras[left]
    rows, starts = _kept(
        np.concatenate([state.extras.first_name[named], to_come.first_name]),
        np.concatenate([state.extras.names[named], to_come.names]),
    )
    state.extras.first_name[named] = starts[: len(named)]
    to_come.first_name = starts[len(named) :]
    return state._replace(names=state.names[rows])


def _kept(first: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of ragged pieces that stay, in the order of the pieces, and where each piece then is."""
    starts = _starts(count, 0)
    rows = np.arange(int(count.sum())) + np.repeat(first - starts, count)
    return rows, starts


def _starts(count: npt.NDArray[np.integer], first: int) -> IntArray:
    """Where each of ragged pieces begins."""
    return first + np.cumsum(count, dtype=np.int64) - count


def _joined(before: Records, more: int, dtype: np.dtype[np.void]) -> Records:
    """A copy with room for more rows at the end."""
    rows = records(len(before) + more, dtype)
    rows[: len(before)] = before
    return rows
