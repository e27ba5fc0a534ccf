"""A valid document with its defaults filled in and its traces and prices read.

What is filled in stands in ``scenario.yaml`` of the results, so that a later catalogue with other
prices gives the same designs. Paths of files are made absolute.
"""

import math
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sim.catalog import shape as catalogue_shape
from sim.errors import CatalogError, TraceError
from sim.model.arrivals import FLAT
from sim.model.closed import MOST_USERS, PAUSE_S
from sim.model.trace import Trace, TraceSource
from sim.model.trace_loops import with_closed_sessions
from sim.scenario import batch, schema
from sim.scenario.backend import (
    adapters,
    budget,
    caches,
    energy,
    engine_error,
    engine_limits,
    fallback,
    fleet,
    gpu_price,
    handoff,
    managed,
    region,
    variants,
)
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import Edge, ManagedApi
from sim.scenario.schema import DAY_S, ScenarioDocument
from sim.scenario.values.catalogued import Shape
from sim.scenario.values.fields import Surroundings
from sim.scenario.values.numbers import Number, Uncertain, extent
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import format_duration, shown
from sim.scenario.workload import adapters as loaded
from sim.scenario.workload import after, client, follow_ups, routes
from sim.scenario.workload.burstiness import Burstiness
from sim.scenario.workload.counts import shape_of

HALF_HOUR_S = 1800.0
BINS_S: Final = (300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0)
BINS_OF_A_DAY: Final = 96
MOST_BINS: Final = 1500
END_LIMIT_S: Final = 7 * DAY_S  # what is still unanswered after a week is most likely stuck


def resolve(
    document: ScenarioDocument, surroundings: Surroundings, findings: Findings
) -> tuple[ScenarioDocument, dict[str, Trace]]:
    """The document with nothing left open, and the trace of each workload that replays one."""
    traces: dict[str, Trace] = {}
    workloads: dict[str, schema.Workload] = {}
    for name, written in document.workloads.items():
        path: Path = ("workloads", name)
        workload = _counted(written, surroundings, path, findings)
        only = routes.Route(
            (routes.Leg(variants.only_target(document.backends, document.variants)),)
        )
        changes: dict[str, Any] = {"route": workload.route or only}
        if workload.deadline is not None:
            changes |= batch.resolved(workload, changes["route"], document, path, findings)
        if workload.client is not None:
            changes["client"] = client.resolved(workload.client, path, findings)
        if workload.arrivals.trace is None:
            changes |= _generated(workload)
            _check_users(workload.arrivals, (*path, "arrivals", "users"), findings)
        else:
            played, trace = _replayed(workload.arrivals.trace, surroundings, path, findings)
            changes["arrivals"] = workload.arrivals.model_copy(update={"trace": played})
            traces |= {} if trace is None else {name: trace}
        workloads[name] = workload.model_copy(update=changes)
    given = variants.lent(batch.with_queues(document, workloads), document.variants)
    backends: dict[str, Any] = {
        name: _backend(name, backend, _named_blocks(name, workloads, traces, document), findings)
        for name, backend in given.items()
    }
    joined = document.variants
    if joined is not None:
        backends, joined = variants.resolved(backends, document.backends, joined, findings)
    if not findings:
        backends = handoff.resolved(backends, findings)
        loaded.check(workloads, backends, partial(schema.reached, joined=joined), findings)
    prices = {name: each.price for name, each in backends.items() if isinstance(each, ManagedApi)}
    budget.check_shared(document.budgets, prices, findings)
    pools = {name: each for name, each in backends.items() if isinstance(each, GpuPool)}
    energy.check(region.asked(document.energy, document.regions, findings), pools, findings)
    filled = {"workloads": workloads, "backends": backends, "variants": joined}
    resolved = document.model_copy(update=filled)
    _check_billers(resolved, findings)
    return resolved.model_copy(update={"horizon": _horizon(resolved, traces, findings)}), traces


def _counted(
    workload: schema.Workload, surroundings: Surroundings, path: Path, findings: Findings
) -> schema.Workload:
    """The workload with the rate and the shape of its table of counts, if it has one, in place."""
    counts = workload.arrivals.counts
    if counts is None:
        return workload
    file = str((surroundings.folder / counts.csv).absolute())
    given: dict[str, Any] = {"counts": counts.model_copy(update={"csv": file})}
    try:
        given["shape"] = shape = shape_of(counts, file)
        if not 0 < shape.mean_per_s <= schema.MOST_REQUESTS_PER_S:
            rule = f"must be above 0 and at most {schema.MOST_REQUESTS_PER_S:g}"
            message = f"{shape.mean_per_s:g} requests a second {rule}"
            findings.add((*path, "arrivals", "counts"), message)
    except CatalogError as error:
        findings.add((*path, "arrivals", "counts"), str(error))
    arrivals = workload.arrivals.model_copy(update=given)
    return workload.model_copy(update={"arrivals": arrivals})


def billers(document: ScenarioDocument) -> dict[str, str]:
    """The managed API whose bill the volume of each workload is known by, where it is."""
    apis = [name for name, each in document.backends.items() if isinstance(each, ManagedApi)]
    found = {}
    for name, workload in document.workloads.items():
        if workload.arrivals.usd_per_month is not None:
            legs = [] if workload.route is None else [leg.to for leg in workload.route.legs]
            there = [to for to in legs if to in apis] + apis
            found[name] = workload.arrivals.billed_by or (there[0] if there else "")
    return found


def _check_billers(document: ScenarioDocument, findings: Findings) -> None:
    """Note bills that tell no volume."""
    for workload, name in billers(document).items():
        path = ("workloads", workload, "arrivals", "billed_by")
        backend = document.backends.get(name)
        if not isinstance(backend, ManagedApi):
            wrong = f"{shown(name)} is no managed API" if name else "has no managed API"
            remedy = "name one among the backends, such as api: {kind: managed_api, model: …}"
            findings.add(
                path if name else path[:-1], f"{wrong} that usd_per_month is paid to", remedy
            )
            continue
        if backend.price is not None and backend.price.subscription is not None:
            findings.add(path, f"'{name}' has a flat fee, so that a bill tells no volume")
        if backend.prompt_caching is not None:
            remedy = "give prefix_cache: {hit_rate: …} to the workload in place of prompt_caching"
            message = f"'{name}' caches prompts by itself, so that a bill tells no volume"
            findings.add(path, message, remedy)


def _generated(workload: schema.Workload) -> dict[str, Any]:
    """Defaults of a generated workload, open or closed."""
    arrivals = workload.arrivals
    if arrivals.after is not None:
        return {
            "arrivals": arrivals.model_copy(update=after.defaults(arrivals)),
            "token_correlation": _default(workload.token_correlation, 0.0),
            "context_creep_per_year": _default(workload.context_creep_per_year, 1.0),
        }
    if arrivals.think_time is not None:
        loop = {
            "ramp": _default(arrivals.ramp, 0.0),
            "pause": _default(arrivals.pause, PAUSE_S),
        }
        return {
            "arrivals": arrivals.model_copy(update=loop),
            "token_correlation": _default(workload.token_correlation, 0.0),
        }
    filled = {
        "shape": arrivals.shape or Shape(catalogue_shape(FLAT.name), FLAT.name),
        "growth_per_year": _default(arrivals.growth_per_year, 1.0),
        "burstiness": arrivals.burstiness or Burstiness(1.0),
    }
    return {
        "arrivals": arrivals.model_copy(update=filled),
        "token_correlation": _default(workload.token_correlation, 0.0),
        "context_creep_per_year": _default(workload.context_creep_per_year, 1.0),
        "follow_ups": follow_ups.resolved(workload.follow_ups),
    }


def _check_users(arrivals: schema.Arrivals, path: Path, findings: Findings) -> None:
    """Note a closed population of more users than are simulated one by one."""
    if arrivals.think_time is None or arrivals.users is None:
        return
    if extent(arrivals.users)[1] > MOST_USERS:
        remedy = "give requests_per_user_per_day in place of think_time, which has no such limit"
        findings.add(path, f"must be at most {MOST_USERS:,} beside think_time", remedy)


def _default(value: Number | None, default: float) -> Number:
    return default if value is None else value


def _replayed(
    played: schema.Trace, surroundings: Surroundings, path: Path, findings: Findings
) -> tuple[schema.Trace, Trace | None]:
    """The replay with its file's absolute path, and the trace in it."""
    from sim.catalog.logs import read_trace  # noqa: PLC0415 (a quarter of a second)

    path = (*path, "arrivals", "trace")
    file = str((surroundings.folder / played.file).absolute())
    played = played.model_copy(update={"file": file})
    try:
        trace = read_trace(file, played.format, _of_columns(played))
        if played.sessions == "closed":
            if trace.session is None:
                findings.add((*path, "sessions"), "closed needs a trace with sessions")
            trace = with_closed_sessions(trace)
        if played.mode == "loop" and trace.period_s == 0:
            findings.add((*path, "mode"), "loop needs requests at more than one moment")
    except TraceError as error:
        findings.add((*path, "file"), str(error))
        return played, None
    except ValueError as error:
        findings.add((*path, "columns"), str(error))
        return played, None
    return played, trace


def _of_columns(played: schema.Trace) -> dict[str, Any]:
    """What is said of a trace's columns."""
    beside = {"unit": played.unit, "block_tokens": played.block_tokens}
    given = {} if played.columns is None else dict(played.columns)
    return {key: value for key, value in (beside | given).items() if value is not None}


def _horizon(
    document: ScenarioDocument, traces: dict[str, Trace], findings: Findings
) -> schema.Horizon:
    """The horizon with its length, end, warm-up and bin."""
    horizon = document.horizon
    duration_s, end = length_s(horizon), horizon.end
    each = [w.arrivals for w in document.workloads.values()]
    limited = [arrivals.requests is not None for arrivals in each]
    once = [
        one.requests is not None or (one.trace is not None and one.trace.mode == "once")
        for one in each
    ]
    if duration_s is None:
        duration_s = _length_of_traces(document, traces, findings)
        horizon = horizon.model_copy(update={"duration": duration_s, "end": end or "drained"})
    warm_up_s = 0.0 if all(once) else HALF_HOUR_S
    filled: dict[str, Any] = {
        "warm_up": warm_up_s if horizon.warm_up is None else horizon.warm_up,
        "end": horizon.end or ("drained" if all(limited) else "cut"),
        "bin": default_bin_s(duration_s) if horizon.bin is None else horizon.bin,
    }
    if filled["end"] == "drained":
        filled["end_limit"] = END_LIMIT_S if horizon.end_limit is None else horizon.end_limit
    elif horizon.end_limit is not None:
        findings.add(
            ("horizon", "end_limit"), "has no meaning for a horizon that is cut", "add end: drained"
        )
    if filled["bin"] > duration_s:
        rule = f"must be at most the length of the horizon ({format_duration(duration_s)})"
        findings.add(("horizon", "bin"), f"{format_duration(filled['bin'])} {rule}")
    if duration_s / filled["bin"] > 100 * MOST_BINS:
        findings.add(("horizon", "bin"), f"makes more than {100 * MOST_BINS} bins")
    return horizon.model_copy(update=filled)


def length_s(horizon: schema.Horizon) -> float | None:
    """Seconds that the horizon lasts, if given."""
    return horizon.duration if horizon.days is None else horizon.days * DAY_S


def _length_of_traces(
    document: ScenarioDocument, traces: dict[str, Trace], findings: Findings
) -> float:
    """Whole seconds that the longest of the traces played once takes."""
    lengths = [1.0]
    for name, trace in traces.items():
        played = document.workloads[name].arrivals.trace
        if played is None or played.mode == "loop":
            continue
        if isinstance(played.speed, Uncertain):
            message = "has no length, and the trace's is uncertain by its speed"
            findings.add(("horizon",), message, "add days, such as days: 1")
        else:
            lengths.append(TraceSource(trace, speed=played.speed).period_s)
    return float(math.ceil(max(lengths)))


def default_bin_s(duration_s: float) -> float:
    """Width of a timeline bin: a day has 96, and no length has more than 1500."""
    wanted = [s for s in BINS_S if s >= min(duration_s, DAY_S) / BINS_OF_A_DAY]
    fitting = [s for s in wanted if duration_s / s <= MOST_BINS]
    return min(fitting[0] if fitting else BINS_S[-1] * 7, duration_s)


def _named_blocks(
    pool: str,
    workloads: dict[str, schema.Workload],
    traces: dict[str, Trace],
    document: ScenarioDocument,
) -> dict[str, int]:
    """Tokens of the blocks that traces name, by the workload of the pool."""
    return {
        name: trace.block_tokens
        for name, trace in traces.items()
        if trace.prefixes is not None
        and pool in schema.reached(workloads[name], document.backends, document.variants)
    }


def _backend(
    name: str, backend: Any, named: dict[str, int], findings: Findings
) -> GpuPool | ManagedApi | Edge:
    """The backend with its defaults."""
    path: Path = ("backends", name)
    match backend:
        case ManagedApi():
            return managed.resolved(backend, path, findings)
        case Edge():
            return managed.resolved_edge(backend, path, findings)
    assert isinstance(backend, GpuPool)
    pool = _pool(backend, named, path, findings)
    there = {} if findings else pool.regions or {}
    kept = region.resolved(
        backend, there, lambda one, at: _pool(one, named, (*path, "regions", at), findings)
    )
    return pool.model_copy(update={"regions": kept}) if kept else pool


def _pool(pool: GpuPool, named: dict[str, int], path: Path, findings: Findings) -> GpuPool:
    """The pool with its engine's limits, cache, throughput factor and price."""
    profile = engine_limits.limited(pool.service.profile, pool.engine, path, findings)
    factor, most = pool.throughput_factor, fleet.most_gpus(pool, profile)
    if factor is None:
        factor = engine_error.of_fit(profile.fit_error, (*path, "throughput_factor"))
    coefficients = pool.coefficients
    if coefficients is None and profile.joint_error is not None:
        coefficients = "drawn" if pool.throughput_factor is None else "fixed"
    is_drawn, price = coefficients == "drawn", pool.price
    if pool.spot is not None and pool.spot.fallback is not None:
        price = fallback.completed(price, profile.gpu, path, findings)
    errors = engine_error.of_coefficients(profile, (*path, "service")) if is_drawn else ()
    return pool.model_copy(
        update={
            **fleet.resolved(pool, profile, path, findings),
            "service": replace(pool.service, profile=profile, errors=errors),
            "throughput_factor": factor,
            "coefficients": coefficients,
            "adapters": adapters.resolved(pool.adapters, pool, profile, path, findings),
            "prefix_cache": caches.resolved(
                pool.prefix_cache, profile, named, pool.node_gpus, path, findings
            ),
            "price": gpu_price.resolved(price, profile.gpu, most, path, findings),
        }
    )
