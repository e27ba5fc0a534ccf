"""Variants: pools of several services behind one router, such as H100 beside L40S for one model.

A backend with variants has a row of its own, with its gateway and what that holds, and replicas
only in the pools that it joins. A replica has a weight, by its speed or its price: a router by load
compares requests over weight, with the one that is to come, and draws and rounds give each its
weight's share. With equal weights all is as in one pool of all replicas, but for the order of a
round: it is the smooth weighted one of nginx among the pools, and plain within each.
"""

import math

from sim.engine.gateway import routing
from sim.engine.replica import prefix
from sim.engine.state import tournament
from sim.engine.state.backend_record import VARIANT, VARIANTS
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE, WIDE, ZERO
from sim.engine.state.record import NONE
from sim.engine.state.state import State


@inner
def whole(s: State, b: int) -> int:
    """The backend that a pool is a variant of, or itself."""
    provider = s.providers[b]
    return WIDE + provider.variants if provider.kind == VARIANT else b


@inner_apart
def waiting(s: State, b: int) -> int:
    """Requests that wait at a backend: at its gateway and on its replicas."""
    count = s.pools[b].waiting + 0
    if s.providers[b].kind == VARIANTS:
        m = s.providers[b].first_variant
        while m != NONE:
            count += s.pools[m].waiting
            m = s.providers[m].next_variant
    return count


@inner_apart
def has_room(s: State, b: int, most: float) -> bool:
    """Whether fewer wait at a backend than are too many for who may go on to another.

    Nobody waits where all are turned away, as no replica is ready or to come: there is none.
    """
    count = s.pools[b].routable + 0
    if s.providers[b].kind == VARIANTS:
        count = routable(s, b)
    return (count > 0 or s.pools[b].holds > 0) and waiting(s, b) < most


@inner_apart
def outstanding(s: State, g: int) -> int:
    """Requests that are held, or on a replica of a variant."""
    count = s.pools[g].outstanding + 0
    m = s.providers[g].first_variant
    while m != NONE:
        count += s.pools[m].outstanding
        m = s.providers[m].next_variant
    return count


@inner_apart
def routable(s: State, g: int) -> int:
    """Replicas, or ranks of them, that are routed to."""
    count = ZERO
    m = s.providers[g].first_variant
    while m != NONE:
        count += s.pools[m].routable
        m = s.providers[m].next_variant
    return count


@inner_apart
def places(s: State, g: int) -> int:
    """Requests that these can have in their batches."""
    count = ZERO
    m = s.providers[g].first_variant
    while m != NONE:
        count += s.pools[m].routable * s.pools[m].max_num_seqs
        m = s.providers[m].next_variant
    return count


@inner_apart
def tell_held(s: State, g: int) -> None:
    """Have each of the pools say that so many requests are held before it."""
    m = s.providers[g].first_variant
    while m != NONE:
        s.pools[m].held = s.pools[g].held
        m = s.providers[m].next_variant


@inner_apart
def choose(s: State, g: int, slot: int, now: float) -> int:
    """The replica of any variant for the attempt in a slot, or NONE if there is no room."""
    if routable(s, g) == 0:
        return WIDE + NONE
    router = s.pools[g].router
    if router == routing.ROUND_ROBIN:
        return _in_turn(s, g)
    if router == routing.RANDOM:
        return _drawn(s, g, slot, ZERO)
    if router == routing.POWER_OF_TWO:
        one, two = _drawn(s, g, slot, ZERO), _drawn(s, g, slot, ONE)
        return two if _load(s, two) < _load(s, one) else one
    if router == routing.PREFIX:
        r = _of_prefix(s, g, slot, now)
        if r != NONE and s.replicas[r].outstanding < s.pools[s.replicas[r].pool].replica_limit:
            return r
    return _least_loaded(s, g)


@inner
def _load(s: State, r: int) -> float:
    """Requests for each unit of a replica's weight, were it given one more."""
    replica = s.replicas[r]
    return (replica.outstanding + 1) / s.providers[replica.pool].weight


@inner
def _turn(s: State, r: int) -> float:
    """How late a replica had its turn, where loads are kept."""
    load = s.load[s.replicas[r].pool, s.replicas[r].member]
    return load - math.floor(load)


@inner
def _is_less(s: State, r: int, other: int) -> bool:
    """Whether a replica is less loaded than another, or as much, and had its turn before it."""
    mine, its = _load(s, r), _load(s, other)
    if mine != its:
        return mine < its
    mine, its = _turn(s, r), _turn(s, other)
    return mine < its or (mine == its and r < other)


@inner_apart
def _least_loaded(s: State, g: int) -> int:
    best = WIDE + NONE
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        pool = s.pools[m]
        if pool.routable > 0 and s.load_tree[m, tournament.ROOT] < pool.replica_limit:
            r = routing.least_loaded(s, m)
            if best == NONE or _is_less(s, r, best):
                best = r
        m = WIDE + s.providers[m].next_variant
    return best


@inner
def _weight(s: State, m: int) -> float:
    """Of all replicas of a variant that are routed to."""
    return s.providers[m].weight * s.pools[m].routable


@inner
def _all(s: State, g: int) -> float:
    total = 0.0
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        total += _weight(s, m)
        m = WIDE + s.providers[m].next_variant
    return total


@inner_apart
def _in_turn(s: State, g: int) -> int:
    """Each variant gains its weight; the richest has the turn, and pays for all."""
    best = WIDE + NONE
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        s.providers[m].credit += _weight(s, m)
        if s.pools[m].routable > 0 and (
            best == NONE or s.providers[m].credit > s.providers[best].credit
        ):
            best = m
        m = WIDE + s.providers[m].next_variant
    s.providers[best].credit -= _all(s, g)
    return routing.in_turn(s, best)


@inner_apart
def _drawn(s: State, g: int, slot: int, draw: int) -> int:
    """A replica by chance, in proportion to its weight."""
    left = uniform(s.clock[0].routing_key, routing.serial_of(s, slot), draw) * _all(s, g)
    last = WIDE + NONE
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        if s.pools[m].routable > 0:
            last = m
            if left < _weight(s, m):
                break
            left -= _weight(s, m)
        m = WIDE + s.providers[m].next_variant
    at = min(int(left / s.providers[last].weight), s.pools[last].routable - 1)
    return s.rosters[last, 1, at]


@inner_apart
def _of_prefix(s: State, g: int, slot: int, now: float) -> int:
    """The replica that keeps most of the prompt's leading blocks, unless it is too busy.

    As in one pool: with more than twice as many requests as the least loaded, and four more.
    """
    if not s.clock[0].has_extras or s.extras[slot].names == 0:
        return WIDE + NONE
    least = _least(s, g)
    best, most = WIDE + NONE, 0
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        limit = 2.0 * least * s.providers[m].weight + 4.0
        for at in range(s.pools[m].routable):
            r = WIDE + s.rosters[m, 1, at]
            if s.replicas[r].outstanding > limit:
                continue
            prefix.settle_now(s, r, now)
            blocks = prefix.points(s, r, slot)
            if best == NONE or blocks > most or (blocks == most and _is_less(s, r, best)):
                best, most = r, blocks
        m = WIDE + s.providers[m].next_variant
    return best


@inner
def _least(s: State, g: int) -> float:
    """Fewest requests of a replica for each unit of its weight."""
    least = math.inf
    m = WIDE + s.providers[g].first_variant
    while m != NONE:
        if s.pools[m].routable > 0:
            own = math.floor(s.load_tree[m, tournament.ROOT]) / s.providers[m].weight
            least = min(least, own)
        m = WIDE + s.providers[m].next_variant
    return least
