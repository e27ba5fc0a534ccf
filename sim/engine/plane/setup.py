"""A fresh state of the data plane: engine laws, limits, gateways and clients in place."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.engine.client.client import JITTERS
from sim.engine.gateway.routing import BY_LOAD, LEAST_LOADED, ROUTERS, STICKY
from sim.engine.plane.growth import timer_heap, with_ranks, with_replica_capacity, with_slots
from sim.engine.plane.setup_managed import budgets, fill_provider, paces, peaks, prices, quotas
from sim.engine.plane.setup_variants import fill_variants
from sim.engine.request.timers import DEADLINES
from sim.engine.state.adapter_record import ADAPTER, ADAPTER_POOL, ADAPTER_SET, NEED, SLOTS
from sim.engine.state.backend_record import (
    ADMISSIONS,
    BILLINGS,
    LEG,
    LINKS_PER,
    POOL,
    PROVIDER,
    SCHEDULERS,
    USAGE,
    VARIANTS,
    WATERMARK,
)
from sim.engine.state.cache_record import CACHE, RUN
from sim.engine.state.clock_record import CLOCK
from sim.engine.state.histogram import BUCKETS
from sim.engine.state.line_record import FCFS, ORDERS, RANKED
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
    LATENCIES,
    NONE,
    REPLICA,
    REQUEST,
    RING,
    SEQUENCE,
    WORKLOAD,
    Records,
    records,
    whole_lines,
)
from sim.engine.state.state import State
from sim.engine.state.task_record import CALL, TASK
from sim.engine.state.tier_record import TIER
from sim.model.cache import ResponseCache
from sim.model.client import Client, RetryBudget
from sim.model.design import GpuPool
from sim.model.handoff import Handoff
from sim.model.managed import ManagedApi
from sim.model.profile import ServiceProfile
from sim.model.scheduling import CLASSES, SHEDDABLE
from sim.model.variants import Variants
from sim.model.workload import Slo, Yielding

MOST_BLOCKS = 2**31 - 1  # that a replica counts: more than any memory holds
_FIRST_SLOTS = 1024
_FIRST_TIMERS = 64
_SPARE_TIMERS = 4  # more than one event sets, but for those that begin the stages of tasks
_NO_BUDGET = RetryBudget(capacity=math.inf, cost=0.0, timeout_cost=0.0)


class Traits(NamedTuple):
    """Further settings of a workload, as in :class:`~sim.model.workload.Workload`."""

    max_concurrency: float = math.inf
    carry: float = 1.0
    prefix_hit_rate: float = 0.0
    response_cache: ResponseCache | None = None
    yielding: Yielding | None = None
    tenant: str = ""


def empty_state(
    pools: Sequence[GpuPool],
    managed: Sequence[ManagedApi],
    workloads: int,
    start_s: float,
    variants: Sequence[Variants] = (),
) -> State:
    """Engine laws and limits in place, no replicas, no requests, no routes."""
    batch = max((pool.profile.max_num_seqs for pool in pools), default=1)
    processes = max((pool.profile.frontend_processes for pool in pools), default=1)
    engines = [pool.profile for pool in pools]
    block = max((each.kv_block_tokens * each.units_per_token for each in engines), default=1)
    count = len(pools) + len(managed) + len(variants)
    laws = np.zeros((count, 2, batch + 1))
    rows = records(count, POOL)
    rows.hands_to = NONE
    providers = records(count, PROVIDER)
    providers.capable_share = 1.0
    providers.out_until_s = providers.spent_until_s = -math.inf
    providers.cooldown_s = [
        *(pool.cooldown_s for pool in pools),
        *(api.cooldown_s for api in managed),
        *(0.0 for _ in variants),
    ]
    for index, backend in enumerate(managed, len(pools)):
        rows[index].max_model_len = backend.max_model_len
        fill_provider(providers[index], backend, start_s)
    tables, hours = paces(managed, len(pools))
    for index, pool in enumerate(pools):
        size = pool.profile.max_num_seqs + 1
        laws[index, :, :size] = pool.profile.step_tables()
        laws[index, :, 1:] *= pool.profile.tokens_per_step  # a step makes so many tokens
        laws[index, 1] /= pool.profile.units_per_token
        _fill_pool(rows[index], pool)
    for index, joined in enumerate(variants, len(pools) + len(managed)):
        fill_variants(rows, providers, joined, index, pools)
    for row, pool in zip(rows, pools, strict=False):
        if pool.handoff is not None:
            _fill_handoff(row, pool.handoff, pools)
    state = State(
        clock=records(1, CLOCK),
        pools=rows,
        workloads=records(workloads, WORKLOAD),
        replicas=records(0, REPLICA),
        slots=records(0, SEQUENCE),
        extras=records(0, EXTRA),
        processes=np.zeros(0, np.int64),
        transfers=records(0, TRANSFER),
        loads=np.zeros((0, 1), np.int64),
        ranked=records(0, RANKED),
        trees=np.zeros((0, 2), np.int64),
        served=np.zeros((0, 0)),
        weights=np.ones((count, 0)),
        links=records(0, LINK),
        link_s=np.zeros(0),
        link_tree=np.zeros(0),
        frontends=records((0, processes), FRONTEND),
        plans=records(0, PLAN),
        laws=laws,
        event_s=np.zeros(0),
        event_tree=np.zeros(0),
        heap=records((0, whole_lines(batch, ENTRY)), ENTRY),
        block_phase=np.zeros((0, block), np.int32),
        load=np.zeros((count, 0)),
        load_tree=np.zeros((count, 0)),
        rosters=np.zeros((count, 2, 0), np.int64),
        held_list=np.full((count, CLASSES, 2), NONE, np.int64),
        timers=timer_heap(_FIRST_TIMERS),
        rings=records(DEADLINES * workloads, RING),
        deadlines=np.zeros((DEADLINES * workloads, _FIRST_TIMERS), DEADLINE).view(np.recarray),
        firsts=records(DEADLINES * workloads, FIRST),
        tasks=records(0, TASK),
        calls=records(0, CALL),
        kept=np.zeros((0, count, 2)),
        names=np.zeros(0, np.int64),
        caches=records(0, CACHE),
        runs=records(0, RUN),
        buckets=np.full(1, NONE, np.int64),
        tiers=_tiers(pools, count),
        histograms=np.zeros((workloads, len(LATENCIES), BUCKETS), np.int32),
        octaves=np.zeros((workloads, len(LATENCIES)), np.int64),
        usage=np.zeros((workloads, count, BILLINGS), USAGE).view(np.recarray),
        legs=records(0, LEG),
        providers=providers,
        quotas=quotas(managed, len(pools)),
        paces=tables,
        hours=hours,
        prices=prices(managed, len(pools)),
        peaks=peaks(managed, len(pools)),
        **budgets(managed, len(pools), providers),
        fed=records(0, FED),
        fed_extras=records(0, FED_EXTRA),
        users=records(0, USER),
        sequels=records(0, FED),
        sequel_extras=records(0, FED_EXTRA),
        log=records(0, REQUEST),
        needs=records(0, NEED),
        adapters=records((0, 0), ADAPTER),
        adapter_slots=records(0, SLOTS),
        adapter_pools=records(0, ADAPTER_POOL),
        adapter_sets=records(0, ADAPTER_SET),
        adapter_shares=np.zeros((0, 0)),
        adapter_times=np.zeros((0, 0, 0)),
    )
    clock = state.clock[0]
    clock.free_slot = clock.emptied = clock.held = NONE
    clock.free_task = clock.free_run = clock.turn = NONE
    clock.timer_s = clock.deadline_s = clock.link_s = math.inf
    clock.spare_timers = _SPARE_TIMERS
    return with_slots(with_replica_capacity(state, 2), _FIRST_SLOTS)


def note_what_there_is(state: State) -> None:
    """Say what there is at all, so that what there is not costs nothing."""
    clock, workloads = state.clock[0], state.workloads
    # Who needs an adapter is followed into the batch and out of it as who shares blocks is.
    clock.has_prefix_caches = (state.pools.prefix_block_tokens > 0).any() or clock.has_adapters
    clock.has_caches = clock.has_prefix_caches or (workloads.prefix_hit_rate > 0).any()
    clock.has_tiers = state.tiers.shape[1] > 0
    clock.has_hedges = (workloads.hedge_s < math.inf).any()
    timeouts = np.minimum(workloads.ttft_timeout_s, workloads.timeout_s) < math.inf
    clock.has_deadlines = clock.has_hedges or timeouts.any()
    clock.has_budgets = len(state.budgets) > 0
    clock.has_transfers = (state.pools.hands_to != NONE).any() or clock.has_tiers
    clock.joined = (state.providers.kind == VARIANTS).sum()
    clock.has_batches = workloads.gives_way.any()
    clock.has_orders = (state.pools.order != FCFS).any()
    clock.has_standing = clock.has_batches or clock.has_adapters or clock.has_orders
    clock.has_special_lines = clock.has_transfers or clock.has_orders
    clock.has_absences = clock.has_budgets or (state.providers.cooldown_s > 0).any()
    clock.has_detours = (
        state.providers.kind.any()
        or clock.has_absences
        or len(state.legs) > len(workloads)
        or (state.legs.trip_s > 0).any()
        or (workloads.degrade_queue < math.inf).any()
    )
    if (state.legs.escalation != NONE).any():  # whatever ends in a step may go on
        clock.spare_timers += int(state.pools.max_num_seqs.max())
    if clock.has_transfers:  # whoever is handed on in a step may be turned away
        clock.spare_timers += int(state.pools.max_num_seqs.max())
    if state.pools.streams.any():  # a timer for each answer, and perhaps for each first token
        clock.spare_timers += (1 + clock.has_hedges) * int(state.pools.max_num_seqs.max())


def _fill_pool(row: Records, pool: GpuPool) -> None:
    profile = pool.profile
    _fill_engine(row, profile)
    row.places = min(profile.max_num_seqs, pool.gateway.replica_limit)
    central = math.isfinite(pool.gateway.replica_limit)
    router = ROUTERS[pool.router]
    row.router = LEAST_LOADED if central and router not in STICKY else router
    row.tracks_load = row.router in BY_LOAD
    row.for_prefix, row.for_queue = pool.scorers.prefix, pool.scorers.queue
    row.for_kv_cache, row.for_running = pool.scorers.kv_cache, pool.scorers.running
    row.for_adapter = pool.scorers.adapter
    if pool.prefix_cache is not None:
        row.prefix_blocks = pool.prefix_cache.blocks
        row.prefix_block_tokens = pool.prefix_cache.block_tokens
        if pool.prefix_cache.shares:
            row.prefix_size = row.prefix_block_tokens // profile.kv_block_tokens
            row.prefix_blocks = row.kv_blocks // row.prefix_size
        row.tiers = len(pool.prefix_cache.tiers)
        in_memory = profile.kv_capacity_tokens // row.prefix_block_tokens
        row.tier_runs = row.tiers * (row.prefix_blocks + in_memory + 2 * row.max_num_seqs)
        row.tier_runs += (row.tiers > 0) * row.prefix_blocks  # before what is too much is dropped
        row.loads_always = pool.prefix_cache.load == "always"
        row.sees_tiers = row.tiers > 0 and pool.prefix_cache.router_sees_tiers
    row.max_queue = pool.gateway.max_queue
    row.retry_after_s = pool.gateway.retry_after_s
    row.replica_limit = pool.gateway.replica_limit
    row.holds = pool.gateway.holds
    row.resends = pool.gateway.on_loss == "resend"
    row.shed_queue = pool.gateway.shed_queue
    row.order, row.ageing_s = ORDERS[pool.scheduling.order], pool.scheduling.ageing_s
    row.prediction_error = pool.scheduling.prediction_error
    row.takes_places = pool.scheduling.takes_places
    row.takes_after_s = pool.scheduling.takes_after_s


def _fill_engine(row: Records, profile: ServiceProfile) -> None:
    row.max_num_seqs = profile.max_num_seqs
    row.max_num_batched_tokens = profile.max_num_batched_tokens
    row.max_model_len = profile.max_model_len
    row.kv_blocks = min(profile.kv_capacity_tokens // profile.kv_block_tokens, MOST_BLOCKS)
    row.unit_shift = int(math.log2(profile.units_per_token))
    row.tokens_per_unit = 1.0 / profile.units_per_token
    row.gain, row.width = profile.tokens_per_step, profile.step_width
    row.advance = round(profile.tokens_per_step * profile.units_per_token)
    row.block_mask = profile.kv_block_tokens * profile.units_per_token - 1
    row.block_shift = int(math.log2(profile.kv_block_tokens)) + row.unit_shift
    row.ranks = profile.data_parallel_ranks
    row.is_apart = row.ranks > 1
    row.scheduler = SCHEDULERS[profile.scheduler]
    row.steps_in_flight = profile.steps_in_flight
    row.admission = ADMISSIONS[profile.admission]
    if profile.admission == "watermark":
        row.watermark_blocks = int(WATERMARK * row.kv_blocks)
    row.prefill_s_per_request = profile.prefill_s_per_request
    row.prefill_s_per_token = profile.prefill_s_per_token
    row.prefill_s_per_token_context = profile.prefill_s_per_token_context
    row.overhead_s = profile.overhead_s
    row.frontend_s_per_request = profile.frontend_s_per_request
    row.frontend_s_per_prompt_token = profile.frontend_s_per_prompt_token
    row.frontend_s_per_token = profile.frontend_s_per_token
    row.frontend_s_per_token_from_rest = profile.frontend_s_per_token_from_rest
    row.frontend_s_per_prompt_token_out = profile.frontend_s_per_prompt_token_out
    row.works_on_tokens = profile.works_on_tokens
    row.output_delay_s = profile.output_delay_s
    row.processes = profile.frontend_processes
    row.streams = profile.works_on_tokens or profile.output_delay_s > 0.0


def _fill_handoff(row: Records, handoff: Handoff, pools: Sequence[GpuPool]) -> None:
    row.hands_to = next(at for at, other in enumerate(pools) if other.name == handoff.to)
    row.max_model_len = min(row.max_model_len, pools[row.hands_to].profile.max_model_len)
    row.link_per = LINKS_PER[handoff.per]
    row.link_bytes_per_s, row.link_latency_s = handoff.bytes_per_s, handoff.latency_s
    row.kv_bytes_per_token, row.local_below = handoff.kv_bytes_per_token, handoff.local_below


def _tiers(pools: Sequence[GpuPool], backends: int) -> Records:
    """What lies under the caches of prompts of each backend."""
    caches = [pool.prefix_cache for pool in pools]
    most = max((len(cache.tiers) for cache in caches if cache is not None), default=0)
    rows = np.zeros((backends, most), TIER).view(np.recarray)
    for index, cache in enumerate(caches):
        for at, tier in enumerate(cache.tiers if cache is not None else ()):
            assert cache is not None
            row = rows[index, at]
            row.blocks = tier.capacity_tokens // cache.block_tokens
            row.writes_through, row.is_shared = tier.writes_through, tier.is_shared
            row.s_per_block = cache.block_bytes / tier.read_bytes_per_s
            row.latency_s = tier.latency_s
    return rows


def fill_workload(row: Records, slo: Slo, priority: int, traits: Traits) -> None:
    """Set what is constant of a workload, but for its client and its routes."""
    row.priority = priority
    if traits.yielding is not None:
        row.gives_way = 1
        row.gives_way_for_s = traits.yielding.for_s
        row.gives_way_after_s = traits.yielding.after_s
    row.slo_ttft_s, row.slo_tpot_s, row.slo_e2e_s = slo.ttft_s, slo.tpot_s, slo.e2e_s
    row.max_concurrency, row.carry = traits.max_concurrency, traits.carry
    row.most_inside = traits.max_concurrency
    if priority == SHEDDABLE:
        row.sheds, row.max_concurrency = 1, 0.0
    row.due_s = min(slo.ttft_s, slo.e2e_s)
    row.prefix_hit_rate = traits.prefix_hit_rate
    if traits.response_cache is not None:
        row.response_hit_rate = traits.response_cache.hit_rate
        row.response_s = traits.response_cache.latency_s


def shared_by(state: State, pools: Sequence[GpuPool], tenants: Sequence[str]) -> State:
    """The same state with ranks in lines, and with the shares of tenants where pools have any."""
    state = with_ranks(state, len(state.slots))
    if not any(pool.scheduling.order == "fair" for pool in pools):
        return state
    names = sorted({*tenants})
    state.workloads.tenant[:] = [names.index(tenant) for tenant in tenants]
    weights = np.ones((len(state.pools), len(names)))
    for row, pool in zip(weights, pools, strict=False):
        row[:] = [pool.scheduling.weight(name) for name in names]
    served = np.zeros((len(state.replicas), 1 + len(names)))
    return state._replace(served=served, weights=weights)


def fill_client(row: Records, client: Client) -> None:
    """Set what the clients of a workload do."""
    retry = client.retry
    budget = retry.budget or _NO_BUDGET
    row.hedge_s = math.inf if client.hedge is None else client.hedge.after_s
    row.ttft_timeout_s, row.timeout_s = client.ttft_timeout_s, client.timeout_s
    row.server_stops = client.server_stops
    row.max_retries = retry.max_retries
    row.base_s, row.cap_s = retry.base_s, retry.cap_s
    row.jitter = JITTERS[retry.jitter]
    row.after_timeout = retry.after_timeout
    row.after_rejection = retry.after_rejection
    row.after_failure = retry.after_failure
    row.retry_after_limit_s = retry.retry_after_limit_s
    row.gives_up_beyond = retry.beyond_limit == "give_up"
    row.tokens = row.capacity = budget.capacity
    row.cost, row.timeout_cost = budget.cost, budget.timeout_cost
    row.per_request, row.per_success = budget.per_request, budget.per_success
