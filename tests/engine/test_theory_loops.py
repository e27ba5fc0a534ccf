"""Users who wait for answers: machine repair, and the interactive response-time law.

The law is exact on every sample path, but for the cycles that the horizon cuts off. Against machine
repair each row runs twenty independent worlds; its t intervals have the level 1 - 0.01/checks, so
that the table gives a false alarm on one random seed in a hundred. Seeds are fixed.
"""

from datetime import datetime

import numpy as np
import pytest
import theory
from fleets import pool, profile
from queues import STEP_S, fcfs, plain

from sim.engine import simulation
from sim.engine.simulation import simulate
from sim.engine.state import status
from sim.model.client import RETRIES, Client
from sim.model.closed import ClosedSource, DrawnRequests, ListedRequests
from sim.model.design import Design, Horizon
from sim.model.distributions import Constant, Exponential, LogNormal
from sim.model.gateway import Gateway
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.workload import Slo, Workload

SERVICE = DrawnRequests(Lengths(Constant(1.0)), Lengths(Exponential(1.0 / STEP_S)))
WORLDS = 20
ROWS = [(1, 5, 4.0), (1, 12, 4.0), (2, 12, 4.0), (3, 9, 1.0), (4, 4, 0.5)]
CHECKS = 3 * len(ROWS)
MIXED = DrawnRequests(
    Lengths(LogNormal.from_mean_p95(800.0, 2000.0)), Lengths(LogNormal.from_mean_p95(90.0, 200.0))
)
ENGINE = profile(
    step_base_s=(0.02,),
    prefill_s_per_token=1e-4,
    kv_capacity_tokens=16_000,
    max_model_len=8_000,
    max_num_seqs=8,
)


def outcome_of(source, fleet, duration_s, world=0, client=Client(), warm_up_s=0.0):  # noqa: B008
    horizon = Horizon(datetime(2026, 1, 5), duration_s, warm_up_s, duration_s)
    workload = Workload("chat", source, "pool", Slo(), client)
    design = Design("closed", horizon, (workload,), (fleet,))
    return simulate(design, Streams(1, world), record_requests=True)


@pytest.mark.parametrize(("servers", "users", "think"), ROWS)
def test_a_closed_population_is_machine_repair(servers, users, think):
    source = ClosedSource(users, SERVICE, Exponential(think))
    rates, means, early = [], [], []
    limit = 1.0 / servers
    for world in range(WORLDS):
        log = outcome_of(source, fcfs(servers), 1500.0, world, warm_up_s=100.0).requests
        done = log[log.status == status.COMPLETED]
        rates.append(len(done) / 1500.0)
        means.append(float(np.mean(done.finish_s - done.arrival_s)))
        early.append(float(np.mean(done.admitted_s - done.arrival_s <= limit + STEP_S)))
    throughput = theory.machine_repair_throughput(servers, users, think)
    expected = (
        throughput,
        users / throughput - think,
        theory.machine_repair_wait_cdf(servers, users, think, limit),
    )
    for values, theoretical in zip((rates, means, early), expected, strict=True):
        estimate = plain(values)
        # Rounding up to a step and edges of the horizon are below a thousandth.
        most = estimate.half_width(1 - 0.01 / CHECKS) + 1e-3 * theoretical
        assert abs(estimate.value - theoretical) <= most


CLIENTS = {
    "patient": Client(),
    "who retry": Client(timeout_s=3.0, retry=RETRIES["openai-sdk"]),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("think_s", [0.0, 3.0])
@pytest.mark.parametrize("users", [1, 7, 60])
def test_the_interactive_response_time_law_holds(users, think_s, client):
    """N·T = K·(R + Z) for K ends in a time T, but for one cycle of each user at either end."""
    source = ClosedSource(users, MIXED, Constant(think_s), pause_s=1e-3)
    fleet = pool(ENGINE, 2, gateway=Gateway(max_queue=20))
    outcome = outcome_of(source, fleet, 400.0, client=client)
    ended = outcome.requests[outcome.requests.status != status.IN_FLIGHT]
    response_s = ended.finish_s - ended.arrival_s
    waits_s = np.where(ended.status == status.COMPLETED, think_s, max(think_s, 1e-3))
    cycles_s = float((response_s + waits_s).sum())
    longest_s = float(response_s.max()) + max(think_s, 1e-3)
    assert abs(users * 400.0 - cycles_s) <= 2 * users * longest_s
    assert len(ended) > 50
    assert len(outcome.in_flight) <= users


def test_no_more_requests_are_under_way_than_there_are_users():
    source = ClosedSource(9, MIXED, Exponential(0.5))
    log = outcome_of(source, pool(ENGINE, 1), 300.0).requests
    ends_s = np.where(np.isnan(log.finish_s), np.inf, log.finish_s)
    starts_s = np.sort(log.arrival_s)
    under_way = np.arange(1, len(log) + 1) - np.searchsorted(np.sort(ends_s), starts_s, "right")
    assert under_way.max() == 9


def test_a_users_requests_are_the_same_on_any_fleet():
    """Its k-th request and the time to think after it: two designs stay comparable."""
    source = ClosedSource(5, MIXED, Exponential(2.0))
    seen = []
    for replicas in (1, 4):
        log = outcome_of(source, pool(ENGINE, replicas), 200.0).requests
        lengths = np.column_stack([log.prompt_tokens, log.output_tokens])
        seen.append({tuple(row) for row in lengths.tolist()})
    few, many = sorted(seen, key=len)
    assert len(few - many) <= 5  # the last of each user, of a slow fleet
    assert len(few) > 100


@pytest.mark.parametrize("users", [3, 40])
def test_a_list_is_sent_in_its_order_and_so_many_requests(users):
    """As a benchmark sends its prompts: each as a place becomes free."""
    rng = np.random.default_rng(3)
    prompt, output = rng.integers(1, 900, (2, 150), dtype=np.int32)
    source = ClosedSource(users, ListedRequests(prompt, output % 50 + 1), requests=100)
    log = outcome_of(source, pool(ENGINE, 1), 1e5).requests
    assert len(log) == 100
    assert (log.status == status.COMPLETED).all()
    assert log.prompt_tokens.tolist() == prompt[:100].tolist()


def test_users_begin_evenly_over_a_ramp_and_stop_at_the_number_of_requests():
    source = ClosedSource(10, MIXED, Constant(1.0), ramp_s=50.0, requests=64)
    log = outcome_of(source, pool(ENGINE, 4), 1e4).requests
    assert len(log) == 64
    firsts = [5.0 * u for u in range(10)]
    assert set(firsts[:5]) <= set(log.arrival_s.tolist())


def test_the_warm_up_takes_nothing_off_the_number_of_requests():
    source = ClosedSource(10, MIXED, Constant(1.0), requests=64)
    outcome = outcome_of(source, pool(ENGINE, 4), 1e4, warm_up_s=100.0)
    assert len(outcome.requests) == 64


def test_memory_does_not_grow_with_the_horizon(monkeypatch):
    """The lists of all users hold no more requests after a long time than after a short one."""
    held = []
    build = simulation._plane

    def kept(*arguments):
        held.append(build(*arguments))
        return held[-1]

    monkeypatch.setattr(simulation, "_plane", kept)
    for duration_s in (100.0, 2000.0):
        outcome_of(ClosedSource(20, MIXED, Constant(0.1)), pool(ENGINE, 2), duration_s)
    short, long = (len(plane._state.sequels) for plane in held)
    assert long <= short
