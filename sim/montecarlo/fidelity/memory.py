"""How long a fleet remembers: what has to be simulated before a day that is simulated by itself.

A day is entered some hours before it begins, with an empty fleet. By then everything that a fleet
carries over from the past has to be as it would be: queues, replicas that an autoscaler has asked
for, caches, instances that are away.
"""

import math
from collections.abc import Iterator

from sim.model.autoscaler import DAY_S, Custom, Predictive
from sim.model.design import Design, GpuPool
from sim.model.distributions import Distribution
from sim.model.generated import GeneratedSource
from sim.model.managed import ManagedApi
from sim.model.price import HOUR_S
from sim.model.workload import Workload

LEAST_S = 6 * HOUR_S
LONGEST_S = 2 * DAY_S
SEVERAL = 3.0  # times a mean duration: 5 % of what lasts exponentially long are left
FEWEST_DAYS = 28
WHOLE = 1e-6  # s


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
    for pool in design.pools:
        if isinstance(pool.autoscaler, Custom):
            yield f"what the autoscaler of {pool.name} remembers is not known"
    if warm_up_s(design) > LONGEST_S:
        yield f"its fleet remembers for {warm_up_s(design) / DAY_S:.1f} days"


def warm_up_s(design: Design) -> float:
    """Seconds before a day after which nothing is left of what was before: whole bins and hours."""
    least_s = max(LEAST_S, design.horizon.warm_up_s, *_durations(design))
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
    for limit_s in (client.timeout_s, client.ttft_timeout_s, workload.slo.e2e_s):
        yield limit_s if math.isfinite(limit_s) and workload.has_deadline else 0.0
    if isinstance(source, GeneratedSource) and source.follow_ups is not None:
        calls = source.follow_ups
        yield SEVERAL * _mean_s(calls.think_s) * _mean_s(calls.calls)


def _of_pool(pool: GpuPool) -> Iterator[float]:
    """How long replicas are away, slow, or new."""
    failures, outages = pool.failures, pool.lifecycle.capacity_outages
    yield pool.cooldown_s
    if isinstance(pool.autoscaler, Predictive):
        yield DAY_S + LEAST_S
    if failures.crashes is not None:
        yield SEVERAL * _mean_s(failures.crashes.repair)
    if failures.spot is not None:
        yield SEVERAL * (_mean_s(failures.spot.life) + _mean_s(failures.spot.absence))
    if failures.stragglers is not None and failures.stragglers.periods is not None:
        periods = failures.stragglers.periods
        yield SEVERAL * (_mean_s(periods.on) + _mean_s(periods.off))
    if failures.zones is not None:
        yield SEVERAL * _mean_s(failures.zones.duration)
    if outages is not None:
        yield SEVERAL * (_mean_s(outages.on) + _mean_s(outages.off))


def _of_api(api: ManagedApi) -> Iterator[float]:
    """How long limits, prompts and cooldowns are remembered; incidents are those of the world."""
    yield api.cooldown_s
    yield DAY_S if api.quota.has_days else 0.0
    yield 0.0 if api.caching is None else api.caching.life_s


def _mean_s(duration: Distribution | None) -> float:
    return 0.0 if duration is None else float(duration.mean())
