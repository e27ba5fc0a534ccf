"""What the events to come will look at, asked for while this one is worked on.

Only in large fleets: the state of a small one is close by.
"""

from sim.engine.state import tournament
from sim.engine.state.fetch import fetch
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.state import State

LARGE = 256  # rows of replicas, from which on it is worth while


@inner_apart
def look(s: State, r: int) -> None:
    """Before the event of a replica: its sequences, and the replica that probably comes next."""
    fetch(s.slots, s.heap[r, 0].slot)
    fetch(s.slots, s.replicas[r].head)
    after = tournament.second(s.event_tree, s.event_s)
    _fetch_replica(s, after)
    fetch(s.heap, after)
    fetch(s.block_phase, after)


@inner_apart
def look_for(s: State, p: int) -> None:
    """After an arrival at a pool: the replica that probably takes the next."""
    _fetch_replica(s, s.rosters[p, 0, tournament.first(s.load_tree[p], s.load[p])])


@inner
def _fetch_replica(s: State, r: int) -> None:
    fetch(s.replicas, r)
    fetch(s.frontends, r)
