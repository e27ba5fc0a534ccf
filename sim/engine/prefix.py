"""The blocks of prompts that each replica keeps, by last use.

A block is found through a hash table over all replicas. Each replica has a list of its blocks from
the most to the least recently used; when it holds more than it may, the last goes.
"""

import math
from typing import Any

import numpy as np

from sim.engine.hashing import mixed
from sim.engine.jit import compiled, inner, inner_apart
from sim.engine.number import ZERO
from sim.engine.record import ALONE, FED_NAMES, NONE, UNNAMED, IntArray, Row
from sim.engine.state import State
from sim.engine.thin import thin

_POSITIVE = 0x7FFF_FFFF_FFFF_FFFF
_HALF = np.uint64(1)


@inner_apart
def cached_tokens(s: State, r: int, slot: int) -> int:
    """Tokens of a prompt that replica ``r`` need not compute."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    block_tokens = s.pools[seq.backend].prefix_block_tokens
    if block_tokens > 0 and s.extras[slot].naming != UNNAMED:
        return min(leading(s, r, slot) * block_tokens, seq.prompt - 1)
    return min(math.floor(counts.prefix_hit_rate * seq.prompt), seq.prompt - 1)


@inner_apart
def leading(s: State, r: int, slot: int) -> int:
    """Blocks of a prompt that replica ``r`` keeps, in a row from the first."""
    names = s.extras[slot].names
    for at in range(names):
        if _find(s, r, _name(s, slot, at)) == NONE:
            return at
    return names


@inner_apart
def use(s: State, r: int, slot: int) -> None:
    """Mark the leading blocks as just used, the first as the last."""
    for at in range(leading(s, r, slot) - 1, -1, -1):
        block = _find(s, r, _name(s, slot, at))
        _unlist(s, r, block)
        _list_newest(s, r, block)


@inner_apart
def keep(s: State, r: int, slot: int, names: int) -> None:
    """Keep the first ``names`` blocks of a prompt, as far as there is room for them."""
    cache = s.caches[r]
    room = s.pools[s.replicas[r].pool].prefix_blocks
    for at in range(min(names, room) - 1, -1, -1):
        name = _name(s, slot, at)
        block = _find(s, r, name)
        if block == NONE:
            block = _take_free(s, r, name)
            cache.blocks += 1
        else:
            _unlist(s, r, block)
        _list_newest(s, r, block)
        if cache.blocks > room:
            _drop(s, r, cache.oldest)


@inner_apart
def forget(s: State, r: int) -> None:
    """A replica that has gone keeps nothing."""
    while s.caches[r].oldest != NONE:
        _drop(s, r, s.caches[r].oldest)


@inner
def names_of(s: State, slot: int, tokens: int) -> int:
    """Whole blocks in the first ``tokens`` tokens of a prompt."""
    return tokens // s.workloads[s.slots[slot].workload].prefix_block_tokens


@compiled
def hash_all(numbers: IntArray) -> None:
    """Put every block that is kept into its bucket of an empty table."""
    s = thin(numbers)
    for r in range(len(s.caches)):
        block = s.caches[r].newest if s.caches[r].blocks > 0 else NONE
        while block != NONE:
            _into_bucket(s, block)
            block = s.blocks[block].older


@inner
def _name(s: State, slot: int, at: int) -> int:
    """Name of a block of a prompt; those made up after tasks are negative."""
    extra = s.extras[slot]
    if extra.naming == FED_NAMES:
        return s.names[extra.first_name + at]
    made_up: Any = np.int64(mixed(np.uint64(ALONE), extra.task_number, at) >> _HALF)
    return -1 - made_up


@inner
def _bucket(s: State, r: int, name: int) -> int:
    return int(mixed(np.uint64(r), name & _POSITIVE, ZERO) & np.uint64(len(s.buckets) - 1))


@inner
def _find(s: State, r: int, name: int) -> int:
    block = s.buckets[_bucket(s, r, name)]
    while block != NONE and (s.blocks[block].name != name or s.blocks[block].replica != r):
        block = s.blocks[block].next
    return block


@inner
def _take_free(s: State, r: int, name: int) -> int:
    clock = s.clock[0]
    block = clock.free_block
    row = s.blocks[block]
    clock.free_block = row.next
    clock.free_blocks -= 1
    row.name, row.replica = name, r
    _into_bucket(s, block)
    return block


@inner
def _into_bucket(s: State, block: int) -> None:
    row = s.blocks[block]
    at = _bucket(s, row.replica, row.name)
    row.next = s.buckets[at]
    s.buckets[at] = block


@inner
def _drop(s: State, r: int, block: int) -> None:
    """Give a block back."""
    _unlist(s, r, block)
    row = s.blocks[block]
    at = _bucket(s, r, row.name)
    if s.buckets[at] == block:
        s.buckets[at] = row.next
    else:
        before = s.buckets[at]
        while s.blocks[before].next != block:
            before = s.blocks[before].next
        s.blocks[before].next = row.next
    clock = s.clock[0]
    row.next = clock.free_block
    clock.free_block = block
    clock.free_blocks += 1
    s.caches[r].blocks -= 1


@inner
def _unlist(s: State, r: int, block: int) -> None:
    cache, row = s.caches[r], s.blocks[block]
    if row.newer == NONE:
        cache.newest = row.older
    else:
        s.blocks[row.newer].older = row.older
    if row.older == NONE:
        cache.oldest = row.newer
    else:
        s.blocks[row.older].newer = row.newer


@inner
def _list_newest(s: State, r: int, block: int) -> None:
    cache: Row = s.caches[r]
    row = s.blocks[block]
    row.newer, row.older = NONE, cache.newest
    if cache.newest == NONE:
        cache.oldest = block
    else:
        s.blocks[cache.newest].newer = block
    cache.newest = block
