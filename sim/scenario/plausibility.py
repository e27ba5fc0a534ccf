"""Values that can be simulated, and that their author may not have meant.

They look at the design of the median world. Each warning says what will happen and what to do about
it; what nobody can mean is refused elsewhere.
"""

import math
from collections.abc import Iterator

import numpy as np

from sim.model.closed import drawn_lengths
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant, Distribution
from sim.model.failure import Failures
from sim.model.lengths import Lengths
from sim.model.managed import ManagedApi
from sim.model.price import DAY_S, HOUR_S, GpuPrice
from sim.model.workload import Workload
from sim.scenario.backend import gpu_pool
from sim.scenario.schema import ScenarioDocument
from sim.scenario.sharing import Backend, pools_of, served_by
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.units import format_duration
from sim.scenario.workload.routes import Leg

HALF = 0.5
LIKELY_USD_PER_MILLION = (5e-3, 2000.0)  # tokens; the catalogue's lie between 0.02 and 600
LIKELY_USD_PER_GPU_HOUR = (0.05, 100.0)
LONG_S = {  # waits beyond which milliseconds may have been meant
    "client.timeout": 12 * HOUR_S,
    "client.first_token_timeout": HOUR_S,
    "client.hedge": HOUR_S,
    "client.retries.base": 600.0,
}
SLOW_FIRST_TOKEN_S = 60.0  # of an API
STARTS = 31  # cold starts, for their median
SUMS_TO_ONE = 1e-6
PERIODS_S = {"day": DAY_S, "week": 7 * DAY_S, "month": 28 * DAY_S}  # the shortest of each


def warnings(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """Advice on values that may not be meant."""
    for workload in design.workloads:
        given = document.workloads[workload.name]
        assert given.route is not None
        yield from _of_shares(workload.name, given.route.legs)
        yield from _of_lengths(workload)
        yield from _of_waits(workload)
        yield from _of_slo(workload, served_by(design, workload))
        yield from _of_no_effect(workload, served_by(design, workload))
        for pool in pools_of(design, workload):
            yield from _of_cold_start(workload, pool)
    for backend in design.backends:
        yield from _of_price(backend)
    of_budgets = (text for api in design.managed for text in _of_budget(api, design.horizon))
    yield from dict.fromkeys(of_budgets)
    for pool in design.pools:
        yield from _of_ranks(document, pool)


def _of_shares(name: str, legs: tuple[Leg, ...]) -> Iterator[str]:
    """Legs that take all requests among them, and whose shares do not say so."""
    given = [leg.share for leg in legs]
    whole = not any(leg.least is not None or leg.most is not None for leg in legs)
    if len(legs) < 2 or not whole or all(share is None for share in given):
        return
    values = [1.0 if share is None else _typical(share) for share in given]
    if max(values) > 1.0 or abs(sum(values) - 1.0) <= SUMS_TO_ONE:
        return  # weights, or shares that are complete
    path, total = f"workloads.{name}.route", sum(values)
    shown = ", ".join(
        f"{leg.to} {value / total:.3g}" for leg, value in zip(legs, values, strict=True)
    )
    missing = next((leg.to for leg in legs if leg.share is None), "")
    reason = (
        f"that of '{missing}' is not given, and counts as 1" if missing else "they are relative"
    )
    yield f"{path}: its shares sum to {total:.4g}, not to 1; {reason}: of the requests, {shown}"


def _typical(number: Number) -> float:
    """A number in the median world."""
    if isinstance(number, float):
        return number
    return known(number, {number.path: _median(number.distribution)})


def _median(distribution: Distribution) -> float:
    return float(distribution.ppf(np.array([HALF]))[0])


def _of_lengths(workload: Workload) -> Iterator[str]:
    """Limits that most lengths are moved to."""
    drawn = drawn_lengths(workload.source)
    if drawn is None:
        return
    for key, lengths in (("prompt_tokens", drawn.prompt), ("output_tokens", drawn.output)):
        limit = _cut(lengths)
        if limit:
            yield (
                f"workloads.{workload.name}.{key}: more than half of its lengths are moved to its"
                f" {limit}, as their median is {_median(lengths.distribution):.4g}"
            )


def _cut(lengths: Lengths) -> str:
    middle = _median(lengths.distribution)
    if middle > lengths.maximum:
        return f"max ({lengths.maximum})"
    return f"min ({lengths.minimum})" if middle < lengths.minimum and lengths.minimum > 1 else ""


def _of_waits(workload: Workload) -> Iterator[str]:
    """Waits so long that they may be milliseconds, and thresholds that no client waits for."""
    client, slo, path = workload.client, workload.slo, f"workloads.{workload.name}"
    waits_s = {
        "client.timeout": client.timeout_s,
        "client.first_token_timeout": client.ttft_timeout_s,
        "client.hedge": math.inf if client.hedge is None else client.hedge.after_s,
        "client.retries.base": client.retry.base_s,
    }
    for key, wait_s in waits_s.items():
        if LONG_S[key] < wait_s < math.inf:
            yield f"{path}.{key}: is {format_duration(wait_s)}; milliseconds are written 500ms"
    first_s = min(client.ttft_timeout_s, client.timeout_s)
    for threshold, asked_s, limit_s in (
        ("ttft", slo.ttft_s, first_s),
        ("e2e", slo.e2e_s, client.timeout_s),
    ):
        if limit_s < asked_s < math.inf:
            key = "deadline: is" if workload.has_deadline else f"slo: its {threshold} of"
            and_so = ", and" if workload.has_deadline else ""
            yield (
                f"{path}.{key} {format_duration(asked_s)}{and_so} makes no difference, as the"
                f" client leaves after {format_duration(limit_s)}"
            )


def _of_no_effect(workload: Workload, backends: list[Backend]) -> Iterator[str]:
    """Keys that change nothing, whatever they say."""
    path, slo = f"workloads.{workload.name}", workload.slo
    drawn = drawn_lengths(workload.source)
    if slo.e2e_s <= slo.ttft_s < math.inf:
        yield f"{path}.slo: its ttft makes no difference beside an e2e that is not longer"
    degradation = workload.route.degradation
    loss = 0.0 if degradation is None else degradation.quality_loss
    if loss and all(math.isnan(backend.quality) for backend in backends):
        yield f"{path}.degradation.quality_loss: makes no difference; add quality to a backend"
    if drawn is not None:
        alike = any(
            isinstance(each.distribution, Constant) for each in (drawn.prompt, drawn.output)
        )
        if drawn.rank_correlation and alike:
            yield f"{path}.token_correlation: makes no difference to lengths that never vary"
    if workload.client.retry.max_retries and not _loses(workload, backends):
        yield (
            f"{path}.client.retries: makes no difference, as nothing times out, fails or is"
            " rejected; add timeout, or a limit or failures to a backend"
        )


def _loses(workload: Workload, backends: list[Backend]) -> bool:
    """Whether an attempt can come to nothing."""
    client = workload.client
    waits = math.isfinite(min(client.timeout_s, client.ttft_timeout_s))
    return waits or math.isfinite(workload.max_concurrency) or any(map(_turns_away, backends))


def _turns_away(backend: Backend) -> bool:
    if isinstance(backend, ManagedApi):
        limited = backend.quota.is_limited or bool(backend.budgets)
        return limited or backend.outages is not None or backend.error_share > 0
    return math.isfinite(backend.gateway.max_queue) or backend.failures != Failures()


def _of_budget(api: ManagedApi, horizon: Horizon) -> Iterator[str]:
    """A budget of a period that is longer than what is simulated of it."""
    for budget in api.budgets:
        if horizon.duration_s < PERIODS_S[budget.per]:
            at = f"budgets.{budget.shared}" if budget.shared else f"backends.{api.name}.budget"
            left = max(budget.usd - budget.spent_usd, 0.0)
            there = f"{left:,.{0 if left >= 100 else 2}f} USD of it" if left else "none of it"
            there = there if budget.spent_usd else "all of it"
            yield (
                f"{at}: its {budget.per} is longer than the horizon of"
                f" {format_duration(horizon.duration_s)}, which begins with {there} there, and"
                f" what a month costs is not held to it; simulate a whole {budget.per}"
            )


def _of_slo(workload: Workload, backends: list[Backend]) -> Iterator[str]:
    """Thresholds that a backend cannot keep with a single request at a time."""
    slo = workload.slo
    for backend in backends:
        first_s, token_s = _fastest(workload, backend)
        if isinstance(backend, GpuPool) and backend.handoff is not None:
            token_s = 0.0  # its answers are made elsewhere
        if backend.name in workload.route.onward:
            first_s = 0.0  # its prompts are computed elsewhere
        for threshold, asked_s, least_s in (
            ("ttft", slo.ttft_s, first_s),
            ("tpot", slo.tpot_s, token_s),
        ):
            if asked_s < least_s:
                yield (
                    f"workloads.{workload.name}.slo: its {threshold} of {format_duration(asked_s)}"
                    f" is never kept by backend '{backend.name}', which takes {least_s:.3g}s for a"
                    " typical request that is alone"
                )


def _fastest(workload: Workload, backend: Backend) -> tuple[float, float]:
    """Seconds to the first token of a typical prompt on an idle backend, and between tokens."""
    if isinstance(backend, ManagedApi):
        pace = backend.pace
        ttft_s = _median(pace.ttft) * min(pace.ttft_by_hour)
        return ttft_s, 1.0 / (_median(pace.tokens_per_s) * max(pace.speed_by_hour))
    profile, drawn = backend.profile, drawn_lengths(workload.source)
    prompt = 1.0 if drawn is None else _median(drawn.prompt.distribution)
    new = prompt * (1.0 - workload.prefix_hit_rate) if backend.prefix_cache is None else 0.0
    base_s, _ = profile.step_tables()
    return profile.passage_s(prompt) + profile.prefill_s_per_token * new, float(base_s[1])


def _of_ranks(document: ScenarioDocument, pool: GpuPool) -> Iterator[str]:
    """Ranks that the author asks for, where a profile of a whole replica may be meant."""
    given, ranks = document.backends[pool.name], pool.profile.data_parallel_ranks
    engine = given.engine if isinstance(given, gpu_pool.GpuPool) else None
    if engine is None or engine.data_parallel_ranks is None or ranks == 1:
        return
    if engine.kv_capacity_tokens is None:
        yield (
            f"backends.{pool.name}.engine.data_parallel_ranks: the times of '{pool.profile.name}'"
            f" and its KV cache ({pool.profile.kv_capacity_tokens:,} tokens) are taken to be those"
            f" of each of the {ranks} ranks; give kv_capacity_tokens of a rank if they are not"
        )


def _of_cold_start(workload: Workload, pool: GpuPool) -> Iterator[str]:
    """Clients that leave before a replica has started, where there may be none."""
    if pool.limits[0] > 0:
        return
    client = workload.client
    patience_s = math.inf if client.patience is None else _median(client.patience)
    wait_s = min(client.timeout_s, client.ttft_timeout_s, patience_s)
    rng = np.random.default_rng(0)  # of a warning, not of a result
    starts_s = [sum(pool.lifecycle.cold_start.draw(rng)) for _ in range(STARTS)]
    start_s = float(np.median(starts_s))
    if wait_s < start_s:
        yield (
            f"workloads.{workload.name}.client: leaves after {format_duration(wait_s)}, before a"
            f" replica of backend '{pool.name}' has started ({start_s:.3g}s), which may have none;"
            " a request that wakes it is not answered"
        )


def _of_price(backend: Backend) -> Iterator[str]:
    """Prices far from all that are known."""
    path = f"backends.{backend.name}"
    if isinstance(backend, ManagedApi):
        low, high = LIKELY_USD_PER_MILLION
        rates = backend.price.rates
        for key, usd in (("input", rates.input), ("output", rates.output)):
            if usd and not low <= usd <= high:
                yield f"{path}.price.{key}: {usd:.4g} USD is far from any known price of a million"
        if _median(backend.pace.ttft) > SLOW_FIRST_TOKEN_S:
            first = format_duration(_median(backend.pace.ttft))
            yield f"{path}.ttft: is {first}; milliseconds are written 500ms"
    elif isinstance(backend.price, GpuPrice):
        low, high = LIKELY_USD_PER_GPU_HOUR
        usd = backend.price.usd_per_gpu_hour
        if usd and not low <= usd <= high:
            yield f"{path}.price: {usd:.4g} USD is far from any known price of a GPU for an hour"
