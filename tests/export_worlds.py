"""Worlds for tests of exports: every way to pay, and the corners.

Small enough to be simulated in a tenth of a second each, and kept.
"""

import csv
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pytest
from fleets import profile

from sim.engine.simulation import simulate
from sim.model.client import Client, Retry
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant, Uniform
from sim.model.gateway import Gateway
from sim.model.managed import ManagedApi, Pace, Provisioned
from sim.model.price import DAY_S, HOUR_S, GpuPrice, Subscription, TokenPrice, TokenRates
from sim.model.purchase import CapacityBlock, Owned, PayAsYouGo, PurchasePlan, Reserved
from sim.model.routing import Degradation, Leg, Routing
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload
from sim.montecarlo.exports.files import files

ODD = 'eu "west", \\1'  # a name that needs quoting in every format
START = datetime(2026, 11, 30, 10, 30)  # neither a whole hour nor the first of a month


@dataclass(frozen=True)
class Traffic:
    """Requests by a Poisson process, prompts and outputs of uniform lengths."""

    rate: float

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        rng = streams(f"{name}/requests")
        n = int(rng.poisson(self.rate * (end_s - start_s)))
        if n:
            yield RequestBlock(
                np.sort(rng.uniform(start_s, end_s, n)),
                rng.integers(10, 2000, n).astype(np.int32),
                rng.integers(1, 120, n).astype(np.int32),
            )


ENGINE = profile(
    model="llama", gpu="h100-sxm", engine="vllm", step_base_s=(0.05,), max_num_seqs=3,
    kv_capacity_tokens=2304,
)  # fmt: skip
PLAN = PurchasePlan(
    (
        Owned(1, 30_000, 4, 0.1, 300, 1000, 1.3, 0.08, 120, 50, 900, source="invoice"),
        Reserved(2.0, 1, "reserved_3y", upfront_share=0.4, list_usd_per_gpu_hour=3.5),
        Reserved(2.2, 1, "reserved_3y"),
        CapacityBlock(2.9, 1),
        PayAsYouGo(1.2, "spot", source="provider", as_of="2026-10-01"),
    )
)
POOLS = (
    GpuPool("own", ENGINE, 5, "least_loaded", PLAN),
    GpuPool("rented", ENGINE, 1, "round_robin", GpuPrice(2.5, 3600.0, purchase="reserved_3y")),
)
APIS = (
    ManagedApi(
        ODD,
        Pace(Uniform(0.2, 2.0), Constant(60.0)),
        TokenPrice(
            TokenRates(2.0, 8.0, 0.2),
            TokenRates(4.0, 12.0),
            long_above_tokens=1500,
            usd_per_unit_hour=1.1,
            minimum_usd_per_month=20_000.0,
        ),
        provisioned=Provisioned(2, 900.0),
    ),
    ManagedApi(
        "phone",
        Pace(Constant(0.1), Constant(20.0)),
        TokenPrice(usd_per_device_month=0.5, active_devices=40),
        kind="edge",
    ),
    ManagedApi(
        "flat",
        Pace(Constant(0.3), Constant(50.0)),
        TokenPrice(TokenRates(1.0, 2.0), subscription=Subscription(300.0, 3000.0, 4.0)),
    ),
)


def everything(duration_s: float = 30 * HOUR_S, rate: float = 0.05) -> Design:
    """Every way to pay, workloads on one backend and on several, impatient users."""
    legs = (Leg("own"), Leg(ODD), Leg("phone"), Leg("flat"))
    several = Routing(legs, degradation=Degradation(2, 0.5))
    impatient = Client(timeout_s=4.0, retry=Retry(max_retries=1, base_s=0.5))
    workloads = (
        Workload("chat", Traffic(3 * rate), "own", Slo(), impatient, routing=several),
        Workload("batch", Traffic(rate), "rented", Slo()),
        Workload("night", Traffic(0.0), "rented", Slo()),
    )
    horizon = Horizon(START, duration_s, 600.0, 900.0 if duration_s < 2 * DAY_S else HOUR_S)
    return Design('A "world", of all', horizon, workloads, POOLS, APIS)


def no_pool() -> Design:
    """Nothing of one's own."""
    workload = Workload("chat", Traffic(0.05), ODD, Slo())
    horizon = Horizon(datetime(2026, 11, 23), 5000.5, 0.0, 300.0)
    return Design("API", horizon, (workload,), (), APIS[:1])


def quiet() -> Design:
    """Nobody comes."""
    workload = Workload("chat", Traffic(0.0), "rented", Slo())
    return Design("Quiet", Horizon(START, DAY_S, 0.0, HOUR_S), (workload,), POOLS[1:])


def asleep() -> Design:
    """A pool without a single replica, ever."""
    design = quiet()
    return replace(design, pools=(replace(POOLS[1], replicas=0, gateway=Gateway(holds=True)),))


DESIGNS = {
    "everything": everything,
    "16 days": lambda: everything(16 * DAY_S, 0.002),
    "no pool": no_pool,
    "quiet": quiet,
    "asleep": asleep,
}


@functools.cache
def world(name):
    """(design, outcome, files) of a world."""
    design = DESIGNS[name]()
    outcome = simulate(design, Streams(3, 0), record_requests=True)
    return design, outcome, files(outcome, design, seed=3, world=0)


each_world = pytest.mark.parametrize("name", DESIGNS)


def rows_of(text):
    """Rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def words(text):
    return text.split()
