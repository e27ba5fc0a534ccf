"""How long a fleet remembers: what has to be simulated before a day that is simulated by itself.

A day is entered some hours before it begins, with an empty fleet. By then everything that a fleet
carries over from the past has to be as it would be: replicas that an autoscaler has asked for,
caches, instances that are away. Queues, which may last for days or for minutes, are another matter
(:mod:`sim.montecarlo.fidelity.backlog`), and so is what happens to the whole world
(:mod:`sim.montecarlo.fidelity.fate`).
"""

import math
from collections.abc import Iterator

import numpy as np

from sim.model.autoscaler import DAY_S, Custom
from sim.model.design import Design, GpuPool
from sim.model.distributions import Distribution
from sim.model.generated import GeneratedSource
from sim.model.lifecycle import ColdStart
from sim.model.managed import ManagedApi
from sim.model.price import HOUR_S
from sim.model.workload import Workload
from sim.montecarlo.fidelity.pace import pace_s

LEAST_S = 6 * HOUR_S
LONGEST_S = 2 * DAY_S
SEVERAL = 3.0  # times a mean duration: 5 % of what lasts exponentially long are left
FEWEST_DAYS = 28
WHOLE = 1e-6  # s
LOOKS = 64  # at cold starts
RARE_S = 10 * DAY_S  # about one in the days of a world that are simulated


def why_exact(design: Design) -> str | None:
    """Why every day of a design's horizon has to be simulated; None where some days are enough."""
    return next(_reasons(design), None)


def _reasons(design: Design) -> Iterator[str]:
    horizon = design.horizon
    if horizon.is_drained:
        yield "its horizon ends with the last answer"
    if horizon.duration_s < FEWEST_DAYS * DAY_S:
        yield f"its horizon is shorter than {FEWEST_DAYS} days"
    if horizon.bin_s % 1.0 or DAY_S % horizon.bin_s:
        yield "a day is no whole number of its bins, of whole seconds"
    for workload in design.workloads:
        if not isinstance(workload.source, GeneratedSource):
            yield f"the requests of {workload.name} are those of a log or of users who wait"
    at_midnight = horizon.start.replace(hour=0, minute=0, second=0, microsecond=0) == horizon.start
    for api in design.managed:
        if api.quota.has_weeks:
            yield f"{api.name} has limits by the week"
        if any(budget.per != "day" or not at_midnight for budget in api.budgets):
            yield f"{api.name} has a budget for longer than a day"
    for joined in design.variants:
        yield f"{joined.name} has variants, which share a queue"
    for pool in design.pools:
        yield from _of_fleet(pool)
    if math.isfinite(memory_s := warm_up_s(design)) and memory_s > LONGEST_S:
        yield f"its fleet remembers for {memory_s / DAY_S:.1f} days"


def _of_fleet(pool: GpuPool) -> Iterator[str]:
    if isinstance(pool.autoscaler, Custom):
        yield f"what the autoscaler of {pool.name} remembers is not known"
    if math.isinf(pace_s(pool)):
        yield f"the autoscaler of {pool.name} may only add, or only take away"
    crashes = pool.failures.crashes
    if crashes is not None:
        replicas = max(pool.replicas, pool.limits[0])
        life_s = crashes.mean_life_s(pool.gpus_per_replica) / max(replicas, 1)
        if life_s > RARE_S:
            yield (
                f"crashes of {pool.name}, one in about {life_s / DAY_S:,.0f} days, are too rare for"
                " a sample of days"
            )


def warm_up_s(design: Design) -> float:
    """Seconds before a day after which nothing is left of what was before: whole bins and hours.

    But for queues, which are asked for by the day (:mod:`sim.montecarlo.fidelity.backlog`).
    Infinite where something is never forgotten.
    """
    least_s = max(LEAST_S, design.horizon.warm_up_s, *_durations(design))
    if math.isinf(least_s):
        return least_s
    unit_s = math.lcm(round(HOUR_S), max(round(design.horizon.bin_s), 1))
    return math.ceil(least_s / unit_s - WHOLE) * float(unit_s)


def _durations(design: Design) -> Iterator[float]:
    for workload in design.workloads:
        yield from _of_workload(workload)
    for pool in design.pools:
        yield from _of_pool(pool)
    for api in design.managed:
        yield from _of_api(api)


def _of_workload(workload: Workload) -> Iterator[float]:
    """How long its requests, and the tasks that they begin, may be under way."""
    client, source = workload.client, workload.source
    for limit_s in (client.timeout_s, client.ttft_timeout_s):
        yield limit_s * (1 + client.retry.max_retries) if math.isfinite(limit_s) else 0.0
    yield workload.slo.e2e_s if workload.has_deadline else 0.0
    if isinstance(source, GeneratedSource) and source.follow_ups is not None:
        calls = source.follow_ups
        yield SEVERAL * _mean_s(calls.think_s) * _mean_s(calls.calls)


def _of_pool(pool: GpuPool) -> Iterator[float]:
    """How long replicas are away, slow, or new."""
    failures, lifecycle = pool.failures, pool.lifecycle
    outages = lifecycle.capacity_outages
    yield pool.cooldown_s
    yield pace_s(pool)
    if pool.moves:
        yield SEVERAL * _start_s(lifecycle.cold_start)
    if lifecycle.standby is not None and not lifecycle.standby.refill:
        yield DAY_S  # who sleeps was wanted at an earlier peak
    if math.isfinite(lifecycle.drain_limit_s):
        yield lifecycle.drain_limit_s
    if failures.crashes is not None:
        yield SEVERAL * _mean_s(failures.crashes.repair)
    if failures.spot is not None:
        yield SEVERAL * (_mean_s(failures.spot.life) + _mean_s(failures.spot.absence))
    if failures.stragglers is not None and failures.stragglers.periods is not None:
        periods = failures.stragglers.periods
        yield SEVERAL * (_mean_s(periods.on) + _mean_s(periods.off))
    if outages is not None:
        yield SEVERAL * (_mean_s(outages.on) + _mean_s(outages.off))


def _start_s(cold_start: ColdStart) -> float:
    """About how long a cold start takes, in the mean."""
    rng = np.random.default_rng(0)  # only to look at what has no formula for its mean
    return float(np.mean([sum(cold_start.draw(rng)) for _ in range(LOOKS)]))


def _of_api(api: ManagedApi) -> Iterator[float]:
    """How long limits, prompts and cooldowns are remembered; incidents are those of the world."""
    yield api.cooldown_s
    yield DAY_S if api.quota.has_days else 0.0
    yield 0.0 if api.caching is None else api.caching.life_s


def _mean_s(duration: Distribution | None) -> float:
    return 0.0 if duration is None else float(duration.mean())
