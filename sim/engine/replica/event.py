"""The next event of a replica, and of all its ranks together."""

from sim.engine.state import tournament
from sim.engine.state.jit import inner
from sim.engine.state.record import Row
from sim.engine.state.state import State


@inner
def set_event(s: State, r: int, event_s: float) -> None:
    """Set the time of the replica's next event."""
    s.event_s[r] = event_s
    tournament.update(s.event_tree, s.event_s, r)


@inner
def set_events(s: State, first: int, pool: Row, event_s: float) -> None:
    """Set the time of the next event of the replica whose first rank has row ``first``."""
    for r in range(first, first + pool.ranks):
        set_event(s, r, event_s)


@inner
def first_rank(s: State, r: int, pool: Row) -> int:
    """Row of the first rank of a replica: those of a replica follow one another."""
    return r - s.replicas[r].member % pool.ranks
