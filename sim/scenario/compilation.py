"""From a resolved document and the draws of a world to a design: called once per world."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sim.model import design
from sim.model import managed as model
from sim.model.arrivals import Dispersion
from sim.model.bill import of_bill
from sim.model.closed import ClosedSource, DrawnRequests
from sim.model.design import Design, Horizon
from sim.model.generated import GeneratedSource
from sim.model.reach import reach_of, reaching
from sim.model.trace import Trace, TraceSource
from sim.model.workload import RequestSource, Slo, Workload
from sim.model.zones import Zones
from sim.scenario import rates, schema
from sim.scenario.backend import (
    adapters,
    caches,
    cluster,
    energy,
    engine_limits,
    failures,
    fleet,
    gateway,
    gpu_price,
    handoff,
    joined,
    lifecycle,
    managed,
    scaled,
    scheduling,
    scorers,
    variants,
    zones,
)
from sim.scenario.backend import region as keys
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.speculation import sped_up
from sim.scenario.rates import there_is
from sim.scenario.regional import place
from sim.scenario.regional.place import ANYWHERE, Place
from sim.scenario.resolution import billers, length_s
from sim.scenario.schema import ScenarioDocument
from sim.scenario.values.numbers import known
from sim.scenario.workload import adapters as needed
from sim.scenario.workload import (
    after,
    billed,
    client,
    follow_ups,
    routes,
    swings,
    value,
    yielding,
)
from sim.scenario.workload.burstiness import Burstiness
from sim.scenario.workload.client import PRIORITIES
from sim.scenario.workload.compression import compressed

Draws = Mapping[str, float]

DEADLINES_MET = 0.99  # share of a batch's requests


def compile_design(document: ScenarioDocument, traces: Mapping[str, Trace], draws: Draws) -> Design:
    """The design in the world of these draws; ValueError if they admit none."""
    horizon = compile_horizon(document.horizon)
    billed_by = billers(document)
    first = after.firsts(document.workloads)
    workloads = tuple(
        _workload(
            name,
            _rated(each, document, billed_by[name], horizon, draws) if name in billed_by else each,
            document.workloads[first[name]].arrivals if name in first else None,
            traces.get(name),
            horizon,
            draws,
            place.of_workload(document, name),
        )
        for name, each in document.workloads.items()
    )
    workloads = after.chained(workloads, document.workloads, draws)
    backends = schema.taking_part(document)
    workloads = tuple(_handed_on(each, document, draws) for each in workloads)
    pools = tuple(
        _reached(_pool(name, backend, document, horizon, draws), document, workloads)
        for name, backend in backends.items()
        if isinstance(backend, GpuPool)
    )
    pools, of_several = joined.compiled(document.variants, pools, workloads, draws)
    return Design(
        name=document.name,
        horizon=horizon,
        workloads=workloads,
        pools=energy.budgeted(pools, document.energy, draws),
        managed=tuple(
            _managed(name, backend, document, horizon, draws)
            for name, backend in backends.items()
            if not isinstance(backend, GpuPool)
        ),
        one_off=value.compiled_one_off(document.one_off, draws),
        cluster=cluster.compiled(document.cluster, zones.names_of(document.zones)),
        variants=of_several,
        regions=place.regions(document),
    )


def compile_horizon(horizon: schema.Horizon) -> Horizon:
    """The horizon in seconds."""
    return Horizon(
        horizon.start,
        there_is(length_s(horizon)),
        there_is(horizon.warm_up),
        there_is(horizon.bin),
        end_limit_s=there_is(horizon.end_limit) if horizon.end == "drained" else 0.0,
    )


def _workload(
    name: str,
    written: schema.Workload,
    of_first: schema.Arrivals | None,
    trace: Trace | None,
    horizon: Horizon,
    draws: Draws,
    there: Place,
) -> Workload:
    """A workload in a world, with the arrivals of the first of the chain that it comes late in."""
    workload = written
    if of_first is not None:
        workload = written.model_copy(update={"arrivals": of_first})
    source = _source(workload, trace, horizon, draws, there)
    route: routes.Route = there_is(workload.route)
    part = rates.part(workload.arrivals, horizon, draws, there)
    calls, hits, most = workload.follow_ups, workload.prefix_cache, workload.max_concurrency
    return Workload(
        name,
        source,
        route.legs[0].to,
        _slo(workload),
        client.compiled(workload.client, draws),
        PRIORITIES[workload.priority],
        max_concurrency=math.inf if most is None else known(most, draws),
        carry=1.0 if calls is None else known(there_is(calls.carry), draws),
        prefix_hit_rate=0.0 if hits is None else known(hits.hit_rate, draws),
        response_cache=caches.compiled_responses(workload.response_cache, draws),
        spikes=rates.spikes(workload.arrivals, horizon, draws),
        routing=routes.compiled(
            route, workload.fallback, workload.overflow, workload.degradation, draws
        ),
        economics=value.compiled(written, draws, part),
        month_weight=rates.month_weight(workload.arrivals, source, horizon, draws, there),
        has_deadline=workload.deadline is not None,
        adapters=needed.compiled(workload.adapters, draws),
        tenant=workload.tenant or name,
        yielding=yielding.compiled({key: getattr(workload, key) for key in yielding.KEYS}),
        generates=workload.output_tokens is None or not workload.output_tokens.is_none,
    )


def _source(
    workload: schema.Workload, trace: Trace | None, horizon: Horizon, draws: Draws, there: Place
) -> RequestSource:
    """Who sends its requests: users who wait for answers, drawn ones, a trace."""
    if workload.arrivals.think_time is not None:
        return _closed(workload, draws, there.share)
    if trace is None:
        return _generated(workload, horizon, draws, there)
    played = there_is(workload.arrivals.trace)
    return TraceSource(
        trace,
        played.mode,
        known(played.rate_scale, draws),
        known(played.thin, draws),
        known(played.speed, draws),
        tuple(rates.event(event, horizon, draws) for event in workload.arrivals.events or ()),
    )


def _slo(workload: schema.Workload) -> Slo:
    """What is asked of its requests: of a batch that they are answered by their deadline."""
    if workload.deadline is not None:
        return Slo(e2e_s=workload.deadline, attainment=DEADLINES_MET)
    return Slo() if workload.slo is None else workload.slo.slo()


def _closed(workload: schema.Workload, draws: Draws, share: float) -> ClosedSource:
    arrivals, kept = workload.arrivals, workload.prompt_compression
    lengths = DrawnRequests(
        compressed(there_is(workload.prompt_tokens).lengths(draws), kept, draws),
        there_is(workload.output_tokens).lengths(draws),
        known(there_is(workload.token_correlation), draws),
    )
    return ClosedSource(
        max(round(share * known(there_is(arrivals.users), draws)), 1),
        lengths,
        there_is(arrivals.think_time).distribution(draws),
        known(there_is(arrivals.ramp), draws),
        arrivals.requests,
        known(there_is(arrivals.pause), draws),
    )


def _generated(
    workload: schema.Workload, horizon: Horizon, draws: Draws, there: Place = ANYWHERE
) -> GeneratedSource:
    arrivals = workload.arrivals
    kept = workload.prompt_compression
    prompt = compressed(there_is(workload.prompt_tokens).lengths(draws), kept, draws)
    output = there_is(workload.output_tokens).lengths(draws)
    gaps: Burstiness = there_is(arrivals.burstiness)
    return GeneratedSource(
        rates.curve(arrivals, horizon, draws, there),
        prompt=prompt,
        output=output,
        gaps=gaps.renewal(draws),
        dispersion=_dispersion(arrivals.dispersion, draws),
        rank_correlation=known(there_is(workload.token_correlation), draws),
        prompt_growth_per_year=known(there_is(workload.context_creep_per_year), draws),
        follow_ups=follow_ups.compiled(workload.follow_ups, prompt, output, kept, draws),
    )


def _rated(
    workload: schema.Workload,
    document: ScenarioDocument,
    billed_by: str,
    horizon: Horizon,
    draws: Draws,
) -> schema.Workload:
    """The workload with the rate that its bill stands for."""
    arrivals, api = workload.arrivals, document.backends[billed_by]
    assert isinstance(api, managed.ManagedApi)
    one = arrivals.model_copy(update={"usd_per_month": None, "requests_per_second": 1.0})
    source = _generated(workload.model_copy(update={"arrivals": one}), horizon, draws)
    calls, hits = workload.follow_ups, workload.prefix_cache
    answers = caches.compiled_responses(workload.response_cache, draws)
    found = of_bill(
        known(there_is(arrivals.usd_per_month), draws),
        source.prompt,
        source.output,
        managed.compiled(billed_by, api, horizon.start, draws).price,
        0.0 if hits is None else known(hits.hit_rate, draws),
        source.follow_ups,
        1.0 if calls is None else known(there_is(calls.carry), draws),
        billed.compiled(arrivals.bill_shares, draws),
        0.0 if answers is None else answers.hit_rate,
    )
    given: dict[str, Any] = {
        "arrivals": one.model_copy(update={"requests_per_second": found.per_s})
    }
    if arrivals.bill_shares is not None:
        given["prompt_tokens"] = replace(there_is(workload.prompt_tokens), factor=found.longer)
        given["prefix_cache"] = caches.PrefixHits.model_construct(hit_rate=found.hit_rate)
    return workload.model_copy(update=given)


def _dispersion(dispersion: swings.Dispersion | None, draws: Draws) -> Dispersion | None:
    if dispersion is None:
        return None
    return Dispersion(known(dispersion.cv, draws), known(dispersion.timescale, draws))


def _managed(
    name: str, backend: Any, document: ScenarioDocument, horizon: Horizon, draws: Draws
) -> model.ManagedApi:
    if isinstance(backend, managed.ManagedApi):
        start, shared = horizon.start, document.budgets
        found = managed.compiled(name, backend, start, draws, horizon.latest_s, shared)
    else:
        found = managed.compiled_edge(name, backend, draws)
    region, site = place.key(document, backend), document.energy
    if region is not None:
        at, begins = place.region_of(document, name), horizon.start
        found = keys.dearer_api(found, known(region.price_factor, draws))
        found = replace(found, zones=keys.compiled_outages(at, region, begins, draws))
        site = keys.site(site, region, begins)
    return energy.applied_to_api(found, site, backend.energy, draws)


def _handed_on(workload: Workload, document: ScenarioDocument, draws: Draws) -> Workload:
    """The workload, told of pools that others hand its prompts to, and of those far away."""
    workload = place.with_trips(workload, document, draws)
    names = schema.reached(document.workloads[workload.name], document.backends, document.variants)
    onward = tuple(name for name in names if name not in workload.route.backends)
    if not onward:
        return workload
    return replace(workload, routing=replace(workload.route, onward=onward))


def _reached(
    pool: design.GpuPool, document: ScenarioDocument, workloads: tuple[Workload, ...]
) -> design.GpuPool:
    """The pool with its profile bounded where the work goes beyond what was measured."""
    profile = pool.profile
    if profile.limits is None:
        return pool
    for workload in workloads:
        if pool.name in schema.reached(
            document.workloads[workload.name], document.backends, document.variants
        ):
            profile = reaching(profile, reach_of(workload))
    return pool if profile is pool.profile else replace(pool, profile=profile)


def _pool(
    name: str, pool: GpuPool, document: ScenarioDocument, horizon: Horizon, draws: Draws
) -> design.GpuPool:
    factor = known(there_is(pool.throughput_factor), draws)
    profile = sped_up(pool.service.drawn(draws), pool.speculative_decoding, draws)
    policy = variants.scaler_of(document.variants, name, pool)
    scaler = scaled.compiled(policy, pool.replicas, draws)
    at, region = place.region_of(document, name), place.key(document, pool)
    ahead_s = place.ahead_s(document, at, horizon.start)
    begins = horizon.start + timedelta(seconds=ahead_s - horizon.warm_up_s)
    profile = engine_limits.fitting(adapters.reduced(profile, pool.adapters))
    most = fleet.most_gpus(pool, profile)
    lost = failures.compiled(pool.failures, pool.spot, draws)
    found = design.GpuPool(
        name,
        profile if factor == 1 else profile.sped_up(factor),
        scaled.initial_replicas(scaler, pool.replicas, begins, draws),
        pool.router,
        gpu_price.compiled(there_is(pool.price), most, horizon.start, draws),
        gateway.compiled(pool.gateway, scaler is not None, draws),
        lifecycle.compiled(pool.cold_start, pool.standby, pool.capacity, pool.drain_limit, draws),
        scaler,
        replace(lost, zones=_zones(pool, document, horizon, draws)),
        caches.compiled(pool.prefix_cache, profile, draws),
        math.nan if pool.quality is None else known(pool.quality, draws),
        0.0 if pool.cooldown is None else known(pool.cooldown, draws),
        pool.node_gpus,
        known(pool.fixed_usd_per_month, draws),
        handoff=handoff.compiled(pool.handoff, draws),
        adapters=adapters.compiled(pool.adapters, draws),
        ahead_s=ahead_s,
    )
    orders = scheduling.compiled(pool.scheduling, draws)
    found = replace(found, scorers=scorers.compiled(pool.scorers, draws), scheduling=orders)
    site = document.energy
    if region is not None:
        if pool.regions is not None and pool.regions[at].price is None:
            found = keys.dearer(found, known(region.price_factor, draws))
        site = keys.site(site, region, horizon.start)
    return energy.applied(found, site, pool.energy, pool.power_cap, draws)


def _zones(
    pool: GpuPool, document: ScenarioDocument, horizon: Horizon, draws: Draws
) -> Zones | None:
    """What of a pool may be lost together: its zones, or the region where it stands."""
    region = place.key(document, pool)
    if region is None or pool.regions is None:
        return zones.compiled(document.zones, pool.zones, horizon.start, draws)
    return keys.compiled_outages(next(iter(pool.regions)), region, horizon.start, draws)
