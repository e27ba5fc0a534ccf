"""Users in closed loops as the data plane is told of them, and what is asked of their sources.

A user's first request is fed like any other. The others lie in the user's list until the one before
has ended. The lists of an endless loop are filled again when one is empty: all of the loop that are
half empty at once, so that this is seldom.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.plane.growth import grown
from sim.engine.state.record import EVERYBODY, NONE, Records
from sim.engine.state.state import State
from sim.model.closed import LoopRules
from sim.model.workload import Loop

BUFFERED = 1 << 18  # requests to come of a loop, for all its users together
SHARED = 4096  # ... of a list that all users share
PIECES = (2, 256)  # fewest and most that are asked for at once for a user

Numbers = npt.NDArray[np.int64]


class Wanted(NamedTuple):
    """Requests that the lists of users lack, list after list and each in order.

    Attributes
    ----------
    workload : int
    row : (n,) int64
        Of the user to whose list each belongs.
    user : (n,) int64
        Number of that user within the loop; -1 for the list that all of a loop share.
    number : (n,) int64
        How-manieth of its list each is, from 0; a user's first request is in it, too.
    """

    workload: int
    row: Numbers
    user: Numbers
    number: Numbers


def fill_loop(row: Records, rules: LoopRules | None) -> None:
    """Set what holds for the users of a workload."""
    if rules is None:
        return
    row.is_endless, row.shares_list = 1, rules.in_order
    row.closes_s, row.pause_s = rules.closes_s, rules.pause_s
    row.unsent = EVERYBODY if rules.unsent is None else rules.unsent


def to_come(state: State) -> Numbers:
    """Rows of the requests that come after others."""
    return np.flatnonzero(state.sequels.workload != NONE)


def with_users(
    state: State, loop: Loop, rows: Records, extras: Records
) -> tuple[State, npt.NDArray[np.bool_]]:
    """The same state with the users of some requests; which of these are first ones.

    The others are in the lists of the users. ``extras`` is told of the users.
    """
    if not state.clock[0].has_users:  # whatever ends in a step may have one
        state.clock[0].has_users = 1
        state.clock[0].spare_timers += int(state.pools.max_num_seqs.max(initial=1))
    extras.then_s = loop.then_s
    same = (np.diff(loop.user) == 0) & (np.diff(rows.workload) == 0) & (loop.user[1:] >= 0)
    first = np.concatenate([[True], ~same])
    leads = np.flatnonzero(first & (loop.user >= 0))
    state, users = _with_rows(state, len(leads))
    new = state.users
    new.workload[users], new.own[users] = rows.workload[leads], loop.user[leads]
    new.number[users] = state.clock[0].user_number + np.arange(len(leads))
    state.clock[0].user_number += len(leads)
    new.source[users], new.drawn[users] = users, 1
    new.left[users] = new.open[users] = 0
    extras.user[leads] = users
    for w in np.unique(rows.workload[leads]):
        if state.workloads[w].is_endless and state.workloads[w].shares_list:
            state = _with_shared_list(state, int(w))
    later = np.flatnonzero(~first)
    owner = users[np.searchsorted(leads, later, side="right") - 1]
    after = Loop(loop.user[later], loop.then_s[later])
    return with_sequels(state, owner, after, rows[later], extras[later]), first


def with_sequels(state: State, users: Numbers, loop: Loop, rows: Records, extras: Records) -> State:
    """The same state with requests at the ends of lists.

    Parameters
    ----------
    users : (n,) int64
        Row of the user of each list; those of a list stand together, in order.
    loop : Loop
    rows, extras : (n,) FED, (n,) FED_EXTRA
    """
    if not len(rows):
        return state
    state = _with_room(state, len(rows))
    places = np.flatnonzero(state.sequels.workload == NONE)[: len(rows)]
    extras.then_s = loop.then_s
    is_last = np.append(np.diff(users) != 0, True)
    extras.next = np.where(is_last, NONE, np.append(places[1:], NONE))
    state.sequels[places], state.sequel_extras[places] = rows, extras
    last = np.flatnonzero(is_last)
    first = np.concatenate([[0], last[:-1] + 1])
    lists = users[last]
    filled = state.users.left[lists] > 0
    state.sequel_extras.next[state.users.last[lists[filled]]] = places[first[filled]]
    state.users.first[lists[~filled]] = places[first[~filled]]
    state.users.last[lists] = places[last]
    state.users.left[lists] += last - first + 1
    state.users.drawn[lists] += last - first + 1
    return state


def wanted(state: State) -> Wanted:
    """What the lists lack, that of the user first who is about to send a request."""
    users = state.users
    short = users[int(state.timers[0].slot)]
    w, source = int(short.workload), int(short.source)
    if users.number[source] == NONE:
        lists, size = np.array([source]), SHARED
    else:
        lists = np.flatnonzero((users.workload == w) & (users.number != NONE))
        size = _size(len(lists))
        lists = lists[users.left[lists] <= size // 2]
    count = size - users.left[lists]
    ends = np.cumsum(count)
    number = np.arange(ends[-1]) + np.repeat(users.drawn[lists] - (ends - count), count)
    return Wanted(w, np.repeat(lists, count), np.repeat(users.own[lists], count), number)


def _size(lists: int) -> int:
    """How long a list is when it has been filled, of so many."""
    fewest, most = PIECES
    return min(max(BUFFERED // lists, fewest), most)


def _with_shared_list(state: State, w: int) -> State:
    """The users of a loop take their requests from one list."""
    mine = np.flatnonzero(state.users.workload == w)
    lists = mine[state.users.number[mine] == NONE]
    if not len(lists):
        state, lists = _with_rows(state, 1)
        row = state.users[int(lists[0])]
        row.workload, row.number, row.own, row.source = w, NONE, NONE, lists[0]
        row.left = row.drawn = 0
    state.users.source[mine] = lists[0]
    return state


def _with_rows(state: State, count: int) -> tuple[State, Numbers]:
    """The same state with room for so many more users; their rows."""
    have = len(state.users)
    free = np.flatnonzero(state.users.workload == NONE)
    if len(free) < count:
        users = grown(state.users, max(2 * have, have + count))
        users.workload[have:] = NONE
        state = state._replace(users=users)
        free = np.flatnonzero(users.workload == NONE)
    return state, free[:count]


def _with_room(state: State, count: int) -> State:
    """The same state with room for so many more requests that come after others."""
    have = len(state.sequels)
    if int((state.sequels.workload == NONE).sum()) >= count:
        return state
    more = max(2 * have, have + count)
    sequels = grown(state.sequels, more)
    sequels.workload[have:] = NONE
    return state._replace(sequels=sequels, sequel_extras=grown(state.sequel_extras, more))
