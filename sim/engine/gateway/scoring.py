"""Scorers: the replica with the largest weighted sum of what is seen of it.

Those of the Gateway API Inference Extension and of llm-d. Of waiting requests
(`QueueScorer`: `(max - own) / (max - min)`), of running ones alike, and of the prompt that is kept
(llm-d's precise scorer, `indexedScoresToNormalizedScoredPods`: `(own - min) / (max - min)`) each
replica has between 0 and 1, and all have 1 where they are equal; of the KV cache it has the share
that is free (`KVCacheUtilizationScorer`), of adapters what
:func:`sim.engine.replica.adapters.affinity` says. The largest sum is taken (`MaxScorePicker`), of
equals the least loaded, where there it is drawn. They are seen as they are, where there they are up
to 50 ms old. Tokens that are still on their way to their clients count among the waiting.
"""

from sim.engine.replica import adapters, holding, prefix
from sim.engine.request import adapter
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State


@inner_apart
def best(s: State, p: int, slot: int, now: float) -> int:
    """The replica of pool ``p`` with the largest score for the attempt in a slot."""
    pool = s.pools[p]
    has_names = pool.for_prefix > 0.0 and s.clock[0].has_extras and s.extras[slot].names > 0
    has_names = has_names and pool.prefix_block_tokens > 0
    wanted = WIDE + NONE
    if pool.for_adapter > 0.0 and s.clock[0].has_adapters:
        wanted = adapter.of(s, slot)
    first = s.rosters[p, 1, 0]
    least_waiting = most_waiting = _waiting(s.replicas[first])
    least_running = most_running = s.replicas[first].running + 0
    least_kept = most_kept = 0
    for at in range(pool.routable):
        r = s.rosters[p, 1, at]
        replica = s.replicas[r]
        waiting, running = _waiting(replica), replica.running + 0
        least_waiting, most_waiting = min(least_waiting, waiting), max(most_waiting, waiting)
        least_running, most_running = min(least_running, running), max(most_running, running)
        if s.clock[0].has_extras and has_names:
            prefix.settle_now(s, r, now)
            kept = prefix.points(s, r, slot)
            least_kept = kept if at == 0 else min(least_kept, kept)
            most_kept = max(most_kept, kept)
    found, most = WIDE + NONE, 0.0
    for at in range(pool.routable):
        r = s.rosters[p, 1, at]
        replica = s.replicas[r]
        kept = 0
        if s.clock[0].has_extras and most_kept > least_kept:
            kept = prefix.points(s, r, slot)
        score = pool.for_prefix * _between(kept, least_kept, most_kept)
        score += pool.for_queue * _between(_waiting(replica), most_waiting, least_waiting)
        score += pool.for_kv_cache * _free_share(s, r, replica, pool, now)
        if pool.for_adapter > 0.0 and s.clock[0].has_adapters:
            score += pool.for_adapter * adapters.affinity(s, r, wanted)
        score += pool.for_running * _between(replica.running + 0, most_running, least_running)
        if found == NONE or score > most or (score == most and _load(s, p, r) < _load(s, p, found)):
            found, most = r, score
    return found


@inner
def _between(own: int, zero: int, one: int) -> float:
    """Where a figure lies on the way from what has 0 to what has 1; 1 where these are the same."""
    return (own - zero) / (one - zero) if one != zero else 1.0


@inner
def _waiting(replica: Row) -> int:
    return replica.outstanding - replica.running


@inner
def _free_share(s: State, r: int, replica: Row, pool: Row, now: float) -> float:
    """Of the KV cache: what nobody holds."""
    return (replica.free_blocks - holding.grown(s, r, now)) / pool.kv_blocks


@inner
def _load(s: State, p: int, r: int) -> float:
    return s.load[p, s.replicas[r].member]
