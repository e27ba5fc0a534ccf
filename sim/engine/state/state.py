"""The state of the data plane: records in arrays, and nothing else."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.state.adapter_record import ADAPTER, ADAPTER_POOL, ADAPTER_SET, NEED, SLOTS
from sim.engine.state.backend_record import (
    BUDGET,
    LEG,
    POOL,
    PROVIDER,
    USAGE,
)
from sim.engine.state.cache_record import CACHE, RUN
from sim.engine.state.clock_record import CLOCK
from sim.engine.state.line_record import RANKED
from sim.engine.state.link_record import LINK, TRANSFER
from sim.engine.state.loop_record import USER
from sim.engine.state.plan_record import PLAN
from sim.engine.state.record import (
    DEADLINE,
    ENTRY,
    EXTRA,
    FED,
    FED_EXTRA,
    FIRST,
    FRONTEND,
    REPLICA,
    REQUEST,
    RING,
    SEQUENCE,
    TIMER,
    WORKLOAD,
    CountArray,
    FloatArray,
    IntArray,
    Records,
    SlotArray,
)
from sim.engine.state.task_record import CALL, TASK
from sim.engine.state.tier_record import TIER

# Type and number of axes of each array, all C-contiguous.
ARRAYS: Mapping[str, tuple[npt.DTypeLike, int]] = {
    "clock": (CLOCK, 1),
    "pools": (POOL, 1),
    "workloads": (WORKLOAD, 1),
    "replicas": (REPLICA, 1),
    "slots": (SEQUENCE, 1),
    "extras": (EXTRA, 1),
    "processes": (np.int64, 1),
    "transfers": (TRANSFER, 1),
    "loads": (np.int64, 2),
    "ranked": (RANKED, 1),
    "trees": (np.int64, 2),
    "served": (np.float64, 2),
    "weights": (np.float64, 2),
    "links": (LINK, 1),
    "link_s": (np.float64, 1),
    "link_tree": (np.float64, 1),
    "frontends": (FRONTEND, 2),
    "plans": (PLAN, 1),
    "laws": (np.float64, 3),
    "event_s": (np.float64, 1),
    "event_tree": (np.float64, 1),
    "heap": (ENTRY, 2),
    "block_phase": (np.int32, 2),
    "load": (np.float64, 2),
    "load_tree": (np.float64, 2),
    "rosters": (np.int64, 3),
    "held_list": (np.int64, 3),
    "timers": (TIMER, 1),
    "rings": (RING, 1),
    "deadlines": (DEADLINE, 2),
    "firsts": (FIRST, 1),
    "tasks": (TASK, 1),
    "calls": (CALL, 1),
    "kept": (np.float64, 3),
    "names": (np.int64, 1),
    "caches": (CACHE, 1),
    "runs": (RUN, 1),
    "buckets": (np.int64, 1),
    "tiers": (TIER, 2),
    "histograms": (np.int32, 3),
    "octaves": (np.int64, 2),
    "usage": (USAGE, 3),
    "legs": (LEG, 1),
    "providers": (PROVIDER, 1),
    "quotas": (np.float64, 3),
    "paces": (np.float64, 3),
    "hours": (np.float64, 3),
    "prices": (np.float64, 3),
    "peaks": (np.float64, 2),
    "budgets": (BUDGET, 1),
    "budgets_of": (np.int64, 2),
    "ends": (np.float64, 2),
    "fed": (FED, 1),
    "fed_extras": (FED_EXTRA, 1),
    "users": (USER, 1),
    "sequels": (FED, 1),
    "sequel_extras": (FED_EXTRA, 1),
    "log": (REQUEST, 1),
    "needs": (NEED, 1),
    "adapters": (ADAPTER, 2),
    "adapter_slots": (SLOTS, 1),
    "adapter_pools": (ADAPTER_POOL, 1),
    "adapter_sets": (ADAPTER_SET, 1),
    "adapter_shares": (np.float64, 2),
    "adapter_times": (np.float64, 3),
}


class State(NamedTuple):
    """Everything that the kernel works on.

    Attributes
    ----------
    clock : (1,) CLOCK
    pools : (backends,) POOL
        The pools of GPUs, then managed backends, of which most does not matter.
    workloads : (workloads,) WORKLOAD
    replicas : (capacity,) REPLICA
    slots : (slots,) SEQUENCE
    extras : (slots,) EXTRA
        What few requests have, by slot; no rows if none has.
    processes : (slots,) int64
        Which of the front end of its replica an attempt has, where there are several.
    transfers : (slots,) TRANSFER
        What is sent for sequences, by slot; no rows if nothing ever is.
    loads : (slots, 1 + tiers) int64
        Of a sequence that reads from tiers under the cache: from which now, or NONE, and how many
        blocks it is to read from each yet; no rows if nothing is ever sent.
    ranked : (slots,) RANKED
        Ranks in the lines of replicas, by slot; no rows if none of these has an order.
    trees : (slots, 2) int64
        Left and right of a slot in the tree over those of a line who are ready; likewise.
    served : (capacity, 1 + tenants) float64
        Virtual time of each replica and finish tags of tenants, if these share alike; or no rows.
    weights : (pools, tenants) float64
    links : (backends · OF_POOL + capacity · OF_REPLICA,) LINK
        Of each pool, then to its store, and of each replica; no rows if nothing is ever sent.
    link_s, link_tree : (leaves,) and (nodes,) float64
        When something of each link is through or arrives, and the tree over these times.
    frontends : (capacity, processes) FRONTEND
    plans : (capacity,) PLAN
    laws : (pools, 2, batch + 1) float64
        a(B) and c(B).
    event_s, event_tree : (leaves,) and (nodes,) float64
        Next event of each replica, and the tournament tree over them.
    heap : (capacity, batch) ENTRY
        Per replica a binary heap of decoding sequences, under the step number at which they end.
    block_phase : (capacity, block) int32
        Per replica the number of decoding sequences by (cached tokens - step number) modulo the
        block: those that need a new block at step s are the ones of phase -s.
    load, load_tree : (pools, leaves) and (pools, nodes) float64
        Outstanding requests by member, and by how late it had its turn as a fraction below 1;
        infinite if not ready; and the tree over them.
    rosters : (pools, 2, capacity) int64
        The replica of each member, and the replicas that may be routed to, in increasing order.
    held_list : (pools, CLASSES, 2) int64
        First and last request held at the gateway, by priority.
    timers : (n,) TIMER
        A heap, four below each, of retries to be sent and patience that ends.
    rings : (3 · workloads,) RING
    deadlines : (3 · workloads, n) DEADLINE
        Timeouts to the first and to the last token, and times to hedge, by workload.
    firsts : (3 · workloads,) FIRST
        A heap of the first deadline of each ring that has any.
    tasks : (n,) TASK
    calls : (n,) CALL
        Calls that follow in tasks under way and to come.
    kept : (tasks, backends, 2) float64
        What managed backends keep of tasks: since when, in seconds, and how many tokens.
    names : (n,) int64
        Names of the blocks of prompts in flight and to come.
    caches : (capacity,) CACHE, or (capacity · (1 + tiers) + backends,) where there are tiers
        Prompt blocks that each replica keeps; then those in its tiers, and in shared stores.
    runs : (n,) RUN
    buckets : (n,) int64
        A hash table over the first runs of chains: the first of each bucket; n is a power of two.
    tiers : (backends, tiers) TIER
        Under the caches of prompts, from the first below them.
    histograms : (workloads, 5, BUCKETS) int32
    octaves : (workloads, 5) int64
        Where there are counts in the histograms, a bit for an octave.
    usage : (workloads, backends, BILLINGS) USAGE
    legs : (n,) LEG
        Workload by workload; the numbers of legs count from the first of the workload's.
    providers : (backends,) PROVIDER
    quotas : (backends, BUCKETS_OF_QUOTA, 3) float64
        Token buckets: tokens per second, most tokens, tokens at the time of refilling.
    paces : (backends, 2, n) float64
        Quantiles of the time to first token and of the time per token, in seconds.
    hours : (backends, 2, 24) float64
        Factors on them by the hour of the day.
    prices : (backends, 2, 4) float64
        USD of a token, of a STANDARD or LONG prompt, as in ``sim.engine.state.backend_record``.
    peaks : (backends, 168) float64
        Factors on them by the hour of the week.
    budgets : (budgets,) BUDGET
    budgets_of : (backends, n) int64
        Which of them hold for a backend; NONE after the last.
    ends : (budgets, n) float64
        When their periods end, in increasing order, in seconds.
    fed : (fed,) FED
        Requests to come.
    fed_extras : (fed,) FED_EXTRA
    users : (n,) USER
        In closed loops; a row whose workload is NONE is free, as of sequels.
    sequels : (n,) FED
        Requests to come after others of their users, whenever those end.
    sequel_extras : (n,) FED_EXTRA
    log : (n,) REQUEST
        One row per request if recording, else empty.
    needs : (slots,) NEED
        Adapters that sequences need; this and the next two have no rows if nobody needs any.
    adapters : (capacity, adapters) ADAPTER
    adapter_slots : (capacity,) SLOTS
    adapter_pools : (backends,) ADAPTER_POOL
    adapter_sets : (workloads,) ADAPTER_SET
    adapter_shares : (workloads, n) float64
        Share of the requests of a workload that need each of its adapters, with all before it.
    adapter_times : (backends, workloads, 2) float64
        Seconds from the host into a slot, and, before that, into the host.
    """

    clock: Records
    pools: Records
    workloads: Records
    replicas: Records
    slots: Records
    extras: Records
    processes: SlotArray
    transfers: Records
    loads: IntArray
    ranked: Records
    trees: IntArray
    served: FloatArray
    weights: FloatArray
    links: Records
    link_s: FloatArray
    link_tree: FloatArray
    frontends: Records
    plans: Records
    laws: FloatArray
    event_s: FloatArray
    event_tree: FloatArray
    heap: Records
    block_phase: CountArray
    load: FloatArray
    load_tree: FloatArray
    rosters: SlotArray
    held_list: SlotArray
    timers: Records
    rings: Records
    deadlines: Records
    firsts: Records
    tasks: Records
    calls: Records
    kept: FloatArray
    names: SlotArray
    caches: Records
    runs: Records
    buckets: SlotArray
    tiers: Records
    histograms: CountArray
    octaves: IntArray
    usage: Records
    legs: Records
    providers: Records
    quotas: FloatArray
    paces: FloatArray
    hours: FloatArray
    prices: FloatArray
    peaks: FloatArray
    budgets: Records
    budgets_of: IntArray
    ends: FloatArray
    fed: Records
    fed_extras: Records
    users: Records
    sequels: Records
    sequel_extras: Records
    log: Records
    needs: Records
    adapters: Records
    adapter_slots: Records
    adapter_pools: Records
    adapter_sets: Records
    adapter_shares: FloatArray
    adapter_times: FloatArray
