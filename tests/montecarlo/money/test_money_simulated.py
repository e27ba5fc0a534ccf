"""Money of whole replications, against the log of their requests."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from bookings import api, design, gpus, workload
from given_requests import GivenRequests

from sim.engine.simulation import Outcome, simulate
from sim.engine.state import status
from sim.model.client import Client
from sim.model.design import Design, Horizon
from sim.model.distributions import Constant
from sim.model.economics import Economics
from sim.model.managed import Pace
from sim.model.price import TokenPrice, TokenRates
from sim.model.purchase import PayAsYouGo, PurchasePlan, Reserved
from sim.model.routing import Leg, Routing
from sim.model.streams import Streams
from sim.model.workload import RequestBlock
from sim.montecarlo.metrics import metrics
from sim.montecarlo.money import costs

CALLS = 2_000
DURATION_S = 7_200.0
RATES = TokenRates(5.0, 15.0)


def calls() -> GivenRequests:
    rng = np.random.default_rng(4)
    return GivenRequests(
        RequestBlock(
            np.sort(rng.uniform(0, DURATION_S - 200, CALLS)),
            rng.integers(1, 9_000, CALLS, dtype=np.int32),
            rng.integers(1, 120, CALLS, dtype=np.int32),
        ),
        size=500,
    )


def simulated(routing: Routing, client: Client | None = None) -> tuple[Outcome, Design]:
    """Two hours of calls at a pool of two replicas and an API."""
    pool = gpus(PurchasePlan((Reserved(2.0, 1), PayAsYouGo(3.0))), replicas=2)
    pool = replace(pool, profile=replace(pool.profile, step_base_s=(0.05,)))
    pace = Pace(Constant(0.5), Constant(50.0))
    provider = replace(api(TokenPrice(RATES)), pace=pace)
    asking = replace(
        workload("chat", "pool", economics=Economics(revenue_per_request_usd=0.05)),
        source=calls(),
        routing=routing,
        client=client or Client(),
    )
    when = Horizon(datetime(2026, 11, 23), DURATION_S, 0.0, 300.0)
    what = design([asking], [pool], [provider], when)
    return simulate(what, Streams(seed=3, world=0), record_requests=True), what


def prompts_usd(log: Any, output: bool = True) -> float:
    tokens = log.output_tokens.sum() if output else 0
    return float(log.prompt_tokens.sum() * 5.0 + tokens * 15.0) / 1e6


def test_the_bill_of_an_api_is_that_of_the_logged_answers() -> None:
    outcome, what = simulated(Routing((Leg("pool", 0.6), Leg("api", 0.4))))
    log, figures = outcome.requests, metrics(outcome, what)
    assert (log.status == status.COMPLETED).all()
    there = log[log.backend == 1]
    assert 700 < len(there) < 900
    assert figures["backends.api.cost_usd"] == pytest.approx(prompts_usd(there))
    assert figures["backends.pool.cost_usd"] == pytest.approx((2.0 + 3.0) * 2)
    assert figures["workloads.chat.cost_usd"] == pytest.approx(figures["cost_usd"])
    assert figures["backends.api.answers"] == len(there)
    revenue_usd = 0.05 * CALLS
    assert figures["gross_margin"] == pytest.approx(1 - figures["cost_usd"] / revenue_usd)


def test_a_cascade_pays_both_answers() -> None:
    escalating = Routing((Leg("pool", escalates_to="api", escalation_share=0.3),))
    outcome, what = simulated(escalating)
    log, figures = outcome.requests, metrics(outcome, what)
    again = log[log.backend == 1]
    assert 500 < len(again) < 700
    assert figures["backends.pool.answers"] == CALLS
    assert figures["backends.api.cost_usd"] == pytest.approx(prompts_usd(again))
    assert figures["attempts"] == CALLS + figures["escalations"]


def test_attempts_that_are_left_at_an_api_are_paid_in_vain() -> None:
    """Answers of 50 tokens a second after half a second: those above 26 tokens take over a second.

    Of those left after a second, the server has generated 1 + floor(0.5 · 50) tokens.
    """
    outcome, what = simulated(Routing((Leg("api"),)), Client(timeout_s=1.0))
    log, figures = outcome.requests, metrics(outcome, what)
    left = log[log.status == status.TIMED_OUT]
    assert len(left) > 1_000
    assert figures["backends.pool.cost_idle_usd"] == figures["backends.pool.cost_usd"]
    answered = log[log.status == status.COMPLETED]
    assert figures["cost_used_usd"] == pytest.approx(prompts_usd(answered))
    in_vain = prompts_usd(left, output=False) + len(left) * 26 * 15.0 / 1e6
    assert figures["cost_wasted_usd"] == pytest.approx(in_vain)


def test_gpu_time_is_idle_where_nobody_is_in_the_batch() -> None:
    outcome, what = simulated(Routing((Leg("pool"),)))
    figures = metrics(outcome, what)
    busy_share = outcome.ledger.pools["busy_s"].sum() / (2 * DURATION_S)
    # Both replicas are there in both hours, and each hour is as dear as the other.
    assert figures["backends.pool.cost_idle_usd"] == pytest.approx(
        figures["backends.pool.cost_usd"] * (1 - busy_share)
    )
    assert 0.05 < busy_share < 0.95


def test_a_design_without_gpus_has_all_its_figures() -> None:
    pool_less = simulated(Routing((Leg("api"),)))[1]
    what = replace(pool_less, pools=())
    outcome = simulate(what, Streams(seed=3, world=0), record_requests=True)
    figures = metrics(outcome, what)
    assert figures["cost_usd"] == pytest.approx(prompts_usd(outcome.requests))
    assert figures["gpu_hours"] == figures["offered_load"] == 0.0
    assert {charge.backend for charge in costs(outcome, what).charges} == {"api"}


def test_work_offered_to_a_pool_is_that_of_the_requests_that_come_to_it() -> None:
    """Half of 2,000 by chance is within 10 % but once in 100,000 seeds; this one is fixed."""
    whole, half = (
        metrics(*simulated(Routing(legs)))["offered_load"]
        for legs in ((Leg("pool"),), (Leg("pool", 0.5), Leg("api", 0.5)))
    )
    assert half == pytest.approx(whole / 2, rel=0.1)
    by_length = (Leg("pool", most_prompt=3_000), Leg("api", least_prompt=3_001))
    short = metrics(*simulated(Routing(by_length)))["offered_load"]
    assert short == pytest.approx(whole / 3, rel=0.1)
