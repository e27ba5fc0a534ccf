"""What replicas keep of prompts: leading blocks that a prompt finds, and those that it leaves.

The blocks of a task's prompts are one chain of :mod:`sim.engine.replica.runs`, named after the
task. A block whose name was fed is a chain of its own, for what comes after it may differ.
"""

import math

from sim.engine.replica import adapters, holding, runs, tiers
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE, ZERO
from sim.engine.state.record import FED_NAMES, NONE, UNNAMED
from sim.engine.state.state import State

_FIFTHS, _FIFTHS_BELOW = 5, 4  # of a block in the cache of a replica, and in its tiers


@inner_apart
def cached_tokens(s: State, r: int, slot: int) -> int:
    """Tokens of a prompt that replica ``r`` need not compute."""
    if is_named(s, slot):
        return _tokens(s, slot, leading(s, r, slot))
    return _tokens_by_rate(s, slot)


@inner_apart
def use(s: State, r: int, slot: int, grown: int) -> int:
    """The same tokens, of blocks that are now marked as just used, the first as the last.

    Where they share the memory of requests they are held, and what the decodes have taken at this
    boundary, ``grown`` blocks, and the prompt need is let go of.
    """
    if not is_named(s, slot):
        return _tokens_by_rate(s, slot)
    pool = s.pools[s.replicas[r].pool]
    blocks = leading(s, r, slot)
    tokens = _tokens(s, slot, blocks)
    if pool.prefix_size == 0:
        _touch(s, r, slot, blocks)
    else:
        hold(s, r, slot, tokens // pool.prefix_block_tokens)
        settle(s, r, grown)
    return tokens


@inner_apart
def leading(s: State, r: int, slot: int) -> int:
    """Blocks of a prompt that replica ``r`` keeps, in a row from the first."""
    extra = s.extras[slot]
    if extra.naming != FED_NAMES:
        first = runs.first_of(s, r, holding.chain(s, slot))
        return runs.blocks_from(s, first, extra.names)
    for at in range(extra.names):
        if runs.first_of(s, r, s.names[extra.first_name + at]) == NONE:
            return at
    return extra.names


@inner_apart
def points(s: State, r: int, slot: int) -> int:
    """What of a prompt replica ``r`` keeps, as a router by prefixes weighs it.

    A block in a tier of the replica counts for 0.8, as in the index of llm-d by default
    (`DefaultKVCacheBackendConfig`: gpu 1.0, cpu 0.8); one in a shared store is everywhere.
    """
    blocks = leading(s, r, slot)
    p = s.replicas[r].pool
    if not s.pools[p].sees_tiers:
        return blocks
    at = blocks
    for tier in range(s.pools[p].tiers):
        if not s.tiers[p, tier].is_shared:
            at = tiers.leading(s, r, tier, slot, at, s.extras[slot].names)
    return _FIFTHS * blocks + _FIFTHS_BELOW * (at - blocks)


@inner_apart
def keep(s: State, r: int, slot: int, names: int) -> None:
    """Keep the first ``names`` blocks of a prompt, as far as there is room for them."""
    pool = s.pools[s.replicas[r].pool]
    if pool.prefix_size == 0:
        _touch(s, r, slot, min(names, pool.prefix_blocks))
    elif is_named(s, slot):
        hold(s, r, slot, names)
    if pool.tiers > 0 and is_named(s, slot):
        tiers.write(s, r, slot, names)


@inner_apart
def leave(s: State, r: int, slot: int, names: int) -> None:
    """Keep what a request that has left the batch has said and heard, as far as there is room."""
    if s.pools[s.replicas[r].pool].prefix_size == 0:
        keep(s, r, slot, names)
    else:
        holding.hold(s, r, slot, names)
        holding.let_go(s, r, slot)
        settle(s, r, ZERO)
        if s.clock[0].has_tiers:
            tiers.write(s, r, slot, names)


@inner_apart
def let_go(s: State, r: int, slot: int) -> None:
    """A request leaves the batch, its own blocks are free: what others hold is not."""
    if s.extras[slot].held > 0:
        replica = s.replicas[r]
        replica.free_blocks -= holding.let_go(s, r, slot) * s.pools[replica.pool].prefix_size


@inner
def blocks_shared(s: State, r: int, slot: int) -> int:
    """KV blocks of a prompt that others hold already."""
    size = s.pools[s.replicas[r].pool].prefix_size
    if size == 0 or not is_named(s, slot):
        return 0
    return holding.held(s, r, slot) * size


@inner_apart
def settle(s: State, r: int, grown: int) -> None:
    """Drop what the KV cache has no memory for, once ``grown`` more blocks are taken."""
    replica = s.replicas[r]
    size = s.pools[replica.pool].prefix_size
    if size > 0:
        _trim(s, r, (replica.free_blocks - grown) // size)


@inner_apart
def settle_now(s: State, r: int, now: float) -> None:
    """The same amid a segment."""
    if s.pools[s.replicas[r].pool].prefix_size > 0:
        settle(s, r, holding.grown(s, r, now))


@inner_apart
def forget(s: State, r: int) -> None:
    """A replica that has gone keeps nothing."""
    runs.trim(s, r, ZERO)
    if s.clock[0].has_tiers:
        tiers.forget(s, r)
    if s.clock[0].has_adapters:
        adapters.forget(s, r)


@inner_apart
def forget_held(s: State, r: int, lost: int) -> None:
    """Nor does it keep what those on a list held."""
    while lost != NONE:
        holding.let_go(s, r, lost)
        lost = WIDE + s.slots[lost].next
    runs.trim(s, r, ZERO)


@inner
def names_of(s: State, slot: int, tokens: int) -> int:
    """Whole blocks in the first ``tokens`` tokens of a prompt."""
    return tokens // s.workloads[s.slots[slot].workload].prefix_block_tokens


@inner_apart
def _touch(s: State, r: int, slot: int, blocks: int) -> None:
    """The first ``blocks`` blocks of a prompt, for which there is room, are kept and just used."""
    extra = s.extras[slot]
    room = s.pools[s.replicas[r].pool].prefix_blocks
    if extra.naming == FED_NAMES:
        for at in range(blocks - 1, -1, -1):
            runs.touch_one(s, r, s.names[extra.first_name + at])
            if not s.clock[0].has_tiers:  # else what is dropped too soon would go down
                runs.trim(s, r, room)
        _trim(s, r, room)
    elif blocks > 0:
        chain = holding.chain(s, slot)
        runs.touch(s, r, chain, runs.first_of(s, r, chain), blocks)
        _trim(s, r, room)


@inner
def _trim(s: State, r: int, room: int) -> None:
    """Drop what there is no room for; where there are tiers it goes down."""
    if s.clock[0].has_tiers:
        tiers.trim(s, r, room)
    else:
        runs.trim(s, r, room)


@inner
def hold(s: State, r: int, slot: int, names: int) -> None:
    """Hold blocks of a request, each of which takes its memory once."""
    replica = s.replicas[r]
    replica.free_blocks += holding.hold(s, r, slot, names) * s.pools[replica.pool].prefix_size


@inner
def is_named(s: State, slot: int) -> bool:
    """Whether the leading blocks of a prompt have names where it is."""
    backend = s.slots[slot].backend
    return s.pools[backend].prefix_block_tokens > 0 and s.extras[slot].naming != UNNAMED


@inner
def _tokens(s: State, slot: int, blocks: int) -> int:
    """Tokens of leading blocks; the last token of a prompt is always computed."""
    seq = s.slots[slot]
    return min(blocks * s.pools[seq.backend].prefix_block_tokens, seq.prompt - 1)


@inner
def _tokens_by_rate(s: State, slot: int) -> int:
    seq = s.slots[slot]
    return min(math.floor(s.workloads[seq.workload].prefix_hit_rate * seq.prompt), seq.prompt - 1)
