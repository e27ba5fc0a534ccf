"""Scenarios and replications that cost nothing, for tests of all that happens around them.

In a module of their own, so that worker processes can import them.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

import sim.studies.case  # noqa: F401 (it holds the real loader, which tests replace elsewhere)
from sim.engine.ledger import UNANSWERED
from sim.errors import PeakfleetError
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Distribution, LogNormal, Uniform
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.model.threshold import Threshold
from sim.model.uncertain import UncertainInput
from sim.model.workload import RequestBlock, Slo, Workload
from sim.montecarlo import exports
from sim.report.charts import Chart

BINS = 4
OF_MACHINES = (
    "queue",
    "running",
    "ready_replicas",
    "starting_replicas",
    "pending_replicas",
    "utilisation",
    "kv_utilisation",
)
UNDEFINED = (
    "attempts_per_request",
    "wasted_work_share",
    "slo_attainment",
    "ttft_p95_s",
    "tpot_p95_s",
    "e2e_p95_s",
    "draining_replicas",
    "output_tokens_per_s",
)
PROFILE = ServiceProfile(
    name="", model="", gpu="", precision="", engine="", gpus_per_replica=1,
    batch=(0,), step_base_s=(1e-3,), step_s_per_kv_token=(0.0,),
    prefill_s_per_request=0.0, prefill_s_per_token=0.0, prefill_s_per_token_context=0.0,
    overhead_s=0.0, frontend_s_per_request=0.0, frontend_s_per_token=0.0,
    kv_capacity_tokens=64, kv_block_tokens=16, max_num_seqs=1, max_num_batched_tokens=1,
    max_model_len=64, scheduler="chunked",
)  # fmt: skip


class NoRequests:
    """A source of nothing."""

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        yield from ()


@dataclass(frozen=True)
class FakeScenario:
    """As much of a scenario as the machinery around replications looks at."""

    name: str = "Fake service"
    worlds: int = 20
    seed: int = 0
    inputs: tuple[UncertainInput, ...] = (
        UncertainInput("workloads.chat.volume", LogNormal(0.0, 0.4)),
        UncertainInput("backends.large.speed", Uniform(0.5, 1.5)),
    )
    slow_s: float = 0.0
    slow_from: int = 0
    broken_world: int = -1
    warnings: tuple[str, ...] = ()
    footing: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    file: str = "fake.yaml"
    extra: dict[str, object] = field(default_factory=dict)
    bins: int = BINS
    fidelity: str = "exact"

    @property
    def document(self) -> dict[str, object]:
        return {"name": self.name, "worlds": self.worlds, "seed": self.seed, **self.extra}

    def to_yaml(self) -> str:
        return "".join(f"{key}: {value}\n" for key, value in self.document.items())

    def typical_design(self) -> Design:
        return self.design({})

    def design(self, values: Mapping[str, float]) -> Design:
        return Design(
            self.name,
            Horizon(datetime(2026, 11, 23), 86_400.0, warm_up_s=0.0, bin_s=86_400.0 / self.bins),
            workloads=(Workload("chat", NoRequests(), "large", Slo(ttft_s=2.0)),),
            pools=(GpuPool("large", PROFILE, 2, "least_loaded", GpuPrice(0.0)),),
        )


def load(path: object, overrides: tuple[str, ...] = (), allow_code: bool = False) -> FakeScenario:
    """A scenario of thirty worlds with the settings of the overrides, in place of a file."""
    settings = dict(override.split("=") for override in overrides)
    numbers = {key: float(value) for key, value in settings.items()}
    whole = {key: int(value) for key, value in numbers.items() if key != "slow_s"}
    return FakeScenario(**({"worlds": 30} | numbers | whole))


def charts(result: object) -> list[Chart]:
    """One picture that is soon drawn."""
    spec = {"mark": "point", "data": {"values": []}}
    return [Chart("cost", pd.DataFrame({"x": [1]}), spec)]


@dataclass(frozen=True)
class FakeReplication:
    """The attributes of a replication, without the import of the engine."""

    world: int
    draws: dict[str, float]
    metrics: dict[str, float]
    verdict: str
    timeline: dict[str, np.ndarray]
    requests: dict[str, np.ndarray] | None
    exports: dict[str, str] | None = None


def replicate(
    scenario: FakeScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> FakeReplication:
    """A world whose figures follow from its draws and its own random numbers."""
    if world == scenario.broken_world:
        raise ZeroDivisionError("the fake engine broke")
    if world >= scenario.slow_from:
        time.sleep(scenario.slow_s)
    rng = Streams(seed, world)("noise")
    volume = draws["workloads.chat.volume"]
    latency_s = volume * float(rng.lognormal(0.0, 0.2)) / draws["backends.large.speed"]
    return FakeReplication(
        world=world,
        draws=dict(draws),
        metrics={
            "cost_usd": 1000.0,
            "cost_usd_per_request": 0.01 / volume,
            "e2e_p95_s": latency_s,
            "gross_margin": float("nan") if world % 7 == 3 else 1.0 - latency_s,
            "rejected": 0.0,
            "workloads.chat.slo_attainment": 0.99 if latency_s < 1.5 else 0.5,
            "workloads.chat.ttft_p95_s": latency_s / 3,
            "backends.large.utilisation": min(1.0, volume / 2),
        },
        verdict="overloaded" if volume > 2.0 else "stable",
        timeline={
            "load_rps": volume * rng.random(BINS),
            **{column: np.full(BINS, np.nan) for column in UNDEFINED},
            **{f"{fate}_rps": np.zeros(BINS) for fate in ("completed", *UNANSWERED)},
            **{column: volume * rng.random(BINS) for column in OF_MACHINES},
        },
        requests={"request_id": np.arange(3), "arrival_s": rng.random(3)}
        if record_requests
        else None,
        exports=exports_of(latency_s) if world == 0 else None,
    )


def exports_of(latency_s: float) -> dict[str, str]:
    """Files in the formats of others; a carriage return is not to be lost."""
    return {name: f"{name}\r\n{latency_s!r} €\n" for name in exports.FILES}


def replicate_pressing_ctrl_c(
    scenario: FakeScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> FakeReplication:
    """In world 5 somebody presses Ctrl-C, as often as the scenario says."""
    if world == 5:
        for _ in range(int(scenario.extra["presses"])):
            signal.raise_signal(signal.SIGINT)
    return replicate(scenario, seed, world, draws, record_requests)


def replicate_at_length(
    scenario: FakeScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> FakeReplication:
    """A world with a long timeline and many figures: 120 kB and 150."""
    rng = Streams(seed, world)("noise")
    return FakeReplication(
        world=world,
        draws=dict(draws),
        metrics={f"metric_{number}": float(rng.random()) for number in range(150)},
        verdict="stable",
        timeline={f"column_{number}": rng.random(1500) for number in range(20)},
        requests=None,
    )


def replicate_mendably(
    scenario: FakeScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> FakeReplication:
    """A world that a user can mend."""
    raise PeakfleetError("workloads.chat.volume (-1) must be at least 0")


def replicate_in_vain(
    scenario: FakeScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> FakeReplication:
    """A world that takes its process with it, as the kernel does when memory runs out."""
    os._exit(1)


def uncertain(*paths: str, distribution: Distribution | None = None) -> list[UncertainInput]:
    """Inputs by path, standard uniform unless told otherwise."""
    return [UncertainInput(path, distribution or Uniform(0.0, 1.0)) for path in paths]
