"""Fleets configured as textbook queues, and the statistics of their replications.

An engine whose step takes a constant time, with as many places in the batch as the queue has
servers, is a first-come-first-served queue: a request's service time is its number of output tokens
times the step. The step is a millionth of the mean service time, so rounding and the wait for a
step boundary are far below what is asked. An engine whose step grows in proportion to the batch is
processor sharing. Times are in mean service times.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from fleets import pool, profile
from scipy import stats

from sim.engine.plane.plane import DataPlane
from sim.model.design import GpuPool, Router
from sim.model.workload import Slo

FloatArray = npt.NDArray[np.float64]
Sampler = Callable[[np.random.Generator, int], FloatArray]

SEED = 1
STEP_S = 1e-6
ENDLESS = {  # memory, prompts and budgets that never bind
    "kv_capacity_tokens": 1 << 50,
    "max_model_len": 2**31 - 1,
    "max_num_batched_tokens": 1 << 20,
}


def exponential(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_exponential(n)


def constant(rng: np.random.Generator, n: int) -> FloatArray:
    return np.ones(n)


def lognormal(rng: np.random.Generator, n: int) -> FloatArray:
    """Mean 1, coefficient of variation 2."""
    return rng.lognormal(-math.log(5) / 2, math.sqrt(math.log(5)), n)


def hyperexponential(rng: np.random.Generator, n: int) -> FloatArray:
    """Mean 1, squared coefficient of variation 3: balanced means 1/(2p)."""
    share = 0.5 * (1 + math.sqrt(0.5))
    mean = np.where(rng.random(n) < share, 0.5 / share, 0.5 / (1 - share))
    return rng.standard_exponential(n) * mean


def one_token(rng: np.random.Generator, n: int) -> FloatArray:
    """The shortest output: all the work is in the prefill."""
    return np.zeros(n)


MOMENTS = {  # first and second
    exponential: (1.0, 2.0),
    constant: (1.0, 1.0),
    lognormal: (1.0, 5.0),
    hyperexponential: (1.0, 4.0),
    one_token: (0.0, 0.0),
}


def fcfs(servers: int = 1, replicas: int = 1, router: Router = "round_robin") -> GpuPool:
    """``servers`` servers with one queue, in each replica."""
    engine = profile(step_base_s=(STEP_S,), max_num_seqs=servers, **ENDLESS)
    return pool(engine, replicas, router)


def sharing() -> GpuPool:
    """A processor shared in equal parts: with n present every step serves each, and takes n."""
    step_s = 1e-4
    engine = profile(
        batch=(0, 1),
        step_base_s=(0.0, step_s),
        step_s_per_kv_token=(0.0, 0.0),
        prefill_s_per_request=step_s,
        max_num_seqs=1_000,
        **ENDLESS,
    )
    return pool(engine)


def batching(per_request_s: float, per_batch_s: float) -> GpuPool:
    """All who wait are served as one batch: prompts only, one output token each."""
    engine = profile(
        step_base_s=(per_batch_s,),
        prefill_s_per_request=per_request_s,
        max_num_seqs=4_000,
        scheduler="prefill_first",
        **ENDLESS,
    )
    return pool(engine)


def requests_log(
    fleet: GpuPool, arrival_s: FloatArray, output: npt.NDArray[np.int32]
) -> np.recarray:
    """The log of all requests, run to the end."""
    plane = DataPlane([fleet], [0], [Slo()], routing_key=SEED, record=True)
    n = len(arrival_s)
    plane.feed(arrival_s, np.ones(n, np.int32), output, np.zeros(n, np.int32))
    plane.close_feed()
    plane.advance(arrival_s[-1] + 1e6)
    return plane.requests()


def tokens(service: FloatArray, step_s: float) -> npt.NDArray[np.int32]:
    return np.maximum(np.rint(service / step_s), 1).astype(np.int32)


REPLICATIONS = 20


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error and the degrees of freedom behind that."""

    value: float
    error: float
    freedom: int

    def half_width(self, level: float) -> float:
        """Half the t interval."""
        return float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.error


def controlled(values: FloatArray, controls: FloatArray) -> Estimate:
    """Intercept of the regression of ``values`` (n,) on ``controls`` (n, k) of expectation zero."""
    design = np.column_stack([np.ones(len(values)), controls])
    inverse = np.linalg.pinv(design)
    residuals = values - design @ (inverse @ values)
    freedom = len(values) - int(np.linalg.matrix_rank(design))
    error = math.sqrt(residuals @ residuals / freedom * (inverse[0] @ inverse[0]))
    return Estimate(float(inverse[0] @ values), error, freedom)


def martingale(
    gap_s: FloatArray, mean_gap_s: float, service_s: FloatArray, mean_service_s: float
) -> float:
    """Mean of V (S - A - E[S - A]), zero in expectation: the workload V is there before S and A.

    V is what one server would find of work at each arrival (Lindley, 1952), S the service that the
    arrival brings and A the gap to the next. In the increments of V squared this is what is noise.
    """
    walk = np.concatenate([[0.0], np.cumsum(service_s[:-1] - gap_s[1:])])
    workload_s = walk - np.minimum.accumulate(np.minimum(walk, 0.0))
    noise_s = service_s[:-1] - gap_s[1:] - (mean_service_s - mean_gap_s)
    return float((workload_s[:-1] * noise_s).mean())


def plain(values: Sequence[float] | FloatArray) -> Estimate:
    """Mean of independent replications."""
    return controlled(np.asarray(values), np.zeros((len(values), 0)))


def generators(name: str) -> list[np.random.Generator]:
    """One per replication; those of different names are independent."""
    key = zlib.crc32(name.encode())
    return [np.random.default_rng([SEED, key, k]) for k in range(REPLICATIONS)]
