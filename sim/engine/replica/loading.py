"""Loading: a prompt whose leading blocks lie in a tier under the cache fetches them, or computes.

When the head of the line could be admitted the engine looks at where its prompt goes on after what
the cache of its replica has: in the first tier as far as blocks of it are there in a row, then in
the next. It reads what a tier has if that is estimated to end sooner than to compute it, and stops
at the first tier where it is not; or reads always, as vLLM does (`OffloadingConnector`), which asks
its connector only whether the blocks are there. The estimate is what an engine can know then: the
bytes over the share that one more has of the link, if nobody comes or goes, and the latency;
against the tokens' part of the time of a step, d1·p + d2·p·(x + p/2), for an engine that does
nothing else and is not slow. Others waiting would make computing dearer: it reads too little then,
rather than too much.

Tiers are read one after the other. Meanwhile it fetches as any does that awaits tokens over a link
(:mod:`sim.engine.replica.fetching`). What others have computed by then of the same blocks is there
once; a copy is given back.
"""

from sim.engine.replica import fetching, link, prefix, tiers
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State


@inner
def is_load(s: State, slot: int) -> bool:
    """Whether what a sequence fetches, or has, comes from tiers."""
    return s.clock[0].has_tiers and s.loads[slot, 0] != NONE


@inner
def may_begin(s: State, pool: Row, slot: int) -> bool:
    """Whether a tier may have some of the prompt of the head of the line."""
    return (
        s.clock[0].has_tiers
        and pool.tiers > 0
        and not fetching.has_fetched(s, slot)
        and prefix.is_named(s, slot)
    )


@inner_apart
def begin(s: State, r: int, replica: Row, pool: Row, slot: int, grown: int, now: float) -> bool:
    """The head of the line begins to read from tiers, if it does; the decodes took ``grown``."""
    prefix.settle(s, r, grown)
    have = prefix.leading(s, r, slot)
    end = _chosen(s, r, pool, slot, have)
    if end == have:
        s.loads[slot, 0] = NONE
        return False
    at = have + 0
    for tier in range(pool.tiers):
        blocks = s.loads[slot, 1 + tier]
        if blocks > 0:
            tiers.use(s, r, WIDE + tier, slot, at, at + blocks)
            at += blocks
    seq = s.slots[slot]
    pool.looked_up += seq.prompt
    pool.found_above += fetching.take_blocks(s, r, replica, pool, slot, grown)
    s.transfers[slot].found = end * pool.prefix_block_tokens
    s.loads[slot, 0] = NONE
    read_next(s, r, slot, now)
    return True


@inner
def _chosen(s: State, r: int, pool: Row, slot: int, have: int) -> int:
    """Where the blocks end that are to be read, from ``have`` on; how many of which tier is noted.

    The last token of a prompt is always computed.
    """
    seq = s.slots[slot]
    size = pool.prefix_block_tokens
    most = min(s.extras[slot].names, (seq.prompt - 1) // size)
    at = WIDE + have
    is_worth_it = True
    for tier in range(pool.tiers):
        s.loads[slot, 1 + tier] = 0
        if not is_worth_it or at >= most:
            continue
        end = tiers.leading(s, r, WIDE + tier, slot, at, most)
        if end > at and not pool.loads_always:
            is_worth_it = _reads_s(s, r, WIDE + tier, end - at) < _computes_s(
                pool, at * size, (end - at) * size
            )
        if end > at and is_worth_it:
            s.loads[slot, 1 + tier] = end - at
            at = end
    return at


@inner
def _reads_s(s: State, r: int, tier: int, blocks: int) -> float:
    """How long it takes to read blocks beside those that are being read, if these stay."""
    row = s.tiers[s.replicas[r].pool, tier]
    sharing = s.links[_link(s, r, tier)].sending + 1
    return blocks * row.s_per_block * sharing + row.latency_s


@inner
def _computes_s(pool: Row, context: int, tokens: int) -> float:
    """How long it takes to compute tokens after others."""
    return tokens * (
        pool.prefill_s_per_token + pool.prefill_s_per_token_context * (context + 0.5 * tokens)
    )


@inner
def _link(s: State, r: int, tier: int) -> int:
    p = WIDE + s.replicas[r].pool
    if s.tiers[p, tier].is_shared:
        return link.of_store(s, p)
    return link.of_tier(s, r, tier)


@inner_apart
def read_next(s: State, r: int, slot: int, now: float) -> None:
    """The next tier of which something is to be read; at least one."""
    tier = s.loads[slot, 0] + 1
    while s.loads[slot, 1 + tier] == 0:
        tier += 1
    s.loads[slot, 0] = tier
    row = s.tiers[s.replicas[r].pool, tier]
    work_s = s.loads[slot, 1 + tier] * row.s_per_block
    s.loads[slot, 1 + tier] = 0
    link.start(s, _link(s, r, tier), slot, work_s, row.latency_s, now)


@inner_apart
def note_found(s: State, r: int, slot: int, found: int) -> None:
    """A sequence is admitted that has read nothing from tiers."""
    pool = s.pools[s.replicas[r].pool]
    if pool.tiers > 0:
        pool.looked_up += s.slots[slot].prompt
        pool.found_above += found
