"""What replicas keep of prompts: leading blocks that a prompt finds, and those that it leaves.

The blocks of a task's prompts are one chain of :mod:`sim.engine.replica.runs`, named after the
task. A block whose name was fed is a chain of its own, for what comes after it may differ.
"""

import math

from sim.engine.replica import runs
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ZERO
from sim.engine.state.record import FED_NAMES, NONE, UNNAMED
from sim.engine.state.state import State


@inner_apart
def cached_tokens(s: State, r: int, slot: int) -> int:
    """Tokens of a prompt that replica ``r`` need not compute."""
    if _is_named(s, slot):
        return _tokens(s, slot, leading(s, r, slot))
    return _tokens_by_rate(s, slot)


@inner_apart
def use(s: State, r: int, slot: int) -> int:
    """The same tokens, of blocks that are now marked as just used, the first as the last."""
    if _is_named(s, slot):
        blocks = leading(s, r, slot)
        _touch(s, r, slot, blocks)
        return _tokens(s, slot, blocks)
    return _tokens_by_rate(s, slot)


@inner_apart
def leading(s: State, r: int, slot: int) -> int:
    """Blocks of a prompt that replica ``r`` keeps, in a row from the first."""
    extra = s.extras[slot]
    if extra.naming != FED_NAMES:
        first = runs.first_of(s, r, _chain(s, slot))
        return runs.blocks_from(s, first, extra.names)
    for at in range(extra.names):
        if runs.first_of(s, r, s.names[extra.first_name + at]) == NONE:
            return at
    return extra.names


@inner_apart
def keep(s: State, r: int, slot: int, names: int) -> None:
    """Keep the first ``names`` blocks of a prompt, as far as there is room for them."""
    _touch(s, r, slot, min(names, s.pools[s.replicas[r].pool].prefix_blocks))


@inner_apart
def forget(s: State, r: int) -> None:
    """A replica that has gone keeps nothing."""
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
            runs.trim(s, r, room)
    elif blocks > 0:
        chain = _chain(s, slot)
        runs.touch(s, r, chain, runs.first_of(s, r, chain), blocks)
        runs.trim(s, r, room)


@inner
def _chain(s: State, slot: int) -> int:
    """Name of the blocks of a task; those that are fed are not negative."""
    return -1 - s.extras[slot].task_number


@inner
def _is_named(s: State, slot: int) -> bool:
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
