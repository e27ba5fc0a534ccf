"""A fresh state in which requests need adapters."""

from collections.abc import Sequence

import numpy as np

from sim.engine.state.adapter_record import ADAPTER, ADAPTER_POOL, ADAPTER_SET, NEED, SLOTS
from sim.engine.state.record import NONE, records
from sim.engine.state.state import State
from sim.model.adapters import Adapters
from sim.model.design import GpuPool


def with_adapters(
    state: State, pools: Sequence[GpuPool], needed: Sequence[Adapters | None]
) -> State:
    """The same state with the adapters that workloads need, if any does."""
    if all(each is None for each in needed):
        return state
    counts = [0 if each is None else each.count for each in needed]
    sets = records(len(needed), ADAPTER_SET)
    sets.count = counts
    sets.first = np.cumsum(counts) - counts
    shares = np.ones((len(needed), max(counts)))
    times = np.zeros((len(state.pools), len(needed), 2))
    rows = records(len(state.pools), ADAPTER_POOL)
    for w, each in enumerate(needed):
        if each is not None:
            shares[w, : each.count] = each.shares
    for p, pool in enumerate(pools):
        held = pool.adapters
        if held is None:
            continue
        row = rows[p]
        state.pools[p].is_apart = 1
        row.slots, row.host_slots, row.blocks = held.slots, held.host_slots, held.blocks
        row.step_overhead = held.step_overhead
        row.step_overhead_per_adapter = held.step_overhead_per_adapter
        for w, each in enumerate(needed):
            if each is not None:
                times[p, w] = held.load_s(each.rank), held.fetch_s(each.rank)
    needs = records(len(state.slots), NEED)
    needs.adapter = NONE
    state.clock[0].has_adapters = 1
    return state._replace(
        needs=needs,
        adapters=records((len(state.replicas), sum(counts)), ADAPTER),
        adapter_slots=records(len(state.replicas), SLOTS),
        adapter_pools=rows,
        adapter_sets=sets,
        adapter_shares=shares,
        adapter_times=times,
    )
