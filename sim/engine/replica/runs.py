"""Runs of blocks of prompts that each replica keeps, by last use.

Blocks that always come one after the other, as those of a task do, are a *chain*. Whoever uses
blocks of a chain uses the first ones, the very first as the last of them, so that of each chain a
replica keeps the first blocks without a gap, and earlier blocks have been used later than those
after them. Blocks used together lie in the list by last use side by side: they are one *run* there,
and to find, to use or to drop them costs the same whatever their number. A chain has one run, or
several where fewer of its blocks were used than are kept. A block with a name of its own is a chain
of one.

The first run of a chain is found through a hash table over all replicas. A replica has a list of
its runs from the most to the least recently used; when it holds more blocks than it may, the last
blocks of the last run go.
"""

import numpy as np

from sim.engine.state.hashing import mixed_once
from sim.engine.state.jit import compiled, inner, inner_apart
from sim.engine.state.record import NONE, IntArray, Row
from sim.engine.state.state import State
from sim.engine.state.thin import thin

_POSITIVE = 0x7FFF_FFFF_FFFF_FFFF


@inner
def first_of(s: State, r: int, name: int) -> int:
    """First run of a chain on replica ``r``, or NONE."""
    run = s.buckets[_bucket(s, r, name)]
    while run != NONE and (s.runs[run].name != name or s.runs[run].replica != r):
        run = s.runs[run].next
    return run


@inner
def blocks_from(s: State, run: int, most: int) -> int:
    """Blocks of a chain from its first run on, at most ``most``."""
    blocks = 0
    while run != NONE and blocks < most:
        blocks += s.runs[run].blocks
        run = s.runs[run].rest
    return min(blocks, most)


@inner_apart
def touch(s: State, r: int, name: int, first: int, blocks: int) -> None:
    """The first ``blocks`` of a chain, of which ``first`` is the first run, are kept and just used.

    At least one block. Those that were not kept are added, whether there is room for them or not.
    """
    kept, rest = 0, first
    while rest != NONE and kept < blocks:
        row = s.runs[rest]
        if kept + row.blocks > blocks:  # the later blocks of this run are not used
            row.blocks -= blocks - kept
            kept = blocks
        else:
            kept += row.blocks
            run, rest = rest, row.rest
            unlist(s, r, run)
            if run != first:
                _give_back(s, r, run)
    run = first
    if rest == first:  # the first run is not used up, or there was none
        if first != NONE:
            _out_of_bucket(s, first)
        run = _take_free(s, r, name)
    row = s.runs[run]
    row.blocks, row.rest = blocks, rest
    if rest != NONE:
        s.runs[rest].before = run
    s.caches[r].blocks += blocks - kept
    list_newest(s, r, run)


@inner_apart
def touch_one(s: State, r: int, name: int) -> None:
    """The same for a chain of one block."""
    run = first_of(s, r, name)
    if run == NONE:
        run = _take_free(s, r, name)
        s.runs[run].blocks, s.runs[run].rest = 1, NONE
        s.caches[r].blocks += 1
    else:
        unlist(s, r, run)
    list_newest(s, r, run)


@inner_apart
def trim(s: State, r: int, room: int) -> None:
    """Drop the least recently used blocks until there are no more than ``room``."""
    cache: Row = s.caches[r]
    while cache.blocks > room:
        run = cache.oldest
        row = s.runs[run]
        excess = cache.blocks - room
        if row.blocks > excess:
            row.blocks -= excess
            cache.blocks -= excess
        else:
            cache.blocks -= row.blocks
            _drop(s, r, run)


@compiled
def hash_all(numbers: IntArray) -> None:
    """Put the first run of every chain into its bucket of an empty table."""
    s = thin(numbers)
    for run in range(len(s.runs)):
        if s.runs[run].blocks > 0 and s.runs[run].before == NONE:
            into_bucket(s, run)


@inner
def _bucket(s: State, r: int, name: int) -> int:
    return int(mixed_once(np.uint64(r), name & _POSITIVE) & np.uint64(len(s.buckets) - 1))


@inner
def into_bucket(s: State, run: int) -> None:
    """Have the first run of a chain found by its name."""
    row = s.runs[run]
    at = _bucket(s, row.replica, row.name)
    row.next = s.buckets[at]
    s.buckets[at] = run


@inner
def _out_of_bucket(s: State, run: int) -> None:
    row = s.runs[run]
    at = _bucket(s, row.replica, row.name)
    if s.buckets[at] == run:
        s.buckets[at] = row.next
    else:
        before = s.buckets[at]
        while s.runs[before].next != run:
            before = s.runs[before].next
        s.runs[before].next = row.next


@inner
def _take_free(s: State, r: int, name: int) -> int:
    """A new first run of a chain."""
    run = take_free(s, r, name)
    s.runs[run].before = NONE
    into_bucket(s, run)
    return run


@inner
def take_free(s: State, r: int, name: int) -> int:
    """A new run of a chain, which is nowhere yet."""
    clock = s.clock[0]
    run = clock.free_run
    row = s.runs[run]
    clock.free_run = row.next
    clock.free_runs -= 1
    s.caches[r].runs += 1
    row.name, row.replica, row.holders = name, r, 0
    return run


@inner
def _give_back(s: State, r: int, run: int) -> None:
    clock = s.clock[0]
    s.runs[run].next = clock.free_run
    s.runs[run].blocks = 0
    clock.free_run = run
    clock.free_runs += 1
    s.caches[r].runs -= 1


@inner
def _drop(s: State, r: int, run: int) -> None:
    """Let go of the last run in the list, which is the last of its chain."""
    unlist(s, r, run)
    before = s.runs[run].before
    if before == NONE:
        _out_of_bucket(s, run)
    else:
        s.runs[before].rest = NONE
    _give_back(s, r, run)


@inner
def unlist(s: State, r: int, run: int) -> None:
    """Take a run out of the list by last use."""
    cache, row = s.caches[r], s.runs[run]
    if row.newer == NONE:
        cache.newest = row.older
    else:
        s.runs[row.newer].older = row.older
    if row.older == NONE:
        cache.oldest = row.newer
    else:
        s.runs[row.older].newer = row.newer


@inner
def list_newest(s: State, r: int, run: int) -> None:
    """Put a run at the head of the list: it has just been used."""
    cache: Row = s.caches[r]
    row = s.runs[run]
    row.newer, row.older = NONE, cache.newest
    if cache.newest == NONE:
        cache.oldest = run
    else:
        s.runs[cache.newest].newer = run
    cache.newest = run
