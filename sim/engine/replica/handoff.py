"""Pulling: a replica fetches the KV cache of a prompt from the one that has computed it."""

from sim.engine.replica import event, fetching, link
from sim.engine.state.backend_record import PER_DESTINATION, PER_SOURCE
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import Row
from sim.engine.state.state import State


@inner_apart
def pull(s: State, r: int, replica: Row, pool: Row, slot: int, grown: int, now: float) -> None:
    """The head of the line takes its blocks, and what it lacks of its prompt is sent for.

    All tokens but the last, which is computed again and gives the first of the answer, as in vLLM:
    a prompt that is known in full is known to its last token but one.
    """
    seq, row = s.slots[slot], s.transfers[slot]
    there = fetching.take_blocks(s, r, replica, pool, slot, grown)
    home = s.pools[row.home]
    row.bytes = (seq.prompt - 1 - there) * home.kv_bytes_per_token
    at = _link(s, home, WIDE + row.home, WIDE + row.source, r)
    work_s = row.bytes / home.link_bytes_per_s
    fetching.fetch(s, slot, WIDE + seq.prompt - 1, at, work_s, home.link_latency_s, now)


@inner
def _link(s: State, home: Row, p: int, source: int, r: int) -> int:
    """The link from a replica of pool ``p`` to replica ``r``, by their rows."""
    if home.link_per == PER_DESTINATION:
        return link.of_replica(s, event.first_rank(s, r, s.pools[s.replicas[r].pool]))
    if home.link_per == PER_SOURCE:
        return link.of_replica(s, event.first_rank(s, source, home))
    return link.of_pool(p)
