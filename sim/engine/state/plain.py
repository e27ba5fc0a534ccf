"""Fleets without what few have, for which there is a kernel of their own.

A kernel that knows caches, tasks, hedges, links, managed backends and orders of lines asks at each
event whether there are any, is twice as long, and takes twice as long to compile. Where a fleet has
none of them, :func:`is_plain`, it is handed over as a plain one, and what asks finds the answer
below when it is compiled (:class:`sim.engine.state.inlined.TakeAsAbsent`). Results are the same to
the bit.
"""

from collections.abc import Mapping

from sim.engine.state.record import NONE
from sim.engine.state.state import State

OF_CLOCK: Mapping[str, int] = dict.fromkeys(
    (
        "has_extras",
        "has_tasks",
        "has_chains",
        "has_users",
        "has_hedges",
        "has_caches",
        "has_prefix_caches",
        "has_tiers",
        "has_detours",
        "joined",
        "has_absences",
        "has_budgets",
        "has_transfers",
        "has_standing",
        "has_adapters",
        "has_batches",
        "has_orders",
        "has_special_lines",
    ),
    0,
)
OF_POOLS: Mapping[str, int] = {
    "hands_to": NONE,
    "prefix_size": 0,
    "is_apart": 0,
    "ranks": 1,
    "unit_shift": 0,
}
ABSENT: Mapping[str, int] = {**OF_CLOCK, **OF_POOLS}
"""What each of these fields is in a plain fleet, whatever record it is a field of."""


def is_plain(state: State) -> bool:
    """Whether a fleet has nothing of what has fields above."""
    clock = state.clock[0]
    return all(clock[name] == value for name, value in OF_CLOCK.items()) and all(
        (state.pools[name] == value).all() for name, value in OF_POOLS.items()
    )
