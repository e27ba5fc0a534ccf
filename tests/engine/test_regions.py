"""Users far from their backends, and regions that are lost: closed forms, and conservation."""

import math
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import theory
from agreement import assert_agreement
from fleets import Case, kernel_log, pool, profile
from given_requests import GivenRequests
from queues import ENDLESS, SEED, STEP_S, controlled, fcfs, generators, tokens

from sim.engine.plane.plane import DataPlane
from sim.engine.simulation import simulate
from sim.model.client import Client, Retry
from sim.model.design import Design, Horizon
from sim.model.distributions import Constant
from sim.model.failure import Failures
from sim.model.gateway import Gateway
from sim.model.lifecycle import ColdStart, Lifecycle
from sim.model.managed import ManagedApi, Pace
from sim.model.routing import Leg, Routing
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload
from sim.model.zones import Zones

TRIP_S = 0.3


def log_of(pools, routes, arrival_s, output, workload):
    """The log of requests, run to the end."""
    slos = [Slo() for _ in routes]
    plane = DataPlane(pools, [0] * len(routes), slos, SEED, record=True, routes=routes)
    plane.feed(arrival_s, np.ones(len(arrival_s), np.int32), output, workload.astype(np.int32))
    plane.close_feed()
    plane.advance(arrival_s[-1] + 1e6)
    return plane.requests()


def test_far_users_see_the_queue_that_comes_a_round_trip_later():
    """To the bit: their requests are those of users next to it who ask a round trip later."""
    rng = np.random.default_rng(SEED)
    arrival_s = np.cumsum(rng.standard_exponential(400))
    output = tokens(rng.standard_exponential(400), 0.01)
    engine = profile(step_base_s=(0.01,), max_num_seqs=2, **ENDLESS)
    one = np.zeros(400)
    far = Routing((Leg("pool"),), trips_s=(("pool", TRIP_S),))
    away = log_of([pool(engine)], [far], arrival_s, output, one)
    near = log_of([pool(engine)], [Routing((Leg("pool"),))], arrival_s + TRIP_S, output, one)
    for column in ("dispatched_s", "admitted_s", "first_token_s", "finish_s"):
        assert away[column].tobytes() == near[column].tobytes()
    assert away.arrival_s.tobytes() == arrival_s.tobytes()


@pytest.mark.parametrize("split", [True, False], ids=["three near their users", "one far from two"])
def test_pooled_and_split_fleets_wait_as_erlang_c_says(split):
    """Three M/M/4, or one M/M/12 to which two thirds of the users have a round trip.

    The mean over twenty replications, with the load really drawn as control; a t interval of level
    99.9 % holds the closed form, on a random seed in 999 of 1,000.
    """
    servers, rho, n = 4, 0.85, 12_000
    pools = [fcfs(servers), fcfs(servers), fcfs(servers)] if split else [fcfs(3 * servers)]
    pools = [_named(each, f"pool {at}") for at, each in enumerate(pools)]
    routes = [
        Routing((Leg(f"pool {at if split else 0}"),), trips_s=() if split else _trips(at))
        for at in range(3)
    ]
    runs = []
    for rng in generators(f"regions {split}"):
        gap_s = rng.standard_exponential(n) / (3 * servers * rho)
        service = rng.standard_exponential(n)
        home = rng.integers(0, 3, n)
        log = log_of(pools, routes, np.cumsum(gap_s), tokens(service, STEP_S), home)
        waits = (log.admitted_s - log.arrival_s)[n // 10 : -n // 10]
        load = service.mean() - 1.0 - (3 * servers * rho * gap_s.mean() - 1.0)
        runs.append((waits.mean(), load))
    found = np.array(runs)
    mean = controlled(found[:, 0], found[:, 1:])
    expected = theory.mmc_mean_wait(servers, rho)
    if not split:
        expected = theory.mmc_mean_wait(3 * servers, rho) + 2 / 3 * TRIP_S
    assert abs(mean.value - expected) < mean.half_width(0.999)


def _trips(home):
    return (("pool 0", TRIP_S),) if home else ()


def _named(fleet, name):
    return pool(fleet.profile, fleet.replicas, fleet.router, name)


FATES = ("completed", "timed_out", "rejected", "failed", "gave_up")


def totals(outcome, workload):
    """Counts of a workload over the horizon."""
    booked = outcome.ledger.workloads[workload]
    return {name: int(booked[name].sum()) for name in (*FATES, "requests", "retries")}


@pytest.mark.parametrize("elsewhere", [True, False], ids=["may leave", "may not leave"])
def test_every_request_of_a_lost_region_is_served_away_or_told(elsewhere):
    """Between 100 and 200 s the region is gone: nothing is served there, and nobody is lost.

    Cold starts of 20 s come after it. Attempts that fail or are turned away go on at once, those of
    data that may not leave are tried again by their clients, and end.
    """
    lost = Zones(("one",), planned=(("one", 100.0, 200.0),), takes_gateway=True)
    design = _design(lost, elsewhere)
    outcome = simulate(design, Streams(SEED, 0), record_requests=True)
    log, booked = outcome.requests, [totals(outcome, index) for index in range(2)]
    for index, counts in enumerate(booked):
        left = int((outcome.in_flight["workload"] == index).sum())
        assert counts["requests"] == sum(counts[fate] for fate in FATES) + left
    meanwhile = (log.finish_s > 100.0) & (log.finish_s < 220.0) & (log.status == 1)
    assert not meanwhile[log.backend == 0].any()
    of_one = log[(log.workload == 0) & (log.arrival_s > 101.0) & (log.arrival_s < 180.0)]
    answers = outcome.ledger.usage["answers"].sum(axis=(2, 3))
    if elsewhere:
        assert (of_one.backend > 0).all() and answers[0, 1] >= len(of_one)
        direct_s = of_one.dispatched_s - of_one.arrival_s
        assert np.min(direct_s) == pytest.approx(TRIP_S)  # turned away at home, which is next door
        assert booked[0]["rejected"] == booked[0]["failed"] == 0
    else:
        assert answers[0, 1:].sum() == 0 and booked[0]["rejected"] > 0.9 * len(of_one)
        assert booked[0]["retries"] >= 2 * booked[0]["rejected"]
    assert answers[1, 0] == 0 and booked[1]["rejected"] == 0


def _design(lost, elsewhere):
    engine = profile(step_base_s=(0.01,), max_num_seqs=8, **ENDLESS)
    gateway = Gateway(holds=True)
    cold = Lifecycle(ColdStart(Constant(0.0), (Constant(20.0),)))
    home = pool(engine, 2, name="at one", gateway=gateway)
    home = replace(home, failures=Failures(zones=lost), lifecycle=cold)
    rng = np.random.default_rng(SEED)
    blocks = []
    for _ in range(2):
        at_s = np.sort(rng.uniform(0.0, 300.0, 900))
        tokens_of = rng.integers(1, 100, 900, dtype=np.int32)
        blocks.append(RequestBlock(at_s, np.ones(900, np.int32), tokens_of))
    client = Client(timeout_s=30.0, retry=Retry(max_retries=2, base_s=0.5, after_rejection=True))
    ways = [
        Routing(
            (Leg("at one"),),
            ("at two",) if elsewhere else (),
            after_timeout=False,
            trips_s=(("at two", TRIP_S),) if elsewhere else (),
        ),
        Routing((Leg("at two"),), ("at one",) if elsewhere else (), trips_s=(("at one", TRIP_S),)),
    ]
    workloads = tuple(
        Workload(
            f"of {name}", GivenRequests(block, 100), way.legs[0].to, Slo(), client, routing=way
        )
        for name, block, way in zip(("one", "two"), blocks, ways, strict=True)
    )
    horizon = Horizon(datetime(2026, 1, 5), 300.0, 0.0, 300.0)
    return Design("lost", horizon, workloads, (home, pool(engine, 4, name="at two")))


def test_an_api_that_stands_in_a_lost_region_answers_nobody_meanwhile():
    pace = Pace(Constant(0.1), Constant(100.0))
    lost = Zones(("one",), planned=(("one", 100.0, 200.0),), takes_gateway=True)
    api = ManagedApi("api", pace, zones=lost)
    at_s = np.linspace(0.5, 299.5, 300)
    ones = np.ones(300, np.int32)
    workload = Workload("chat", GivenRequests(RequestBlock(at_s, ones, ones), 100), "api", Slo())
    horizon = Horizon(datetime(2026, 1, 5), 300.0, 0.0, 300.0)
    outcome = simulate(Design("api", horizon, (workload,), (), (api,)), Streams(SEED, 0))
    counts = totals(outcome, 0)
    assert (counts["completed"], counts["failed"]) == (200, 100)
    assert math.isfinite(outcome.end_s)


def test_who_finds_a_queue_does_not_go_on_to_where_nobody_is():
    """Nobody waits at a lost region, which turns all away: it is not less busy than one that is up.

    Of three at one moment, one is served at a time, two wait for it in the queue from which on
    attempts go on; the region that they would go on to has no replica, and none to come.
    """
    near = pool(profile(max_num_seqs=1), 1, name="near")
    lost = pool(replicas=0, name="lost", gateway=Gateway(holds=False))
    case = Case(
        [near, lost], [0], np.zeros(3), np.ones(3, np.int32), np.ones(3, np.int32),
        np.zeros(3, np.int32), key=0, on_grid=True,
        routes=[Routing((Leg("near"),), ("lost",), overflow_queue=1.0)], managed=[],
    )  # fmt: skip
    assert_agreement(case)
    assert kernel_log(case).finish_s.tolist() == [1.0, 2.0, 3.0]
