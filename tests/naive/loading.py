"""What the head of a line reads from tiers in the naive simulator, and when it is there."""

from collections import Counter
from typing import TYPE_CHECKING

from naive.attempt import Attempt
from naive.cache import SharedCache
from naive.tiers import chosen

if TYPE_CHECKING:
    from naive.replica import Replica


def loads(replica: "Replica", now_s: float) -> bool:
    """The head leaves the line to read from tiers, unless it is better computed, or has read."""
    attempt, size = replica.waiting[0], replica.cache.block_tokens
    if attempt.stage or attempt.names is None or not replica.tiers:
        return False
    have = replica.cache.leading(attempt.names)
    names = attempt.names[: (attempt.prompt - 1) // size]
    profile = replica.profile

    def computes_s(tokens: int, context: int) -> float:
        per_context = profile.prefill_s_per_token_context
        return tokens * (profile.prefill_s_per_token + per_context * (context + 0.5 * tokens))

    pace = None if replica.loads_always else computes_s
    parts = chosen(replica.tiers, names, have, size, pace)
    if not parts:
        return False
    at = have
    for tier, blocks in parts:
        tier.use(names[: at + blocks], at)
        at += blocks
    found = replica.found_cached(attempt)
    replica.looked += Counter(looked_up=attempt.prompt, found_above=found)
    replica.order.serve(attempt)
    replica.take_blocks(replica.waiting.pop(0), found)
    attempt.parts, attempt.loaded, attempt.stage = parts, at * size, "fetching"
    replica.fetching.append(attempt)
    read(attempt, now_s)
    return True


def read(attempt: Attempt, now_s: float) -> None:
    """From the first of the tiers that are left."""
    tier, blocks = attempt.parts[0]
    tier.link.start(attempt, blocks * tier.s_per_block, tier.model.latency_s, now_s)


def land(replica: "Replica", attempt: Attempt, now_s: float) -> None:
    """What was read from a tier is there: the next, or the head of the line."""
    attempt.parts.pop(0)
    if attempt.parts:
        read(attempt, now_s)
        return
    assert attempt.loaded is not None
    if isinstance(replica.cache, SharedCache):
        shared = replica.hold(attempt, attempt.loaded // replica.cache.block_tokens)
        replica.free_blocks += replica.cache.size * shared
        replica.cache.squeeze(replica.free_blocks)
    replica.take_fetched(attempt, now_s)
