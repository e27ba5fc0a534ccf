"""What was read from tiers is there: a prompt goes on to the next, or to the head of its line."""

from sim.engine.replica import fetching, loading, memory, prefix, wake
from sim.engine.state.jit import inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.state import State


@inner_apart
def arrive(s: State, slot: int, now: float) -> None:
    """What was read from a tier is there: on to the next, or to the head of the line."""
    seq = s.slots[slot]
    r = WIDE + seq.replica
    pool = s.pools[s.replicas[r].pool]
    for tier in range(s.loads[slot, 0] + 1, pool.tiers):
        if s.loads[slot, 1 + tier] > 0:
            loading.read_next(s, r, slot, now)
            return
    if pool.prefix_size > 0:
        prefix.settle_now(s, r, now)
        memory.settle(s, r, now)
        before = WIDE + s.replicas[r].free_blocks
        prefix.hold(s, r, slot, s.transfers[slot].found // pool.prefix_block_tokens)
        s.replicas[r].blocks_then -= s.replicas[r].free_blocks - before
    if fetching.line_up(s, slot):
        wake.for_head(s, r, now)
