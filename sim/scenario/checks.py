"""What a resolved scenario cannot mean, and what its author may not have meant."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np

from sim.catalog.prices import older_than_a_year
from sim.errors import ScenarioError
from sim.model.arrivals import SpecialEvent
from sim.model.closed import drawn_lengths
from sim.model.design import Design, GpuPool
from sim.model.failure import Failures
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.lifecycle import Lifecycle
from sim.model.managed import ManagedApi
from sim.model.scheduling import BATCH, CRITICAL
from sim.model.trace import Trace, TraceSource
from sim.model.workload import Workload
from sim.scenario import plausibility, sharing, unlikely
from sim.scenario.backend import cluster, energy, gpu_pool, managed, scheduling
from sim.scenario.backend.failures import check_spot
from sim.scenario.backend.outages import PlannedOutage
from sim.scenario.compilation import compile_design
from sim.scenario.schema import DAY_S, ScenarioDocument
from sim.scenario.sharing import Backend, pools_of, served_by, workloads_of
from sim.scenario.values.numbers import TAIL, Uncertain, quantiles
from sim.scenario.values.problems import Findings
from sim.scenario.values.units import format_duration, shown
from sim.scenario.workload import adapters

UNROUTED = "no workload is routed to it"
REJECTED_SHARE = 0.01  # of prompts that a backend cannot take, before it is worth a warning
MOST_PLACES = 50_000_000  # in batches, of 20 bytes each
PLAYED_SHARE = 0.9  # of the horizon that a trace should fill


def check_designs(
    document: ScenarioDocument,
    traces: Mapping[str, Trace],
    inputs: list[Uncertain],
    findings: Findings,
) -> Design | None:
    """The design of the median world, once those of extreme worlds could be made too."""
    designs = []
    for level in (TAIL, 1 - TAIL, 0.5):
        draws = {u.path: quantiles(u.distribution, [level])[0] for u in inputs}
        for name, backend in document.backends.items():
            if isinstance(backend, gpu_pool.GpuPool):
                check_spot(backend.spot, ("backends", name), draws, findings)
        if findings:
            return None
        try:
            designs.append(compile_design(document, traces, draws))
        except (ScenarioError, ValueError, ArithmeticError) as error:
            findings.add((), f"a world at the {100 * level:g} % level of all inputs: {error}")
            return None
        cluster.check(designs[-1], findings)
        pools = {n: b for n, b in document.backends.items() if isinstance(b, gpu_pool.GpuPool)}
        own = {name: each.energy for name, each in pools.items()}
        energy.check_budgets(designs[-1].pools, document.energy, own, findings)
        if findings:
            return None
    design = designs[-1]
    for workload in design.workloads:
        _check_prompts(workload, served_by(design, workload), findings)
        for pool in pools_of(design, workload):
            _check_client(workload, pool, findings)
    for pool in design.pools:
        _check_batches(pool, findings)
    adapters.check_room(design, findings)
    sharing.check_sharing(design, findings)
    return design


def _check_batches(pool: GpuPool, findings: Findings) -> None:
    """Note a fleet whose batches alone would take gigabytes of memory to simulate."""
    most = min(pool.limits[1], pool.capacity_limit) + pool.lifecycle.kept_ready
    places = most * pool.profile.replica_seqs
    if places > MOST_PLACES:
        message = f"at most {most:,.0f} replicas with batches of {pool.profile.replica_seqs:,}"
        findings.add(
            ("backends", pool.name, "replicas"),
            f"{message} are {places:,.0f} requests at once, more than {MOST_PLACES:,}",
            "lower max, or max_num_seqs of the engine",
        )


def check_code(document: ScenarioDocument, findings: Findings) -> None:
    """Note Python code that would be run: whoever writes a scenario could do anything with it."""
    for name, backend in document.backends.items():
        scaler = backend.autoscaler if isinstance(backend, gpu_pool.GpuPool) else None
        module, colon, function = ((scaler and scaler.process) or "").partition(":")
        if colon:
            findings.add(
                ("backends", name, "autoscaler", "process"),
                f"{shown(f'{module}:{function}')} is code: it imports the module {shown(module)},"
                f" which runs all that is in it, and calls {shown(function)}",
                "if you trust it, add --allow-code",
            )


def _check_prompts(workload: Workload, backends: Sequence[Backend], findings: Findings) -> None:
    """Note a workload whose every prompt would be rejected."""
    shortest = _prompt_quantile(workload, TAIL)
    longest = max(backends, key=_most_tokens)
    most = _most_tokens(longest)
    if shortest > most:
        key = ("arrivals",) if drawn_lengths(workload.source) is None else ("prompt_tokens",)
        message = f"even the shortest ({shortest:.0f} tokens) are longer than the {most} tokens"
        of_profile = "see max_model_len and kv_capacity_tokens of its profile"
        findings.add(
            ("workloads", workload.name, *key),
            f"{message} that backend '{longest.name}' takes",
            of_profile if isinstance(longest, GpuPool) else "see its max_model_len",
        )


def _most_tokens(backend: Backend) -> int:
    """The longest prompt that a backend takes."""
    engine = backend.profile if isinstance(backend, GpuPool) else backend
    return engine.max_model_len - 1


def _check_client(workload: Workload, pool: GpuPool, findings: Findings) -> None:
    """Note a client that leaves before the front end has passed on its request."""
    client, profile = workload.client, pool.profile
    least_s = profile.passage_s(1)
    longest_s = math.inf
    if client.patience is not None:
        (longest_s,) = quantiles(client.patience, [1 - TAIL])
    limits_s = {
        "timeout": client.timeout_s,
        "first_token_timeout": client.ttft_timeout_s,
        "patience": longest_s,
    }
    for key, limit_s in limits_s.items():
        if limit_s <= least_s:
            findings.add(
                ("workloads", workload.name, "client", key),
                f"{limit_s:.4g}s must be longer than the {least_s:.4g}s that the front end of "
                f"backend '{pool.name}' takes",
                "see overhead_s of its profile",
            )
    if client.hedge is not None and client.hedge.after_s >= longest_s:
        findings.add(
            ("workloads", workload.name, "client", "hedge"),
            "must be shorter than patience, or none is ever sent",
            "see patience",
        )


def _prompt_quantile(workload: Workload, level: float) -> float:
    """The prompt length that this share of the requests does not exceed."""
    source = workload.source
    drawn = drawn_lengths(source)
    if drawn is not None:
        return _quantile(drawn.prompt, level)
    assert isinstance(source, TraceSource)
    return float(np.quantile(source.trace.prompt_tokens, level))


def _quantile(lengths: Lengths, level: float) -> float:
    (drawn,) = quantiles(lengths.distribution, [level])
    return min(max(drawn, lengths.minimum), lengths.maximum)


def warnings(document: ScenarioDocument, design: Design, today: date) -> Iterator[str]:
    """Advice on a scenario that can be simulated."""
    for backend in design.backends:
        yield from _of_backend(backend, design, today)
    for pool in design.pools:
        yield from _of_gateway(pool, workloads_of(design, pool))
        yield from scheduling.warnings(pool, workloads_of(design, pool))
    for workload in design.workloads:
        yield from _of_prompts(workload, served_by(design, workload))
        if isinstance(workload.source, TraceSource):
            yield from _of_trace(workload.name, workload.source, design)
        else:
            yield from _of_arrivals(document, workload.name, design)
        yield from _of_events(document, workload.name, design)
        yield from _of_tasks(document, workload, served_by(design, workload))
        for pool in pools_of(design, workload):
            yield from _of_client(workload, pool)
        yield from _of_routing(workload, design)
    yield from _of_shared_budgets(document, design)
    yield from _of_planned_outages(document, design)
    yield from sharing.warnings(design)
    yield from adapters.warnings(design)
    yield from plausibility.warnings(document, design)
    yield from unlikely.warnings(document, design)


def _of_backend(backend: Backend, design: Design, today: date) -> Iterator[str]:
    path, as_of = f"backends.{backend.name}", backend.price.as_of
    if as_of and older_than_a_year(as_of, today):
        yield f"{path}.price: its date ({as_of}) is over a year ago"
    workloads = workloads_of(design, backend)
    if not workloads:
        costs = ", and yet it costs" if isinstance(backend, GpuPool) else ""
        yield f"{path}: {UNROUTED}{costs}"
    carried = any(sharing.has_sessions(one) or one.prefix_hit_rate for one in workloads)
    if (
        isinstance(backend, ManagedApi)
        and backend.caching is not None
        and workloads
        and not carried
    ):
        yield (
            f"{path}.prompt_caching: saves nothing, as no calls follow each other; add "
            "follow_ups, or prefix_cache, to a workload"
        )


def _of_routing(workload: Workload, design: Design) -> Iterator[str]:
    """Advice on queues where there are none."""
    path, routing = f"workloads.{workload.name}", workload.route
    if pools_of(design, workload):
        return
    for key, given in (
        ("overflow", not math.isinf(routing.overflow_queue)),
        ("degradation", routing.degradation is not None),
    ):
        if given:
            yield f"{path}.{key}: makes no difference, as no requests wait at its backends"


def _of_gateway(pool: GpuPool, workloads: Sequence[Workload]) -> Iterator[str]:
    path, gateway, dies = f"backends.{pool.name}", pool.gateway, pool.failures != Failures()
    limits = [gateway.max_queue, *(workload.max_concurrency for workload in workloads)]
    rejects = math.isfinite(min(limits)) or (dies and not gateway.holds)
    if not rejects and not math.isnan(gateway.retry_after_s):
        yield (
            f"{path}.gateway.retry_after: makes no difference, as nothing is rejected; "
            "add max_queue"
        )
    if gateway.on_loss == "resend" and not dies:
        yield f"{path}.gateway.on_replica_loss: makes no difference, as no replica is ever lost"
    if pool.lifecycle != Lifecycle() and not pool.moves:
        yield (
            f"{path}: cold_start, capacity and drain_limit make no difference, as no replica ever "
            "comes or goes"
        )


def _of_prompts(workload: Workload, backends: Sequence[Backend]) -> Iterator[str]:
    longest = max(backends, key=_most_tokens)
    most = _most_tokens(longest)
    if _prompt_quantile(workload, 1 - REJECTED_SHARE) > most:
        yield (
            f"workloads.{workload.name}: over {REJECTED_SHARE:.0%} of its prompts are longer than "
            f"the {most} tokens that backend '{longest.name}' takes; they will be rejected"
        )


def _of_trace(name: str, source: TraceSource, design: Design) -> Iterator[str]:
    path = f"workloads.{name}.arrivals.trace"
    origin = source.trace.origin
    for reason, count in origin.skipped if origin else ():
        rows = f"{count:,} row" if count == 1 else f"{count:,} rows"
        yield f"{path}: {rows} {reason} {'is' if count == 1 else 'are'} left out"
    for remark in origin.remarks if origin else ():
        yield f"{path}: {remark}"
    played_s, duration_s = source.period_s, design.horizon.duration_s
    if source.mode == "once" and played_s < PLAYED_SHARE * duration_s:
        ends = format_duration(round(played_s))
        yield f"{path}: ends after {ends} of {format_duration(duration_s)}; loop it to go on"


def _of_arrivals(document: ScenarioDocument, name: str, design: Design) -> Iterator[str]:
    arrivals = document.workloads[name].arrivals
    path, horizon = f"workloads.{name}.arrivals", design.horizon
    for remark in arrivals.shape.remarks if arrivals.shape else ():
        yield f"{path}.shape: {remark}"
    varied = arrivals.shape is not None and len(set(arrivals.shape.day_shape.values)) > 1
    if varied and horizon.duration_s < DAY_S:
        part = format_duration(horizon.duration_s)
        yield f"{path}.shape: a horizon of {part} shows only a part of its day"


def _of_events(document: ScenarioDocument, name: str, design: Design) -> Iterator[str]:
    path, horizon = f"workloads.{name}.arrivals", design.horizon
    for event in document.workloads[name].arrivals.events or ():
        start = event.start.offset(horizon.start)
        duration = event.duration
        if isinstance(start, Uncertain) or isinstance(duration, Uncertain):
            continue
        if not _touches(SpecialEvent(start, duration, 1.0), horizon.duration_s):
            yield f"{path}.events: {event.name} lies outside of the horizon"


def _of_tasks(
    document: ScenarioDocument, workload: Workload, backends: Sequence[Backend]
) -> Iterator[str]:
    """Advice on tasks whose prompts grow."""
    source, path = workload.source, f"workloads.{workload.name}.follow_ups"
    if not isinstance(source, GeneratedSource) or source.follow_ups is None or not workload.carry:
        return
    given, calls = document.workloads[workload.name].follow_ups, source.follow_ups
    if given is not None and given.prompt_tokens is None:
        yield (
            f"{path}: each call brings as many new tokens as the first prompt has, besides what it "
            "carries over; give prompt_tokens"
        )
    new, answer = calls.prompt.mean_tokens(), calls.output.mean_tokens()
    first = source.prompt.mean_tokens() + source.output.mean_tokens()
    before = first + max(calls.calls.mean() - 2, 0) * (new + answer)
    longest = max(backends, key=_most_tokens)
    last, most = workload.carry * before + new, _most_tokens(longest)
    if last > most:
        yield (
            f"{path}: the last prompt of an average task ({last:.0f} tokens) is longer than the "
            f"{most} tokens that backend '{longest.name}' takes; such tasks will fail"
        )


def _of_client(workload: Workload, pool: GpuPool) -> Iterator[str]:
    path, retry, gateway = f"workloads.{workload.name}", workload.client.retry, pool.gateway
    is_heard = gateway.keeps_waiting or pool.scheduling.order != "fcfs"
    if workload.priority in (CRITICAL, BATCH) and workload.yielding is None and not is_heard:
        yield (
            f"{path}.priority: makes no difference, as no requests wait before backend "
            f"'{pool.name}'; add gateway: {{queue: central}} to it"
        )
    retried = retry.max_retries > 0 and retry.after_rejection
    gives_up = retried and retry.beyond_limit == "give_up"
    if gives_up and gateway.retry_after_s > retry.retry_after_limit_s:
        yield (
            f"{path}.client.retries: a rejection by backend '{pool.name}' is never retried, as its "
            f"retry_after is longer than {format_duration(retry.retry_after_limit_s)}"
        )


def _of_shared_budgets(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """Budgets of which nothing can be spent."""
    used = {api.name for api in design.managed if workloads_of(design, api)}
    for name, budget in (document.budgets or {}).items():
        if used.isdisjoint(budget.backends):
            backends = ", ".join(budget.backends)
            yield f"budgets.{name}: makes no difference, as no workload is routed to {backends}"


def _of_planned_outages(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """Planned outages, of zones and of APIs, of which nothing falls into what is simulated."""
    horizon = design.horizon
    planned: list[tuple[str, str, PlannedOutage]] = [
        ("zones.planned", f"the outage of {one.zone}", one)
        for one in (document.zones and document.zones.planned) or ()
    ]
    for api in design.managed:
        given = document.backends[api.name]
        outages = given.outages if isinstance(given, managed.ManagedApi) else None
        path = f"backends.{api.name}.outages.planned"
        planned += [(path, "an outage", one) for one in (outages and outages.planned) or ()]
    for path, what, one in planned:
        start, duration = one.start.offset(horizon.start), one.duration
        if isinstance(start, Uncertain) or isinstance(duration, Uncertain):
            continue
        if not _touches(SpecialEvent(start, duration, 1.0), horizon.latest_s):
            when = format_duration(start)
            yield f"{path}: {what} at {when} lies outside of the horizon, and makes no difference"


def _touches(event: SpecialEvent, duration_s: float) -> bool:
    return event.start_s < duration_s and event.start_s + event.duration_s > 0
