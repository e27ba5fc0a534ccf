"""What the control plane can do to the data plane, and how a time bin is closed.

All act at an instant after the kernel has processed every event up to it.
"""

import math

from sim.engine import outcome, segment, tournament
from sim.engine.jit import compiled
from sim.engine.state import DRAINING, GONE, IDLE, NONE, READY, State


@compiled
def add(s: State, r: int, p: int, now: float) -> None:
    """Replica ``r``, a fresh row, is ready in pool ``p`` from now on."""
    replica, pool = s.replicas[r], s.pools[p]
    replica.pool = p
    replica.member = pool.members
    replica.free_blocks = pool.kv_blocks
    replica.frontend_free_s = -math.inf
    replica.blocks_since_s = now
    replica.head = replica.tail = replica.chunk_head = replica.chunk_tail = NONE
    replica.partial = NONE
    replica.mode, replica.life = IDLE, READY
    s.members[p, replica.member] = r
    s.ready_list[p, pool.ready] = r  # r is larger than all before it
    pool.members += 1
    _count_ready(s, p, 1, now)
    s.load[p, replica.member] = 0.0
    tournament.update(s.load_tree[p], s.load[p], replica.member)


@compiled
def drain(s: State, r: int, now: float) -> bool:
    """No more requests for replica ``r``; True if it has none left, and so is gone at once."""
    replica = s.replicas[r]
    _unlist(s, r, now)
    replica.life = GONE if replica.outstanding == 0 else DRAINING
    return replica.outstanding == 0


@compiled
def kill(s: State, r: int, now: float) -> None:
    """Replica ``r`` is gone, and with it all that it was doing."""
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    moment_s = now - s.clock[0].bin_start_s
    if replica.life == READY:
        _unlist(s, r, now)
    if replica.mode != IDLE:
        settle_blocks(s, r, now)
        pool.busy -= 1
        pool.busy_s += moment_s
    waiting = _fail_list(s, replica.head, now)
    pool.waiting -= waiting
    pool.waiting_s += waiting * moment_s
    pool.running -= replica.running
    pool.running_s += replica.running * moment_s
    _fail_list(s, replica.chunk_head, now)
    _fail_list(s, replica.partial, now)
    for at in range(replica.decoding):
        outcome.fail(s, s.heap_slot[r, at], now)
    replica.head = replica.chunk_head = replica.partial = NONE
    replica.decoding = replica.running = replica.outstanding = 0
    replica.mode, replica.life = IDLE, GONE
    segment.set_event(s, r, math.inf)


@compiled
def settle_blocks(s: State, r: int, now: float) -> None:
    """Bring the integral of used blocks of a busy replica up to now, within its segment."""
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    length_s = s.event_s[r] - replica.start_s
    share = (now - replica.start_s) / length_s if length_s > 0.0 else 1.0
    taken = segment.blocks_taken(s, r, replica, pool)
    used_blocks = pool.kv_blocks - replica.free_blocks + share * taken
    segment.account_blocks(replica, pool, used_blocks, now)


@compiled
def close_bin(s: State, count: int, now: float) -> None:
    """Complete the integrals of the bin at its end; ``count`` replicas have ever been added."""
    for r in range(count):
        if s.replicas[r].mode != IDLE:
            settle_blocks(s, r, now)
    width_s = now - s.clock[0].bin_start_s
    for p in range(len(s.pools)):
        pool = s.pools[p]
        pool.busy_s += pool.busy * width_s
        pool.waiting_s += pool.waiting * width_s
        pool.running_s += pool.running * width_s
        pool.ready_s += pool.ready * width_s


@compiled
def open_bin(s: State, now: float) -> None:
    """Begin a bin: moments, counts and histograms from zero."""
    s.clock[0].bin_start_s = now
    for p in range(len(s.pools)):
        pool = s.pools[p]
        pool.busy_s = pool.waiting_s = pool.running_s = pool.ready_s = pool.blocks_s = 0.0
    for w in range(len(s.workloads)):
        counts = s.workloads[w]
        counts.requests = counts.completed = counts.rejected = counts.failed = 0
        counts.slo_met = counts.prompt_tokens = counts.output_tokens = 0
        counts.offered_prompt_tokens = counts.offered_output_tokens = 0
        counts.preemptions = counts.multi_token = 0
        counts.ttft_s = counts.tpot_s = counts.e2e_s = counts.queue_wait_s = 0.0
    s.histograms[:] = 0


@compiled
def _unlist(s: State, r: int, now: float) -> None:
    """Take a ready replica off the router's lists."""
    replica = s.replicas[r]
    p = replica.pool
    pool = s.pools[p]
    at = 0
    while s.ready_list[p, at] != r:
        at += 1
    for i in range(at + 1, pool.ready):
        s.ready_list[p, i - 1] = s.ready_list[p, i]
    if at < pool.cursor:
        pool.cursor -= 1
    _count_ready(s, p, -1, now)
    s.load[p, replica.member] = math.inf
    tournament.update(s.load_tree[p], s.load[p], replica.member)


@compiled
def _count_ready(s: State, p: int, change: int, now: float) -> None:
    pool = s.pools[p]
    pool.ready += change
    pool.ready_s -= change * (now - s.clock[0].bin_start_s)


@compiled
def _fail_list(s: State, slot: int, now: float) -> int:
    """Fail the requests of a linked list; how many they were."""
    count = 0
    while slot != NONE:
        following = s.slots[slot].next
        outcome.fail(s, slot, now)
        slot = following
        count += 1
    return count
