"""Requests handed to the data plane: what they bring along beside their times and tokens.

The calls that follow in tasks, and the names of blocks of prompts, are ragged. They stay for as
long as a task or a request needs them; each time requests are fed, what nobody needs goes.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.plane import loops
from sim.engine.plane.feed import Feed
from sim.engine.state.record import (
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
from sim.engine.state.task_record import CALL
from sim.model.workload import Chains

_TASK_SESSIONS = 1 << 40  # sessions made up for tasks, apart from those that are fed

IntArray = npt.NDArray[np.int64]


def appended(state: State, requests: Feed, tasks_fed: int) -> State:
    """The same state with more requests to come; ``tasks_fed`` have been fed before."""
    clock = state.clock[0]
    further = requests.session, requests.chains, requests.prefixes, requests.loop
    if not clock.has_extras and any(column is not None for column in further):
        state = with_extras(state)
    left = slice(int(clock.cursor), int(clock.fed))
    fed = _rows(requests, state.fed[left])
    if clock.has_extras:
        state, extras = _extras(state, requests, tasks_fed, left)
        if requests.loop is not None:
            rows = fed[len(fed) - len(extras) :]
            state, first = loops.with_users(state, requests.loop, rows, extras)
            fed, extras = _joined(state.fed[left], rows[first]), extras[first]
        state = state._replace(fed_extras=_joined(state.fed_extras[left], extras))
    clock.cursor, clock.fed = 0, len(fed)
    return state._replace(fed=fed)


def lengthened(state: State, requests: Feed, users: IntArray, tasks_fed: int) -> State:
    """The same state with more requests at the ends of the lists of these users, by their rows."""
    clock = state.clock[0]
    left = slice(int(clock.cursor), int(clock.fed))
    state, extras = _extras(state, requests, tasks_fed, left)
    assert requests.loop is not None
    return loops.with_sequels(state, users, requests.loop, _rows(requests), extras)


def _rows(requests: Feed, before: Records | None = None) -> Records:
    """What every request has, in rows after those ``before``."""
    kept = 0 if before is None else len(before)
    rows = records(kept + len(requests.arrival_s), FED)
    if before is not None:
        rows[:kept] = before
    new = rows[kept:]
    new.arrival_s, new.workload = requests.arrival_s, requests.workload
    new.prompt, new.output = requests.prompt_tokens, requests.output_tokens
    new.patience_s = np.inf if requests.patience_s is None else requests.patience_s
    return rows


def with_extras(state: State) -> State:
    """The same state with room for what few requests have, and nobody has it yet."""
    clock = state.clock[0]
    clock.has_extras = 1
    clock.task_number = clock.number
    extras = records(len(state.slots), EXTRA)
    extras.session = extras.task = extras.twin = extras.user = NONE
    extras.task_number = state.slots.number
    fed_extras = records(len(state.fed), FED_EXTRA)
    fed_extras.session = fed_extras.user = NONE
    return state._replace(extras=extras, fed_extras=fed_extras)


def _extras(state: State, requests: Feed, tasks_fed: int, left: slice) -> tuple[State, Records]:
    """What few requests have, its calls and names being in the state."""
    state = _with_calls(_with_names(state, left), left)
    new = records(len(requests.arrival_s), FED_EXTRA)
    new.session = NONE if requests.session is None else requests.session
    new.user = NONE
    if (chains := requests.chains) is not None:
        state.clock[0].has_tasks = 1
        new.calls, new.first_call = chains.count, _starts(chains.count, len(state.calls))
        own = (new.session < 0) & (new.calls > 0)
        new.session[own] = _TASK_SESSIONS + tasks_fed + np.flatnonzero(own)
        fresh = records(len(chains.stage), CALL)
        fresh.stage, fresh.think_s = chains.stage, chains.think_s
        fresh.prompt, fresh.output = chains.prompt_tokens, chains.output_tokens
        fresh.workload = chains.workload
        if (chains.workload != NONE).any():
            state.clock[0].has_chains = 1
        state = state._replace(calls=_joined(state.calls, fresh))
        _reserve_timers(state, chains)
    if (prefixes := requests.prefixes) is not None:
        new.names, new.first_name = prefixes.count, _starts(prefixes.count, len(state.names))
        state = state._replace(names=np.concatenate([state.names, prefixes.name]))
    return state, new


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
    under_way, later = np.flatnonzero(state.tasks.number != NONE), loops.to_come(state)
    fed, sequels = state.fed_extras[left], state.sequel_extras
    rows = _kept(
        (state.tasks.first, under_way, state.tasks.calls[under_way]),
        (fed.first_call, np.arange(len(fed)), fed.calls),
        (sequels.first_call, later, sequels.calls[later]),
    )
    calls = records(len(rows), CALL)
    calls[:] = state.calls[rows]
    return state._replace(calls=calls)


def _with_names(state: State, left: slice) -> State:
    """Only the names of requests in flight and to come."""
    named = np.flatnonzero((state.slots.place != FREE) & (state.extras.naming == FED_NAMES))
    later = loops.to_come(state)
    fed, sequels = state.fed_extras[left], state.sequel_extras
    rows = _kept(
        (state.extras.first_name, named, state.extras.names[named]),
        (fed.first_name, np.arange(len(fed)), fed.names),
        (sequels.first_name, later, sequels.names[later]),
    )
    return state._replace(names=state.names[rows])


def _kept(*holders: tuple[IntArray, IntArray, IntArray]) -> IntArray:
    """Rows of ragged pieces that stay; each holder is told where its pieces then begin.

    Parameters
    ----------
    holders : (n,) int64, (m,) int64, (m,) int64 each
        Where pieces begin, which of these are held, and how long they are.
    """
    first = np.concatenate([begins[which] for begins, which, _ in holders])
    count = np.concatenate([own for _, _, own in holders])
    starts, at = _starts(count, 0), 0
    for begins, which, _ in holders:
        begins[which] = starts[at : at + len(which)]
        at += len(which)
    return np.arange(int(count.sum())) + np.repeat(first - starts, count)


def _starts(count: npt.NDArray[np.integer], first: int) -> IntArray:
    """Where each of ragged pieces begins."""
    return first + np.cumsum(count, dtype=np.int64) - count


def _joined(before: Records, after: Records) -> Records:
    """Both, one after the other."""
    rows = records(len(before) + len(after), before.dtype)
    rows[: len(before)], rows[len(before) :] = before, after
    return rows
