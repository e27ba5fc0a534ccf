"""The KV blocks of a replica: what sequences take, and how much of them is used over time.

The integral of used blocks is linear within a segment of steps. Blocks that are given back amid a
segment, by who is not in the batch, end the piece before.
"""

from sim.engine.replica import adapters, leap, prefix
from sim.engine.state.backend_record import WHOLE
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State


@inner
def blocks_for(pool: Row, tokens: int) -> int:
    """KV blocks that hold ``tokens`` tokens."""
    return blocks_of(pool, tokens << pool.unit_shift)


@inner
def blocks_of(pool: Row, units: int) -> int:
    """KV blocks that hold ``units`` units."""
    return (units + pool.block_mask) >> pool.block_shift


@inner
def blocks_of_step(s: State, r: int, replica: Row, pool: Row) -> int:
    """KV blocks that the next decode step takes."""
    if pool.advance == 1:
        return s.block_phase[r, -replica.steps & pool.block_mask]
    return _blocks_of_long_step(s, r, replica, pool)


@inner_apart
def _blocks_of_long_step(s: State, r: int, replica: Row, pool: Row) -> int:
    phase, shift = s.block_phase[r], pool.block_shift
    return leap.blocks_needed(phase, replica.steps, pool.advance, replica.decoding, shift)


@inner
def most_blocks(pool: Row, seq: Row) -> int:
    """Blocks of its prompt and the longest answer that it may give; the last may be a part.

    Under speculative decoding the last step may make more than is asked for.
    Of what is answered elsewhere an engine is asked for one token.
    """
    output = seq.output if pool.hands_to == NONE else 1
    units = ((WIDE + seq.prompt + output - 1) << pool.unit_shift) + pool.advance
    return min(blocks_of(pool, units), pool.kv_blocks)


@inner
def free(s: State, r: int, replica: Row, pool: Row, slot: int, tokens: int) -> None:
    """The blocks of a sequence with so many tokens in its cache are free again."""
    free_units(s, r, replica, pool, slot, tokens << pool.unit_shift)


@inner
def free_units(s: State, r: int, replica: Row, pool: Row, slot: int, units: int) -> None:
    """The same, given in units."""
    replica.free_blocks += blocks_of(pool, units)
    if s.clock[0].has_prefix_caches:
        prefix.let_go(s, r, slot)
        if s.clock[0].has_adapters:
            adapters.let_go(s, r, slot)


@inner
def release(replica: Row, pool: Row, seq: Row) -> None:
    """Nothing is set aside any more for a sequence that leaves the batch."""
    if pool.admission == WHOLE:
        replica.reserved -= most_blocks(pool, seq)


@inner_apart
def free_amid(s: State, r: int, slot: int, tokens: int, now: float) -> None:
    """The blocks of a sequence that is not in the batch are free again, amid a segment."""
    replica = s.replicas[r]
    settle(s, r, now)
    if s.clock[0].has_prefix_caches:
        prefix.settle_now(s, r, now)  # what has had to go by now is not saved by what is given back
    before = WIDE + replica.free_blocks
    free(s, r, replica, s.pools[replica.pool], slot, tokens)
    replica.blocks_then -= replica.free_blocks - before


@inner
def account(replica: Row, pool: Row, used_blocks: float, now: float) -> None:
    """Add to the integral of used blocks, linear since it was last complete."""
    pool.blocks_s += (now - replica.blocks_since_s) * 0.5 * (replica.blocks_then + used_blocks)
    replica.blocks_since_s = now
    replica.blocks_then = used_blocks


@inner
def taken(s: State, r: int, replica: Row, pool: Row) -> int:
    """KV blocks that the decodes take over the whole segment under way."""
    if replica.decoding == 0 or replica.leap == 0:
        return 0
    units = replica.leap * pool.advance
    return leap.blocks_needed(
        s.block_phase[r], replica.steps, units, replica.decoding, pool.block_shift
    )


@inner
def used_now(s: State, r: int, now: float) -> float:
    """KV blocks that a replica uses now, linear within its segment."""
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    length_s = s.event_s[r] - replica.start_s
    share = (now - replica.start_s) / length_s if length_s > 0.0 else 1.0
    return pool.kv_blocks - replica.free_blocks + share * taken(s, r, replica, pool)


@inner
def settle(s: State, r: int, now: float) -> None:
    """Bring the integral of used blocks of a replica up to now, within its segment."""
    replica = s.replicas[r]
    account(replica, s.pools[replica.pool], used_now(s, r, now), now)
