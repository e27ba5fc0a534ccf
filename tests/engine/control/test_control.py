"""The control plane on the real data plane: whole simulations of fleets that move.

Theory: M/M/1 with setup, where the server is turned off when the system is empty and an arrival to
an empty system turns it on. With exponential service (mean 1), arrivals at rate r and a setup of
mean s the mean time in the system is 1/(1 - r), plus, by the decomposition of vacation queues,
E[Q(Q-1)] / (2 r E[Q]) for Q customers present when a busy period begins. The autoscaler here looks
every ``POLL`` for an empty system, so with probability p a customer comes before it has looked, and
meets a running server: Q is 1 with probability p, else 1 + the arrivals during a setup.
"""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import simpy
from fleets import pool, profile
from queues import STEP_S, controlled, fcfs

from sim.engine.control import AUTOSCALERS, Fleet, FleetLog
from sim.engine.simulation import Outcome, simulate
from sim.engine.state import status
from sim.model.autoscaler import Custom, Hpa, Keda, Knative
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant, Exponential, Uniform
from sim.model.failure import Crashes, Failures, Spot, Stragglers
from sim.model.gateway import Gateway
from sim.model.lifecycle import ColdStart, Lifecycle, Standby
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import timeline

POLL = 1.0


@dataclass(frozen=True)
class Poisson:
    """Poisson arrivals at a rate that steps up in the middle third, exponential outputs."""

    rate: float
    step: float = 1.0
    mean_tokens: float = 40.0
    prompt: int = 1

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        rng = streams(f"{name}/arrivals")
        count = rng.poisson(self.rate * self.step * (end_s - start_s))
        times = np.sort(rng.uniform(start_s, end_s, count))
        busy = (times > end_s / 3) & (times < 2 * end_s / 3)
        times = times[busy | (rng.random(count) < 1 / self.step)]
        outputs = np.maximum(1, rng.exponential(self.mean_tokens, len(times))).astype(np.int32)
        yield RequestBlock(times, np.full(len(times), self.prompt, np.int32), outputs)


def design(managed: GpuPool, source: Poisson, duration_s: float, warm_up_s: float = 0.0) -> Design:
    horizon = Horizon(datetime(2026, 11, 23), duration_s, warm_up_s, duration_s / 20)
    return Design("d", horizon, (Workload("w", source, managed.name, Slo()),), (managed,))


ENGINE = profile(step_base_s=(0.02, 0.05), batch=(0, 8), step_s_per_kv_token=(0.0, 0.0))
ENGINE = replace(ENGINE, max_num_seqs=8)


def moving(replicas: int, **fields: Any) -> GpuPool:
    fleet = pool(ENGINE, replicas, "least_loaded")
    return replace(fleet, gateway=Gateway(holds=True), **fields)


def simulated(managed: GpuPool, seed: int = 3, **traffic: Any) -> tuple[Outcome, Design]:
    source = Poisson(**{"rate": 3.0, "step": 6.0, **traffic})
    whole = design(managed, source, 3_600.0, 300.0)
    return simulate(whole, Streams(seed, 0), record_requests=True), whole


HPA = Hpa(target=6, max_replicas=12)
COLD = Lifecycle(cold_start=ColdStart(Uniform(10.0, 20.0), (Exponential(40.0),)))
TROUBLE = Failures(
    Crashes(per_gpu_hour=3.0, repair=Exponential(60.0), replicas_per_node=2),
    Spot(Uniform(600.0, 3_000.0), notice_s=30.0, absence=Exponential(120.0)),
    Stragglers(share=0.3, slowness=1.5),
)
FLEETS = {
    "hpa": {"autoscaler": HPA, "lifecycle": COLD},
    "keda": {"autoscaler": Keda(target=6, max_replicas=12, cooldown_s=60), "lifecycle": COLD},
    "tokens": {
        "autoscaler": Hpa(150.0, 12, metric="output_tokens_per_s", metric_delay_s=20.0),
        "lifecycle": COLD,
    },
    "knative": {"autoscaler": Knative(target=9, max_replicas=12), "lifecycle": COLD},
    "warm": {
        "autoscaler": HPA,
        "lifecycle": replace(COLD, standby=Standby(2, Constant(3.0)), capacity_limit=9),
    },
    "trouble": {"failures": TROUBLE, "lifecycle": replace(COLD, drain_limit_s=5.0)},
    "all": {"autoscaler": HPA, "lifecycle": COLD, "failures": TROUBLE},
}


def same(one: Any, other: Any) -> bool:
    return one.tobytes() == other.tobytes()


def test_a_fleet_that_never_changes_gives_the_bits_of_a_static_pool() -> None:
    """An autoscaler with nothing to choose enters the kernel every 2 s and changes nothing."""
    static = replace(pool(ENGINE, 3, "least_loaded"), gateway=Gateway(holds=True))
    pinned = replace(static, autoscaler=Knative(max_replicas=3, min_replicas=3))
    (one, first), (other, second) = simulated(static), simulated(pinned)
    assert same(one.requests, other.requests)
    assert same(one.ledger.workloads, other.ledger.workloads)
    assert same(one.ledger.histograms, other.ledger.histograms)
    assert one.rentals == other.rentals
    figures, others = metrics(one, first), metrics(other, second)
    for name in ("cost_usd", "ttft_p95_s", "e2e_p99_s", "completed", "ready_replicas_max"):
        assert figures[name] == others[name]


@pytest.mark.parametrize("name", FLEETS)
def test_a_world_gives_the_same_bits_again(name: str) -> None:
    one, _ = simulated(moving(2, **FLEETS[name]))
    other, _ = simulated(moving(2, **FLEETS[name]))
    assert same(one.requests, other.requests)
    assert one.rentals == other.rentals


@pytest.mark.parametrize("name", FLEETS)
def test_moving_fleets_conserve_requests_replica_seconds_and_dollars(name: str) -> None:
    outcome, whole = simulated(moving(2, **FLEETS[name]))
    figures, columns = metrics(outcome, whole), timeline(outcome, whole)
    width_s = whole.horizon.bin_s
    ends = ("completed", "timed_out", "rejected", "failed", "gave_up", "in_flight_end")
    assert figures["requests"] == sum(figures[end] for end in ends) > 10_000
    rented_s = sum(rental.end_s - rental.start_s for rental in outcome.rentals)
    assert figures["gpu_hours"] == pytest.approx(rented_s / 3_600)
    billed_s = sum(math.ceil(r.end_s - r.start_s - 1e-9) for r in outcome.rentals)
    assert figures["cost_usd"] == pytest.approx(billed_s / 3_600)  # 1 USD per GPU-hour
    ready_s = columns["ready_replicas"].sum() * width_s
    assert ready_s <= rented_s + 1e-6  # what serves is paid for
    log = outcome.logs[0]
    times = np.array([*log.time_s, whole.horizon.duration_s]).clip(0.0)
    assert ready_s == pytest.approx(float(np.diff(times) @ log.ready), abs=1e-6)
    assert figures["ready_replicas_max"] == max(
        n for n, begin, end in zip(log.ready, times, times[1:], strict=False) if end > begin
    )
    starting_s = columns["starting_replicas"].sum() * width_s
    assert starting_s == pytest.approx(float(np.diff(times) @ log.starting), abs=1e-6)
    assert starting_s > 0


def test_an_autoscaled_fleet_follows_its_load_and_costs_less_than_the_peak() -> None:
    outcome, whole = simulated(moving(2, **FLEETS["hpa"]))
    figures = metrics(outcome, whole)
    peak = int(figures["ready_replicas_max"])
    static, at_peak = simulated(moving(peak))
    assert peak > 4
    assert figures["cost_usd"] < 0.9 * metrics(static, at_peak)["cost_usd"]
    assert figures["failed"] == figures["rejected"] == 0  # drained replicas finish their work
    ready = timeline(outcome, whole)["ready_replicas"]
    assert ready[10] > 2 * ready[4]
    assert ready[-1] < ready[10]


def test_what_runs_on_a_crashed_replica_fails_or_is_sent_again() -> None:
    failures = Failures(Crashes(per_gpu_hour=6.0))
    fleet = moving(4, failures=failures, lifecycle=COLD)
    lost, _ = simulated(fleet)
    resent, _ = simulated(replace(fleet, gateway=Gateway(holds=True, on_loss="resend")))
    assert (lost.requests.status == status.FAILED).sum() > 10
    assert (resent.requests.status == status.FAILED).sum() == 0


def test_stragglers_slow_their_pool_down() -> None:
    slow = Failures(stragglers=Stragglers(share=1.0, slowness=2.0))
    usual, _ = simulated(moving(4), step=1.0)
    slowed, _ = simulated(moving(4, failures=slow), step=1.0)
    ratio = median_e2e_s(slowed) / median_e2e_s(usual)
    assert 1.9 < ratio < 2.6  # batches grow, too


def median_e2e_s(outcome: Outcome) -> float:
    return float(np.nanmedian(outcome.requests.finish_s - outcome.requests.arrival_s))


# Scaling from zero


def on_demand(fleet: Fleet) -> Generator[simpy.Event]:
    """On with the first request that waits, off when the system is seen empty.

    It need not look every time while there are many: n of them are not gone in (n - 4) / 3 times
    the mean service but once in ten thousand times.
    """
    while True:
        yield fleet.request_held()
        fleet.scale_to(1)
        while (there := fleet.concurrency) or fleet.starting:
            yield fleet.env.timeout(POLL * max(1, (there - 4) // 3))
        fleet.scale_to(0)


def always_on_s(source: Poisson, streams: Streams, end_s: float) -> float:
    """Mean time in the system of the same customers at a server that is never turned off."""
    (block,) = source.blocks("w", streams, -500.0, end_s)
    service_s = block.output_tokens * STEP_S
    ahead_s = np.cumsum(service_s) - service_s - block.arrival_s  # Lindley's recursion, unrolled
    stay_s = ahead_s - np.minimum.accumulate(ahead_s) + service_s
    return float(stay_s[block.arrival_s >= 0].mean())


def lasted_s(log: FleetLog) -> np.ndarray:
    """How long each setup took."""
    starting = np.array(log.starting[:-1]) == 1
    return np.diff(log.time_s)[starting]


@pytest.mark.parametrize(("rate", "setup", "horizon_s"), [(0.5, 4.0, 8e3), (0.8, 10.0, 2e4)])
def test_mm1_with_setup_matches_the_decomposition(
    rate: float, setup: float, horizon_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 replications, 99.9 % t interval, and within 2 %, which is 2.5 standard errors or more.

    So one of fifty seeds fails by chance.

    Control variates: the same customers at a server that is always on, and both moments of the
    setups drawn; their expectations are known.
    """
    monkeypatch.setitem(AUTOSCALERS, "on demand", on_demand)
    server = replace(
        fcfs(),
        replicas=0,
        autoscaler=Custom("on demand", max_replicas=1),
        lifecycle=Lifecycle(cold_start=ColdStart.whole(Exponential(setup))),
        gateway=Gateway(holds=True),
    )
    source = Poisson(rate, mean_tokens=1 / STEP_S)
    means, controls = [], []
    for world in range(20):
        streams = Streams(11, world)
        outcome = simulate(design(server, source, horizon_s, 500.0), streams, True)
        done = outcome.requests[outcome.requests.status == status.COMPLETED]
        means.append(float((done.finish_s - done.arrival_s).mean()))
        setups_s = lasted_s(outcome.logs[0])
        controls.append(
            [
                always_on_s(source, streams, horizon_s) - 1 / (1 - rate),
                setups_s.mean() - setup,
                (setups_s**2).mean() - 2 * setup**2,
            ]
        )
    p = 1 - (1 - math.exp(-rate * POLL)) / (rate * POLL)
    more = (1 - p) * (2 * setup + rate * 2 * setup**2) / (2 * (1 + (1 - p) * rate * setup))
    expected = 1 / (1 - rate) + more
    estimate = controlled(np.array(means), np.array(controls))
    assert abs(estimate.value - expected) <= estimate.half_width(0.999)
    assert estimate.value == pytest.approx(expected, rel=0.02)
