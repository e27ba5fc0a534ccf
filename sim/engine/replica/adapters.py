"""Adapters (LoRA): many models on one base, of which a replica holds a few in slots on its GPUs.

A batch has requests of at most as many adapters as there are slots. Who waits for an adapter that
would be one too many is passed over, and others go on (vLLM's `Scheduler.schedule`: "Scheduling
would exceed max_loras, skip"; SGLang since its `continue` in `get_new_batch_prefill`); where a pool
*blocks*, whoever is behind it waits as well (SGLang before, which broke off there). Its place in
the line stays. So the line of a replica is in two parts: those at its head that are passed over,
and what comes after them, whose first is the next to be admitted.

An adapter that nobody in the batch needs any more keeps its slot until another one needs it, the
least recently used going first, of one instant that with the lower number (vLLM's
`LRUCacheLoRAModelManager`). It stays in the memory of the host, of which the same holds: there are
those in slots as well (`max_cpu_loras` is at least `max_loras`). What is not there is fetched.

The step that begins the prefill of a request waits until its adapter is in its slot, with all that
is in the batch, for the engine copies it before the step (vLLM's `set_active_loras` in
`GPUModelRunner.execute_model`, SGLang's `prepare_lora_batch` without overlap). If its client leaves
before that step begins, the time is not spent.

Steps of a batch with adapters are longer, by a share and by another for each that it needs: those
that are planned for the next step count from when they are planned.
"""

from sim.engine.replica import waiting
from sim.engine.replica.event import set_event
from sim.engine.request import adapter as adapters_of
from sim.engine.state.adapter_record import ABSENT, HOSTED, IDLE, NEEDED
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import MIXED, NONE, PREFILL, Row
from sim.engine.state.state import State


@inner_apart
def come(s: State, r: int, slot: int) -> None:
    """A request comes to the line of a replica, or comes back to it."""
    need, pool = s.needs[slot], s.adapter_pools[s.replicas[r].pool]
    need.adapter, need.load_s = NONE, 0.0
    if pool.slots == 0:
        return
    need.adapter = adapters_of.of(s, slot)
    if need.adapter != NONE:
        row = s.adapters[r, need.adapter]
        row.waiting += 1
        if row.waiting + row.needing == 1:
            s.adapter_slots[r].wanted += 1


@inner_apart
def settle(s: State, r: int) -> None:
    """Pass over those at the head of the line whose adapters the batch has no slot for."""
    replica, row = s.replicas[r], s.adapter_slots[r]
    pool = s.adapter_pools[replica.pool]
    if row.has_changed:
        join_line(s, r)
        row.has_changed = 0
    while replica.head != NONE:
        is_held_up = pool.blocks and row.head != NONE
        if not is_held_up and not _finds_no_slot(s, r, row, pool, WIDE + replica.head):
            return
        if pool.blocks:
            _hold_up(s, replica, row)
            return
        slot = WIDE + replica.head
        waiting.take_out(s, replica, slot)
        waiting.link(s, row, slot)


@inner
def _finds_no_slot(s: State, r: int, row: Row, pool: Row, slot: int) -> bool:
    adapter = s.needs[slot].adapter
    if adapter == NONE or row.needed < pool.slots:
        return False
    return s.adapters[r, adapter].needing == 0


@inner
def _hold_up(s: State, replica: Row, row: Row) -> None:
    """All of the line waits."""
    if row.head == NONE:
        row.head = replica.head
    else:
        s.slots[row.tail].next = replica.head
        s.slots[replica.head].previous = row.tail
    row.tail = replica.tail
    replica.head = replica.tail = NONE


@inner_apart
def join_line(s: State, r: int) -> None:
    """The line of a replica in one part."""
    replica, row = s.replicas[r], s.adapter_slots[r]
    if row.head == NONE:
        return
    if replica.head == NONE:
        replica.tail = row.tail
    else:
        s.slots[row.tail].next = replica.head
        s.slots[replica.head].previous = row.tail
    replica.head = row.head
    row.head = row.tail = NONE


@inner_apart
def leave_line(s: State, r: int, slot: int) -> None:
    """A request leaves the line, of which there is one part now, unadmitted."""
    need = s.needs[slot]
    if need.adapter == NONE:
        return
    row = s.adapters[r, need.adapter]
    row.waiting -= 1
    if row.waiting + row.needing == 0:
        s.adapter_slots[r].wanted -= 1


@inner_apart
def take(s: State, r: int, slot: int) -> None:
    """A request is admitted, and its adapter gets a slot if it has none."""
    replica = s.replicas[r]
    counts = s.adapter_pools[replica.pool]
    adapter = s.needs[slot].adapter
    if counts.slots == 0:
        return
    if adapter != NONE:
        row, slots = s.adapters[r, adapter], s.adapter_slots[r]
        counts.asked += 1
        counts.found += row.place >= IDLE
        if row.needing == 0:
            slots.needed += 1
            slots.has_changed = 1
            if row.place == IDLE:
                _unlist_idle(s, r, slots, adapter)
            else:
                _load(s, r, slots, counts, adapter, slot)
            row.place = NEEDED
        row.needing += 1
        row.waiting -= 1
        _slow_down(replica, slots, counts)
    settle(s, r)


@inner
def _load(s: State, r: int, slots: Row, counts: Row, adapter: int, slot: int) -> None:
    row, times = s.adapters[r, adapter], s.adapter_times
    p, w = WIDE + s.replicas[r].pool, WIDE + s.slots[slot].workload
    seconds = times[p, w, 0]
    counts.loads += 1
    if row.place == ABSENT:
        counts.fetches += 1
        seconds += times[p, w, 1]
        slots.in_host += 1
    else:
        _unlist_hosted(s, r, slots, adapter)
    if slots.on_gpu < counts.slots:
        slots.on_gpu += 1
    else:
        counts.evictions += 1
        _evict(s, r, slots)
    if slots.in_host > counts.host_slots:
        oldest = slots.oldest_hosted
        _unlist_hosted(s, r, slots, oldest)
        s.adapters[r, oldest].place = ABSENT
        slots.in_host -= 1
    s.needs[slot].load_s = seconds


@inner
def _evict(s: State, r: int, slots: Row) -> None:
    """The adapter that was used least recently gives its slot, and stays in the host."""
    adapter = slots.oldest_idle
    row = s.adapters[r, adapter]
    _unlist_idle(s, r, slots, adapter)
    row.place, row.newer, row.older = HOSTED, NONE, slots.newest_hosted
    if slots.newest_hosted == NONE:
        slots.oldest_hosted = adapter
    else:
        s.adapters[r, slots.newest_hosted].newer = adapter
    slots.newest_hosted = adapter


@inner
def _unlist_idle(s: State, r: int, slots: Row, adapter: int) -> None:
    row = s.adapters[r, adapter]
    if row.newer == NONE:
        slots.newest_idle = row.older
    else:
        s.adapters[r, row.newer].older = row.older
    if row.older == NONE:
        slots.oldest_idle = row.newer
    else:
        s.adapters[r, row.older].newer = row.newer


@inner
def _unlist_hosted(s: State, r: int, slots: Row, adapter: int) -> None:
    row = s.adapters[r, adapter]
    if row.newer == NONE:
        slots.newest_hosted = row.older
    else:
        s.adapters[r, row.newer].older = row.older
    if row.older == NONE:
        slots.oldest_hosted = row.newer
    else:
        s.adapters[r, row.older].newer = row.newer


@inner
def _list_idle(s: State, r: int, slots: Row, adapter: int) -> None:
    """Nobody needs it from now on; of those of one instant the first is that of lower number."""
    row = s.adapters[r, adapter]
    row.place, row.used_s = IDLE, s.clock[0].instant_s
    older, newer = slots.newest_idle + 0, WIDE + NONE
    while older > adapter and s.adapters[r, older].used_s == row.used_s:
        newer, older = older, WIDE + s.adapters[r, older].older
    row.newer, row.older = newer, older
    if newer == NONE:
        slots.newest_idle = adapter
    else:
        s.adapters[r, newer].older = adapter
    if older == NONE:
        slots.oldest_idle = adapter
    else:
        s.adapters[r, older].newer = adapter


@inner_apart
def let_go(s: State, r: int, slot: int) -> None:
    """A request leaves the batch."""
    replica = s.replicas[r]
    counts, adapter = s.adapter_pools[replica.pool], s.needs[slot].adapter
    if counts.slots == 0 or adapter == NONE:
        return
    row, slots = s.adapters[r, adapter], s.adapter_slots[r]
    if row.needing == 0:
        return  # the replica has gone
    row.needing -= 1
    if row.needing == 0:
        slots.needed -= 1
        slots.wanted -= row.waiting == 0
        slots.has_changed = 1
        _list_idle(s, r, slots, adapter)
        _slow_down(replica, slots, counts)


@inner
def _slow_down(replica: Row, slots: Row, pool: Row) -> None:
    factor = 1.0
    if slots.needed > 0:
        factor += pool.step_overhead + pool.step_overhead_per_adapter * slots.needed
    replica.slowness = slots.slowness * factor


@inner_apart
def set_slowness(s: State, r: int, slowness: float) -> None:
    """A replica is as slow as this without adapters."""
    s.adapter_slots[r].slowness = slowness
    _slow_down(s.replicas[r], s.adapter_slots[r], s.adapter_pools[s.replicas[r].pool])


@inner_apart
def wait_for_loads(s: State, r: int, now: float) -> None:
    """The step that begins waits for the adapters of the prompts that begin with it."""
    replica = s.replicas[r]
    if replica.mode not in (MIXED, PREFILL):
        return
    seconds = 0.0
    slot = WIDE + replica.chunk_head
    while slot != NONE:
        seconds += s.needs[slot].load_s
        s.needs[slot].load_s = 0.0
        slot = WIDE + s.slots[slot].next
    if replica.partial != NONE:
        seconds += s.needs[replica.partial].load_s
        s.needs[replica.partial].load_s = 0.0
    if seconds > 0.0:
        s.adapter_pools[replica.pool].load_s += seconds
        replica.step_s += seconds
        set_event(s, r, now + replica.step_s)


@inner_apart
def affinity(s: State, r: int, adapter: int) -> float:
    """How well a replica is placed for an adapter, as a router sees it.

    That of llm-d and the Gateway API Inference Extension (`LoraAffinityScorer.Score`): 1 where its
    batch has it, else 0.8 where there is room for one more beside those of its batch and of its
    line, else 0.6 where somebody waits for it, else 0. What lies idle in a slot no engine tells.
    """
    slots = s.adapter_slots[r]
    if adapter != NONE and s.adapters[r, adapter].needing > 0:
        return 1.0
    if slots.wanted < s.adapter_pools[s.replicas[r].pool].slots:
        return 0.8
    return 0.6 if adapter != NONE and s.adapters[r, adapter].waiting > 0 else 0.0


@inner_apart
def open_up(s: State, r: int, slowness: float) -> None:
    """A new replica has none."""
    slots = s.adapter_slots[r]
    slots.newest_idle = slots.oldest_idle = slots.newest_hosted = slots.oldest_hosted = NONE
    slots.head = slots.tail = NONE
    slots.slowness = slowness


@inner_apart
def forget(s: State, r: int) -> None:
    """A replica has gone with all that it had; what is left of its line is in one part."""
    join_line(s, r)
    slots = s.adapter_slots[r]
    s.adapter_pools[s.replicas[r].pool].lost += slots.on_gpu
    for adapter in range(s.adapters.shape[1]):
        row = s.adapters[r, adapter]
        row.place, row.needing, row.waiting = ABSENT, 0, 0
    slots.needed = slots.on_gpu = slots.in_host = slots.wanted = 0
    slots.newest_idle = slots.oldest_idle = slots.newest_hosted = slots.oldest_hosted = NONE
