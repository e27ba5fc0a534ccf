"""Flow control: what a saturated pool is spared, in which order it is served, and what it costs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pytest
from fleets import pool, profile

from sim.engine.simulation import Outcome, simulate
from sim.engine.state.status import COMPLETED
from sim.model.design import Design, Horizon
from sim.model.gateway import FlowControl, Gateway
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload

ENGINE = profile(step_base_s=(0.05,), batch=(0,), step_s_per_kv_token=(0.0,), max_num_seqs=4)
END_S = 1_200.0


@dataclass(frozen=True)
class Burst:
    """Poisson arrivals, too many of them in the first half."""

    rate: float

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        rng = streams(f"{name}/arrivals")
        times = np.sort(rng.uniform(start_s, end_s, rng.poisson(self.rate * (end_s - start_s))))
        times = times[(times < end_s / 2) | (rng.random(len(times)) < 0.1)]
        outputs = rng.integers(10, 60, len(times)).astype(np.int32)
        yield RequestBlock(times, np.ones(len(times), np.int32), outputs)


def ran(gateway: Gateway, replicas: int = 2, router: str = "round_robin", seed: int = 1) -> Outcome:
    fleet = pool(ENGINE, replicas, router, gateway=gateway)  # type: ignore[arg-type]
    horizon = Horizon(datetime(2026, 11, 23), END_S, 0.0, END_S / 4)
    workloads = (
        Workload("people", Burst(3.0), "pool", Slo()),
        Workload("batch", Burst(3.0), "pool", Slo(), priority=1),
    )
    return simulate(Design("d", horizon, workloads, (fleet,)), Streams(seed, 0), True)


def most_waiting(outcome: Outcome, replica: int) -> int:
    """Most requests that a replica had and did not run at any time."""
    rows = outcome.requests[outcome.requests.replica == replica]
    ends = np.where(np.isnan(rows.admitted_s), np.inf, rows.admitted_s)
    moments = np.concatenate([rows.dispatched_s, ends])
    changes = np.concatenate([np.ones(len(rows)), -np.ones(len(rows))])
    order = np.lexsort((changes, moments))
    return int(np.cumsum(changes[order]).max())


def waits_s(outcome: Outcome, workload: int) -> npt.NDArray[np.float64]:
    rows = outcome.requests[outcome.requests.workload == workload]
    return np.asarray((rows.admitted_s - rows.arrival_s)[rows.status == COMPLETED])


@pytest.mark.parametrize("router", ["round_robin", "least_loaded", "power_of_two"])
def test_a_saturated_pool_has_no_more_waiting_than_its_rules_say(router: str) -> None:
    refresh_s = 0.05
    rules = FlowControl(full_queue=3.0, full_kv=1.0, refresh_s=refresh_s)
    held, pushed = ran(Gateway(flow_control=rules), router=router), ran(Gateway(), router=router)
    # Below 3 in the mean over both, and what is let go, or comes, until the next look.
    most = 2 * 3 + rules.most_released + 5  # P(more than 5 of a mean of 0.3 in some look) < 1e-3
    assert sum(most_waiting(held, r) for r in (0, 1)) <= 2 * most
    assert max(most_waiting(pushed, r) for r in (0, 1)) > 100
    assert held.ledger.workloads["completed"].sum() == pushed.ledger.workloads["completed"].sum()


def test_what_is_held_leaves_by_priority() -> None:
    rules = FlowControl(full_queue=3.0, full_kv=1.0)
    held, pushed = ran(Gateway(flow_control=rules)), ran(Gateway())
    assert np.quantile(waits_s(held, 0), 0.95) < 0.2 * np.quantile(waits_s(pushed, 0), 0.95)
    assert np.quantile(waits_s(held, 1), 0.95) > np.quantile(waits_s(pushed, 1), 0.95)


def test_a_pool_that_is_never_saturated_notices_nothing() -> None:
    rules = FlowControl(full_queue=1e6, full_kv=1.0)
    held, pushed = ran(Gateway(flow_control=rules)), ran(Gateway())
    for name in ("finish_s", "replica", "status"):
        np.testing.assert_array_equal(held.requests[name], pushed.requests[name])


def test_a_queue_in_the_middle_is_what_it_is_with_flow_control_beside_it() -> None:
    central = Gateway(replica_limit=4.0)
    both = replace(central, flow_control=FlowControl(full_queue=1e6, full_kv=1.0))
    np.testing.assert_array_equal(ran(central).requests.finish_s, ran(both).requests.finish_s)


def test_nothing_is_lost_or_answered_twice() -> None:
    outcome = ran(Gateway(flow_control=FlowControl(full_queue=1.0)), seed=4)
    booked = outcome.ledger.workloads
    fates = sum(
        int(booked[fate].sum()) for fate in ("completed", "rejected", "timed_out", "failed")
    )
    assert booked["requests"].sum() == fates + len(outcome.in_flight) + booked["gave_up"].sum()
    ends = outcome.requests
    started = ends.dispatched_s[~np.isnan(ends.dispatched_s)]
    assert (started >= ends.arrival_s[~np.isnan(ends.dispatched_s)]).all()


def test_replicas_count_as_full_by_their_kv_cache_too() -> None:
    small = replace(ENGINE, kv_capacity_tokens=16 * 16, max_num_seqs=64)
    horizon = Horizon(datetime(2026, 11, 23), 100.0, 0.0, 100.0)
    work = (Workload("people", Burst(4.0), "pool", Slo()),)
    preemptions = []
    for full_kv in (0.4, 1.0):
        rules = FlowControl(full_queue=1.0, full_kv=full_kv, refresh_s=0.001)
        fleet = pool(small, 1, gateway=Gateway(flow_control=rules))
        outcome = simulate(Design("d", horizon, work, (fleet,)), Streams(2, 0), True)
        preemptions.append(int(outcome.requests.preemptions.sum()))
    assert preemptions[0] < 0.2 * preemptions[1]
