"""Routers: which replica of a pool takes a request.

Only ready replicas are routed to. A router sees what a gateway can see: how many requests each
replica has outstanding, never how long they will be.
"""

from sim.engine import tournament
from sim.engine.hashing import uniform
from sim.engine.jit import inner
from sim.engine.state import State

ROUND_ROBIN, RANDOM, LEAST_LOADED, POWER_OF_TWO = 0, 1, 2, 3
ROUTERS = {
    "round_robin": ROUND_ROBIN,
    "random": RANDOM,
    "least_loaded": LEAST_LOADED,
    "power_of_two": POWER_OF_TWO,
}


@inner
def route(s: State, p: int, number: int) -> int:
    """Replica of pool ``p``, which has a ready one, for the attempt ``number``."""
    pool = s.pools[p]
    if pool.router == ROUND_ROBIN:
        return _round_robin(s, p)
    if pool.ready == 1:
        return s.rosters[p, 1, 0]
    if pool.router == LEAST_LOADED:
        return _least_loaded(s, p)
    if pool.router == RANDOM:
        return _drawn(s, p, number, 0)
    return _power_of_two(s, p, number)


@inner
def set_load(s: State, r: int) -> None:
    """Tell the router of a change in what replica ``r`` has outstanding."""
    replica = s.replicas[r]
    p = replica.pool
    if s.pools[p].tracks_load and s.load[p, replica.member] < float("inf"):
        s.load[p, replica.member] = replica.outstanding
        tournament.update(s.load_tree[p], s.load[p], replica.member)


@inner
def _least_loaded(s: State, p: int) -> int:
    return s.rosters[p, 0, s.load_tree[p, 1]]


@inner
def _round_robin(s: State, p: int) -> int:
    pool = s.pools[p]
    at = pool.cursor if pool.cursor < pool.ready else 0
    pool.cursor = at + 1
    return s.rosters[p, 1, at]


@inner
def _drawn(s: State, p: int, number: int, draw: int) -> int:
    at = int(uniform(s.clock[0].routing_key, number, draw) * s.pools[p].ready)
    return s.rosters[p, 1, at]


@inner
def _power_of_two(s: State, p: int, number: int) -> int:
    one = _drawn(s, p, number, 0)
    two = _drawn(s, p, number, 1)
    return two if s.replicas[two].outstanding < s.replicas[one].outstanding else one
