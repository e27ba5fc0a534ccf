"""What replicas keep of chains of blocks is what a list of single blocks by last use keeps.

Any order of uses is tried, also those that a fleet hardly ever comes to: that a call finds less
than is kept, and cuts a run in two.
"""

from collections import Counter
from typing import Any

import numba
import numpy as np
from fleets import pool
from naive.cache import Cache, names_of_task

from sim.engine.plane.growth import with_replica_capacity, with_runs
from sim.engine.plane.setup import empty_state
from sim.engine.replica import runs
from sim.engine.state.inlined import EntryCompiler
from sim.engine.state.record import NONE, IntArray
from sim.engine.state.state import State
from sim.engine.state.thin import numbered, thin

REPLICAS, CHAINS, LONGEST, ROOM = 2, 4, 12, 36


@numba.njit(pipeline_class=EntryCompiler)  # which links what the kernel's functions call
def _play(numbers: Any, deeds: Any, room: int, found: Any) -> None:
    """Use and keep blocks, and note how many were found each time."""
    s = thin(numbers)
    for i in range(len(deeds)):
        r, chain, blocks, keeps = deeds[i]
        first = runs.first_of(s, r, chain)
        found[i] = runs.blocks_from(s, first, blocks)
        blocks = min(blocks, room) if keeps else found[i]
        if blocks > 0:
            runs.touch(s, r, chain, first, blocks)
        runs.trim(s, r, room)


def _played(state: State, deeds: IntArray, room: int) -> list[int]:
    found = np.zeros(len(deeds), np.int64)
    _play(numbered(state), deeds, room, found)
    return found.tolist()


def _empty() -> State:
    state = with_replica_capacity(empty_state([pool()], [], 1, 0.0), REPLICAS)
    state.caches.newest = state.caches.oldest = NONE
    return with_runs(state, REPLICAS * (ROOM + 1))


def _naive(caches: list[Cache], deeds: IntArray) -> list[int]:
    found = []
    for r, chain, blocks, keeps in deeds.tolist():
        names = names_of_task(chain, blocks)
        found.append(caches[r].leading(names))
        if keeps:
            caches[r].keep(names)
        else:
            caches[r].use_leading(names)
    return found


def test_chains_kept_as_runs_are_those_of_single_blocks() -> None:
    seen: Counter[str] = Counter()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        room = int(rng.integers(0, ROOM, endpoint=True))
        first, second = _drawn(rng), _drawn(rng)
        caches = [Cache(blocks=room) for _ in range(REPLICAS)]
        state = _empty()
        assert _played(state, first, room) == _naive(caches, first)
        seen["cut in two"] += int(state.caches.runs.sum()) > _chains(caches)
        state = with_runs(state, 2 * len(state.runs))
        assert _played(state, second, room) == _naive(caches, second)
        assert state.caches.blocks.tolist() == [len(cache.kept) for cache in caches]
        in_use = int(state.caches.runs.sum())
        assert in_use + state.clock[0].free_runs == len(state.runs)
        assert in_use <= state.caches.blocks.sum()
        seen["evicted"] += sum(cache.evicted for cache in caches)
    assert seen["cut in two"] > 50
    assert seen["evicted"] > 1000


def _drawn(rng: np.random.Generator) -> IntArray:
    """Replica, chain, blocks, and whether they are kept or, as far as they are there, used."""
    highest = [REPLICAS - 1, CHAINS - 1, LONGEST, 1]
    return rng.integers([0, 0, 1, 0], highest, (100, 4), endpoint=True)


def _chains(caches: list[Cache]) -> int:
    """Chains of which anything is kept."""
    return sum(len({name[1] for name in cache.kept if isinstance(name, tuple)}) for cache in caches)
