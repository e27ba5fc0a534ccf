"""Routers: which replica of a pool takes a request.

Only ready replicas are routed to. A router sees what a gateway can see: how many requests each
replica has outstanding, never how long they will be. Among equally loaded replicas the one takes a
request that was handed one longest ago, so that they take turns, as those of nginx's `least_conn`
do; a replica that never had one comes first, the older before the younger.
"""

import math

from sim.engine.gateway import scoring
from sim.engine.replica import prefix
from sim.engine.state import tournament
from sim.engine.state.hashing import jump, mixed, uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE, WIDE, ZERO, whole
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State

ROUND_ROBIN, RANDOM, LEAST_LOADED, POWER_OF_TWO, SESSION, PREFIX, SCORED = 0, 1, 2, 3, 4, 5, 6
ROUTERS = {
    "round_robin": ROUND_ROBIN,
    "random": RANDOM,
    "least_loaded": LEAST_LOADED,
    "power_of_two": POWER_OF_TWO,
    "session": SESSION,
    "prefix": PREFIX,
    "scored": SCORED,
}
STICKY = (SESSION, PREFIX, SCORED)
BY_LOAD = (LEAST_LOADED, SESSION, PREFIX, SCORED)

_SESSION_DRAW = whole(11)

# A load is the number of outstanding requests and, as a fraction, the turn. Both fit exactly into
# a float for 6.9e10 turns of a pool, then they begin anew, and 131,072 requests on a replica.
_TURN, _LAST_TURN = 2.0**-36, whole((1 << 36) - 1)


@inner
def route(s: State, p: int, slot: int, now: float) -> int:
    """Replica of pool ``p``, which has a ready one, for the attempt in a slot."""
    pool = s.pools[p]
    if pool.router == ROUND_ROBIN:
        return in_turn(s, p)
    if pool.routable == 1:
        return s.rosters[p, 1, 0]
    if pool.router == LEAST_LOADED:
        return least_loaded(s, p)
    if pool.router in STICKY:
        return _sticky(s, p, slot, now)
    return _by_chance(s, p, serial_of(s, slot))


@inner
def serial_of(s: State, slot: int) -> int:
    """Of an attempt, which may come from another pool when nobody waits for it any more."""
    if s.clock[0].has_transfers:
        return s.transfers[slot].serial
    return s.slots[slot].serial


@inner
def set_load(s: State, r: int) -> None:
    """Tell the router of a change in what replica ``r`` has outstanding."""
    replica = s.replicas[r]
    p = WIDE + replica.pool
    before = s.load[p, replica.member]
    if s.pools[p].tracks_load and before < math.inf:
        _set(s, p, replica, before - math.floor(before))


@inner
def hand_over(s: State, r: int) -> None:
    """Count a request that replica ``r`` takes, which has had its turn."""
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    replica.outstanding += 1
    if pool.tracks_load:
        pool.turns = pool.turns + 1 if pool.turns < _LAST_TURN else 0
        _set(s, WIDE + replica.pool, replica, pool.turns * _TURN)


@inner
def _set(s: State, p: int, replica: Row, turn: float) -> None:
    s.load[p, replica.member] = replica.outstanding + turn
    tournament.update(s.load_tree[p], s.load[p], WIDE + replica.member)


@inner
def least_loaded(s: State, p: int) -> int:
    """The ready replica of a pool that has fewest requests."""
    return s.rosters[p, 0, tournament.first(s.load_tree[p], s.load[p])]


@inner_apart
def beside_batches(s: State, p: int) -> int:
    """The replica that has fewest requests but for those of batches, below its limit; or NONE.

    Those give way there. Without any on it a replica has no more room than for everybody.
    """
    pool = s.pools[p]
    best, fewest, turn = WIDE + NONE, pool.replica_limit, 0.0
    for at in range(pool.routable):
        r = s.rosters[p, 1, at]
        replica = s.replicas[r]
        others, load = replica.outstanding - replica.of_batches, _load(s, p, r)
        own_turn = load - math.floor(load)
        is_better = others < fewest or (others == fewest and best != NONE and own_turn < turn)
        if replica.of_batches > 0 and is_better:
            best, fewest, turn = r, others, own_turn
    return best


@inner
def in_turn(s: State, p: int) -> int:
    """The next ready replica of a pool in a round."""
    pool = s.pools[p]
    at = pool.cursor if pool.cursor < pool.routable else 0
    pool.cursor = at + 1
    return s.rosters[p, 1, at]


@inner_apart
def _sticky(s: State, p: int, slot: int, now: float) -> int:
    """Where a session or a prefix belongs, or else, and if that has no room, the least loaded."""
    pool = s.pools[p]
    if pool.router == SESSION:
        r = _of_session(s, p, slot)
    elif pool.router == PREFIX:
        r = _of_prefix(s, p, slot, now)
    else:
        r = scoring.best(s, p, slot, now)
    if r != NONE and s.replicas[r].outstanding < pool.replica_limit:
        return r
    return least_loaded(s, p)


@inner_apart
def _of_session(s: State, p: int, slot: int) -> int:
    """The replica that all requests of a session go to, as long as the same ones are ready."""
    session = s.extras[slot].session if s.clock[0].has_extras else NONE
    if session < 0:
        return NONE
    key = mixed(s.clock[0].routing_key, session, _SESSION_DRAW)
    return s.rosters[p, 1, jump(key, s.pools[p].routable)]


@inner_apart
def _of_prefix(s: State, p: int, slot: int, now: float) -> int:
    """The replica that keeps most of the prompt's leading blocks, unless it is too busy.

    Too busy are those with more than twice as many requests as the least loaded, and four more.
    """
    if not s.clock[0].has_extras or s.extras[slot].names == 0:
        return NONE
    limit = 2.0 * math.floor(s.load_tree[p, tournament.ROOT]) + 4.0
    best, most = WIDE + NONE, 0
    for at in range(s.pools[p].routable):
        r = s.rosters[p, 1, at]
        if s.replicas[r].outstanding > limit:
            continue
        prefix.settle_now(s, r, now)
        blocks = prefix.points(s, r, slot)
        if best == NONE or blocks > most or (blocks == most and _load(s, p, r) < _load(s, p, best)):
            best, most = r, blocks
    return best


@inner
def _load(s: State, p: int, r: int) -> float:
    return s.load[p, s.replicas[r].member]


@inner
def _drawn(s: State, p: int, number: int, draw: int) -> int:
    at = int(uniform(s.clock[0].routing_key, number, draw) * s.pools[p].routable)
    return s.rosters[p, 1, at]


@inner
def _by_chance(s: State, p: int, number: int) -> int:
    one = _drawn(s, p, number, ZERO)
    if s.pools[p].router == RANDOM:
        return one
    two = _drawn(s, p, number, ONE)
    return two if s.replicas[two].outstanding < s.replicas[one].outstanding else one
