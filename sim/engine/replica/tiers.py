"""Tiers under the caches of prompts: host memory, NVMe, a store that all replicas share.

A tier keeps blocks, the least recently used going first. One that *writes through* takes each block
when it is computed (vLLM's offloading connector stores what a step has computed; SGLang's HiCache
and LMCache likewise); the others take what the cache above them drops (HiCache's `write_back`,
TensorRT-LLM's secondary pool). What is read stays where it was.

A prompt goes on in the first tier where the cache of its replica ends, then in the next. Who reads
blocks of a tier has used all that come before them as well, as in vLLM (`OffloadingManager.touch`).

What is written is there at once: its bytes are counted, and the time that they take is not.

The blocks of a tier lie in a cache of their own (:mod:`sim.engine.replica.runs`), whose row comes
after those of the replicas; those of shared stores come last. In a tier that takes what is dropped
each block is a chain of its own, for of a task it may have the last blocks without the first.
"""

from sim.engine.replica import runs
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE, ZERO
from sim.engine.state.record import FED_NAMES, NONE
from sim.engine.state.state import State

_BLOCK_BITS = 20  # blocks of a task


@inner
def row_of(s: State, r: int, tier: int) -> int:
    """The cache in which a tier of replica ``r`` lies."""
    p = WIDE + s.replicas[r].pool
    most = s.tiers.shape[1]
    if s.tiers[p, tier].is_shared:
        return len(s.replicas) * (1 + most) + p
    return len(s.replicas) + r * most + tier


@inner_apart
def leading(s: State, r: int, tier: int, slot: int, first: int, most: int) -> int:
    """Where the blocks of a prompt end that a tier has in a row from block ``first``."""
    row = row_of(s, r, tier)
    if _has_chains(s, r, tier, slot):
        run = runs.first_of(s, row, _chain(s, slot))
        return max(first, runs.blocks_from(s, run, most))
    at = first
    while at < most and runs.first_of(s, row, _name(s, slot, at)) != NONE:
        at += 1
    return at


@inner_apart
def use(s: State, r: int, tier: int, slot: int, first: int, end: int) -> None:
    """Blocks of a prompt are read from ``first`` on; all up to there are just used."""
    row = row_of(s, r, tier)
    counts = s.tiers[s.replicas[r].pool, tier]
    counts.read += end - first
    counts.loads += 1
    if _has_chains(s, r, tier, slot):
        chain = _chain(s, slot)
        runs.touch(s, row, chain, runs.first_of(s, row, chain), end)
        return
    for at in range(end - 1, -1, -1):
        name = _name(s, slot, at)
        if runs.first_of(s, row, name) != NONE:
            runs.touch_one(s, row, name)


@inner_apart
def write(s: State, r: int, slot: int, names: int) -> None:
    """The first ``names`` blocks of a prompt are there: tiers that write through take them."""
    p = WIDE + s.replicas[r].pool
    for tier in range(s.pools[p].tiers):
        if s.tiers[p, tier].writes_through:
            _write_to(s, r, WIDE + tier, slot, min(names, s.tiers[p, tier].blocks))


@inner
def _write_to(s: State, r: int, tier: int, slot: int, blocks: int) -> None:
    counts, row = s.tiers[s.replicas[r].pool, tier], row_of(s, r, tier)
    before = s.caches[row].blocks + 0
    if _has_chains(s, r, tier, slot):
        if blocks > 0:
            chain = _chain(s, slot)
            runs.touch(s, row, chain, runs.first_of(s, row, chain), blocks)
    else:
        for at in range(blocks - 1, -1, -1):
            runs.touch_one(s, row, _name(s, slot, at))
    counts.written += s.caches[row].blocks - before
    _trim_row(s, r, row, tier + 1, counts.blocks)


@inner_apart
def trim(s: State, r: int, room: int) -> None:
    """Have the cache of a replica hold no more than ``room`` blocks; the others go down."""
    _trim_row(s, r, r, ZERO, room)


@inner
def _trim_row(s: State, r: int, row: int, below: int, room: int) -> None:
    """The same of the cache in a row, above the tier ``below``."""
    p = s.replicas[r].pool
    if below >= s.pools[p].tiers or s.tiers[p, below].writes_through:
        runs.trim(s, row, room)
        return
    cache = s.caches[row]
    while cache.blocks > room:
        name = _last_of(s, cache.oldest)
        runs.trim(s, row, cache.blocks - 1)
        _put(s, r, below, name)


@inner_apart
def forget(s: State, r: int) -> None:
    """A replica is gone, and what its node had."""
    p = s.replicas[r].pool
    for tier in range(s.pools[p].tiers):
        if not s.tiers[p, tier].is_shared:
            runs.trim(s, row_of(s, r, tier), ZERO)


@inner_apart
def open_up(s: State, r: int) -> None:
    """A new replica's tiers are empty."""
    for tier in range(s.pools[s.replicas[r].pool].tiers):
        cache = s.caches[row_of(s, r, tier)]
        if cache.blocks == 0:
            cache.newest = cache.oldest = NONE


@inner
def most_runs(s: State, p: int) -> int:
    """Runs that one event may add on replicas of a pool.

    A router that looks at prompts has all of them drop what there is no memory for.
    """
    pool = s.pools[p]
    most = pool.prefix_blocks + pool.tier_runs
    if pool.tiers > 0 and not s.tiers[p, 0].writes_through:
        most += pool.members * pool.prefix_blocks
    return most


@inner_apart
def _put(s: State, r: int, tier: int, name: int) -> None:
    """A tier takes a block, and what it has no more room for goes down."""
    p = s.replicas[r].pool
    while True:
        counts, row = s.tiers[p, tier], row_of(s, r, tier)
        cache = s.caches[row]
        before = cache.blocks
        runs.touch_one(s, row, name)
        counts.written += cache.blocks - before
        if cache.blocks <= counts.blocks:
            return
        name = WIDE + s.runs[cache.oldest].name  # each block has its own
        runs.trim(s, row, counts.blocks)
        tier += 1
        if tier == s.pools[p].tiers or s.tiers[p, tier].writes_through:
            return


@inner
def _has_chains(s: State, r: int, tier: int, slot: int) -> bool:
    """Whether the blocks of a prompt are one chain in a tier.

    Of a task, where each that uses some uses the first: not of what has been dropped above.
    """
    is_fed = s.extras[slot].naming == FED_NAMES
    return bool(s.tiers[s.replicas[r].pool, tier].writes_through) and not is_fed


@inner
def _chain(s: State, slot: int) -> int:
    return -1 - s.extras[slot].task_number


@inner
def _name(s: State, slot: int, at: int) -> int:
    """The name in a tier of a block of a prompt."""
    extra = s.extras[slot]
    if extra.naming == FED_NAMES:
        return s.names[extra.first_name + at]
    return _of_task(extra.task_number, at)


@inner
def _of_task(number: int, at: int) -> int:
    return -1 - ((number << _BLOCK_BITS) + at)


@inner_apart
def _last_of(s: State, run: int) -> int:
    """The name in a tier of the last block of a run."""
    row = s.runs[run]
    if row.name >= 0:
        return row.name
    at, before = row.blocks - 1, row.before
    while before != NONE:
        at += s.runs[before].blocks
        before = s.runs[before].before
    return _of_task(-1 - row.name, at)
