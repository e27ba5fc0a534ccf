"""Amounts that are far beyond what anybody has, and may be a slip of a unit or a zero.

Each is asked about in one line, with what it comes to; it is simulated all the same.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sim.model.closed import drawn_lengths
from sim.model.design import Design, GpuPool
from sim.model.distributions import Distribution
from sim.model.managed import ManagedApi
from sim.model.price import DAY_S
from sim.model.workload import Workload
from sim.scenario.schema import ScenarioDocument
from sim.scenario.values.numbers import Number, Uncertain, known
from sim.scenario.values.units import format_duration


class Likely(NamedTuple):
    """Up to what an amount is likely, and what it is."""

    most: float
    words: str


OF_WORKLOADS = {
    "arrivals.requests_per_user_per_day": Likely(1000.0, "requests of one user a day"),
    "arrivals.requests_per_day": Likely(1e9, "requests a day"),
    "arrivals.requests_per_second": Likely(1e4, "requests a second"),
    "arrivals.growth_per_year": Likely(20.0, "times the volume a year later"),
    "client.retries.max_retries": Likely(20.0, "retries of one request"),
    "value_per_request": Likely(1000.0, "USD of revenue for one request"),
    "value_per_task": Likely(1e5, "USD of revenue for one task"),
    "value_per_user_month": Likely(1e4, "USD of revenue for one user a month"),
}
OF_POOLS = {
    "replicas.fixed": Likely(5000.0, "replicas"),
    "replicas.most": Likely(50_000.0, "replicas at most"),
    "gateway.max_queue": Likely(1e6, "requests in the queue of a gateway"),
    "autoscaler.target_queue": Likely(1000.0, "waiting requests for each replica"),
    "autoscaler.target_requests_per_second": Likely(1000.0, "requests a second for each replica"),
    "autoscaler.target_output_tokens_per_second": Likely(1e6, "tokens a second of each replica"),
    "autoscaler.growth": Likely(100.0, "times what was forecast"),
    "fixed_usd_per_month": Likely(1e7, "USD a month beside the GPUs"),
}
WRITTEN = {"replicas.fixed": "replicas", "replicas.most": "replicas.max"}
OF_APIS = {"price.minimum_usd_per_month": Likely(1e7, "USD a month at least")}
CALLS = Likely(500.0, "calls of one task")
LENGTHS = {"prompt_tokens": Likely(2e6, "tokens of a prompt"),
           "output_tokens": Likely(2e5, "tokens of an answer")}  # fmt: skip
GPUS_EACH = Likely(128.0, "GPUs of one replica")
SPEED = Likely(5000.0, "tokens a second of one answer")
FACTOR = (0.2, 5.0)  # of an engine's speed
BATCHES = 4.0  # requests that a replica should have, over those it can work on
ERRORS = 0.5


def warnings(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """A line for each."""
    for workload in design.workloads:
        path = f"workloads.{workload.name}"
        yield from _listed(path, document.workloads[workload.name], OF_WORKLOADS)
        yield from _of_requests(path, workload)
    for backend in design.backends:
        path, given = f"backends.{backend.name}", document.backends[backend.name]
        if isinstance(backend, GpuPool):
            yield from _listed(path, given, OF_POOLS)
            yield from _of_pool(path, backend, given)
        else:
            yield from _listed(path, given, OF_APIS)
            yield from _of_api(path, backend)


def _listed(path: str, given: Any, likely: dict[str, Likely]) -> Iterator[str]:
    """Keys whose own value says it."""
    for key, limit in likely.items():
        value = given
        for name in key.split("."):
            value = getattr(value, name, None)
        if isinstance(value, (int, float, Uncertain)):
            yield from _asked(f"{path}.{WRITTEN.get(key, key)}", _middle(value), limit)


def _asked(path: str, value: float, limit: Likely) -> Iterator[str]:
    if math.isfinite(value) and value > limit.most:
        each = ""
        if path.endswith("requests_per_user_per_day"):
            each = f", one every {format_duration(DAY_S / value)} day and night"
        yield f"{path}: are {_shown(value)} {limit.words} meant{each}?"


def _shown(value: float) -> str:
    """An amount; its digits are what may be wrong with it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def _middle(number: Number) -> float:
    """A number in the median world."""
    if not isinstance(number, Uncertain):
        return float(number)
    return known(number, {number.path: _median(number.distribution)})


def _median(distribution: Distribution) -> float:
    return float(distribution.ppf(np.array([0.5]))[0])


def _of_requests(path: str, workload: Workload) -> Iterator[str]:
    """Lengths and calls, as a usual request has them."""
    drawn = drawn_lengths(workload.source)
    if drawn is not None:
        for key, lengths in (("prompt_tokens", drawn.prompt), ("output_tokens", drawn.output)):
            yield from _asked(f"{path}.{key}", _median(lengths.distribution), LENGTHS[key])
    tasks = getattr(workload.source, "follow_ups", None)
    if tasks is not None:
        yield from _asked(f"{path}.follow_ups.calls_per_task", float(tasks.calls.mean()), CALLS)


def _of_pool(path: str, pool: GpuPool, given: Any) -> Iterator[str]:
    yield from _asked(f"{path}.service", float(pool.gpus_per_replica), GPUS_EACH)
    target = getattr(pool.autoscaler, "target", 0.0)
    most = pool.profile.replica_seqs
    if getattr(pool.autoscaler, "metric", "") == "concurrency" and target > BATCHES * most:
        yield (
            f"{path}.autoscaler: its target of {_shown(target)} requests is beyond what a replica"
            f" can work on at once ({most:,}): it adds none before as many wait"
        )
    factor = given.throughput_factor
    low, high = FACTOR
    if factor is not None and not low <= _middle(factor) <= high:
        times = _shown(_middle(factor))
        yield f"{path}.throughput_factor: are {times} times the profile's speed meant?"


def _of_api(path: str, api: ManagedApi) -> Iterator[str]:
    yield from _asked(f"{path}.tokens_per_second", _median(api.pace.tokens_per_s), SPEED)
    if api.error_share > ERRORS:
        yield f"{path}.error_share: are {100 * api.error_share:.3g} % of failed attempts meant?"
