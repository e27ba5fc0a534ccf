"""Cases whose times all lie on a coarse grid: arrivals, ends of steps, timers and limits meet.

Every figure of time is a multiple of a power of two, and no sum of them is ever rounded: a tie is a
tie in any simulator, and the order of events decides it.
"""

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import strategies as st
from fleets import Case, Verb

from sim.model.cache import ResponseCache
from sim.model.client import Client, Hedge
from sim.model.design import GpuPool
from sim.model.profile import ServiceProfile
from sim.model.workload import Chains

TICK_S = 1 / 8  # of arrivals, limits, delays and steps
PER_TOKEN_S = 1 / 64
PER_TOKEN_SQUARED_S = 1 / 1024


def on_grid(cases: st.Strategy[Case]) -> st.Strategy[Case]:
    """The cases with every time moved to the grid."""
    return cases.map(_moved)


def _moved(case: Case) -> Case:
    patience_s = None if case.patience_s is None else _ticks(case.patience_s)
    return replace(
        case,
        pools=[_pool(drawn) for drawn in case.pools],
        arrival_s=_ticks(case.arrival_s),
        verbs=tuple(_verb(verb) for verb in case.verbs),
        clients=[_client(client) for client in case.clients or []] or None,
        patience_s=patience_s,
        chains=None if case.chains is None else _chains(case.chains),
        response_cache=[_kept(each) for each in case.response_cache or []] or None,
        on_grid=True,
    )


def _ticks(times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The next ticks."""
    return np.ceil(times_s / TICK_S) * TICK_S


def _next(time_s: float, tick_s: float = TICK_S) -> float:
    return math.ceil(time_s / tick_s) * tick_s if math.isfinite(time_s) else time_s


def _verb(verb: Verb) -> Verb:
    return replace(verb, at_s=_next(verb.at_s))


def _chains(chains: Chains) -> Chains:
    return chains._replace(think_s=_ticks(chains.think_s))


def _kept(cache: ResponseCache | None) -> ResponseCache | None:
    return None if cache is None else replace(cache, latency_s=_next(cache.latency_s))


def _client(client: Client) -> Client:
    """Its limits and delays on the grid, and delays without chance."""
    retry = replace(
        client.retry,
        base_s=_next(client.retry.base_s),
        cap_s=_next(client.retry.cap_s),
        jitter="none",
    )
    return replace(
        client,
        ttft_timeout_s=_next(client.ttft_timeout_s),
        timeout_s=_next(client.timeout_s),
        hedge=None if client.hedge is None else Hedge(_next(client.hedge.after_s)),
        retry=retry,
    )


def _pool(drawn: GpuPool) -> GpuPool:
    gateway = replace(drawn.gateway, retry_after_s=_next(drawn.gateway.retry_after_s))
    return replace(drawn, profile=_engine(drawn.profile), gateway=gateway)


def _engine(engine: ServiceProfile) -> ServiceProfile:
    """Steps of one to four ticks, between points of a table where all is exact."""
    points = (0, 1, 1 + 2 ** int(math.log2(engine.batch[-1]))) if engine.batch[-1] > 1 else (0, 1)
    points = points[: len(engine.batch)]
    base_s = [_next(40 * second * TICK_S) for second in engine.step_base_s[: len(points)]]
    grows = any(engine.step_s_per_kv_token)
    ticks: dict[str, Any] = {
        field.name: _next(getattr(engine, field.name), _tick_of(field.name))
        for field in fields(engine)
        if field.name.startswith(("prefill_s", "overhead_s", "frontend_s", "output_delay_s"))
    }
    return replace(
        engine,
        batch=points,
        step_base_s=tuple(np.sort(base_s).tolist()),
        step_s_per_kv_token=(grows * PER_TOKEN_SQUARED_S,) * len(points),
        **ticks,
    )


def _tick_of(name: str) -> float:
    if name.endswith("_token"):
        return PER_TOKEN_S
    return PER_TOKEN_SQUARED_S if name.endswith("context") else TICK_S
