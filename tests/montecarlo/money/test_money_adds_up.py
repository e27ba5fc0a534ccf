"""Money is conserved, to the cent: between lines, backends, workloads, and uses; and margins."""

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from bookings import api, book, design, gpus, horizon, nothing_happened, rent, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.simulation import Outcome, Rental
from sim.engine.state.backend_record import STANDARD
from sim.model.design import Design
from sim.model.economics import Economics, OneOff
from sim.model.managed import Provisioned
from sim.model.price import GpuPrice, Subscription, TokenPrice, TokenRates
from sim.model.purchase import CapacityBlock, Owned, PayAsYouGo, PurchasePlan, Reserved
from sim.model.routing import Degradation
from sim.montecarlo.money import costs, money

CENT = 0.005
USES = ("used", "headroom", "idle", "wasted")

USD = st.floats(0.0, 50.0)
SIZES = st.integers(0, 12)


# Everything adds up


@st.composite
def gpu_prices(draw: st.DrawFn) -> GpuPrice | PurchasePlan:
    if draw(st.booleans()):
        return GpuPrice(draw(USD), draw(st.sampled_from([1.0, 60.0, 3_600.0])))
    base = [
        Reserved(draw(USD), draw(SIZES), "reserved_3y", draw(st.floats(0, 1))),
        CapacityBlock(draw(USD), draw(SIZES), draw(st.floats(0, 1e5)), draw(st.integers(1, 3))),
        Owned(draw(SIZES), draw(st.floats(0, 4e4)), 4.0, 0.3, 100.0, 700.0, 1.5, 0.1, 150.0, 9.0),
    ]
    some = draw(st.permutations(base))[: draw(st.integers(0, 3))]
    return PurchasePlan((*some, PayAsYouGo(draw(USD), gpus=draw(SIZES)), PayAsYouGo(draw(USD))))


@st.composite
def token_prices(draw: st.DrawFn) -> TokenPrice:
    rates = TokenRates(*(draw(USD) for _ in range(4)))
    return TokenPrice(
        rates,
        draw(st.sampled_from([None, TokenRates(20.0, 60.0)])),
        factor=draw(st.floats(0.1, 2.0)),
        yearly_factor=draw(st.floats(0.01, 2.0)),
        usd_per_unit_hour=draw(USD),
        minimum_usd_per_month=draw(st.sampled_from([0.0, 1e4])),
        subscription=draw(
            st.sampled_from([None, Subscription(900.0, 3e4, 4.0), Subscription(900.0, math.inf)])
        ),
        usd_per_device_month=draw(USD),
        active_devices=draw(st.floats(0, 1e4)),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Design, Outcome]:
    """A design of every kind of backend and price, and what may have been booked in it."""
    pools = [gpus(draw(gpu_prices()), draw(st.sampled_from([1, 4])), f"pool {n}") for n in range(2)]
    bought = draw(st.sampled_from([None, Provisioned(0, 1.0), Provisioned(3, 1e4, 4.0)]))
    managed = [api(draw(token_prices()), f"api {n}", provisioned=bought) for n in range(2)]
    names = [backend.name for backend in (*pools, *managed)]
    asking = [workload(f"workload {n}", *names[n : n + 2]) for n in range(3)]
    when = horizon(
        draw(st.sampled_from([0.4, 5.0, 30.5])),
        draw(st.sampled_from([300.0, 3_600.0, 7_000.0])),
        datetime(2026, 11, 30, draw(st.integers(0, 23)), 30),
    )
    what = design(asking, pools, managed, when)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return what, _booked(what, rng)


def _booked(what: Design, rng: np.random.Generator) -> Outcome:
    end_s = what.horizon.duration_s
    ends_s = np.sort(rng.uniform(0, end_s, (rng.integers(0, 9), 2)))
    rentals = [Rental(int(rng.integers(2)), begin, end) for begin, end in ends_s.tolist()]
    outcome = nothing_happened(what, rentals)
    usage, booked = outcome.ledger.usage, outcome.ledger.pools
    happened = rng.random(usage.shape) < rng.random()
    for name in usage.dtype.names:
        usage[name] = rng.integers(0, 1_000, usage.shape) * happened
    for kind in ("", "wasted_"):  # what is cached or written is of the prompt
        usage[f"{kind}prompt_tokens"] += sum(
            usage[f"{kind}{k}_tokens"] for k in ("cached", "written")
        )
    usage["wasted_tokens"] += usage["wasted_output_tokens"] + usage["redone_tokens"]
    booked["busy_s"] = rng.uniform(0, np.diff(outcome.ledger.edges_s), booked.shape)
    booked["running_s"] = booked["busy_s"] * rng.uniform(1, 9)
    booked["serving_s"] = booked["busy_s"] * rng.uniform(1, 2)
    booked["ready_s"] = booked["serving_s"] * rng.uniform(0, 1)
    for name in ("decoded", "prompts", "prefilled"):
        booked[name] = rng.integers(0, 100_000, booked.shape)
    booked["context"] = booked["decoded"] * rng.uniform(0, 9_000)
    booked["prefill_s"] = booked["busy_s"] * rng.uniform(0, 1)
    booked["frontend_s"] = booked["busy_s"] * rng.uniform(0, 2)
    return outcome


@given(worlds())
@settings(max_examples=120, deadline=None)
def test_every_dollar_is_on_one_line_of_one_backend_for_one_workload_and_one_use(
    world: tuple[Design, Outcome],
) -> None:
    what, outcome = world
    bill, figures = costs(outcome, what), money(outcome, what)
    cost_usd = figures["cost_usd"]
    backends = [f"backends.{backend.name}." for backend in what.backends]
    workloads = [f"workloads.{one.name}." for one in what.workloads]
    lines = list(bill.lines())
    assert sum(line.effective_usd for line in lines) == pytest.approx(cost_usd, abs=CENT)
    for prefixes in (backends, workloads):
        total = sum(figures[f"{prefix}cost_usd"] for prefix in prefixes)
        assert total == pytest.approx(cost_usd, abs=CENT)
    for prefix in ("", *backends, *workloads):
        uses = [figures[f"{prefix}cost_{use}_usd"] for use in USES]
        assert sum(uses) == pytest.approx(figures[f"{prefix}cost_usd"], abs=CENT)
        assert min(uses) >= -1e-6
    for use in USES:
        for prefixes in (backends, workloads):
            total = sum(figures[f"{prefix}cost_{use}_usd"] for prefix in prefixes)
            assert total == pytest.approx(figures[f"cost_{use}_usd"], abs=CENT)
    for line in lines:
        uses = [getattr(line, f"{use}_usd") for use in USES]
        assert sum(uses) == pytest.approx(line.effective_usd, abs=CENT / 100)
        assert min(uses) >= -1e-6
    for backend in what.backends:
        own = sum(line.effective_usd for line in lines if line.backend == backend.name)
        assert own == pytest.approx(figures[f"backends.{backend.name}.cost_usd"], abs=CENT)


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_no_line_is_negative_and_none_lies_outside_of_the_horizon(
    world: tuple[Design, Outcome],
) -> None:
    what, outcome = world
    end_s = what.horizon.duration_s
    for line in costs(outcome, what).lines():
        amounts = (line.quantity, line.consumed, line.list_usd, line.effective_usd)
        amounts += (line.billed_usd, line.prompt_tokens)
        assert min(amounts) >= -1e-6
        assert line.consumed <= line.quantity + 1e-6
        start_s, stop_s = ((t - what.horizon.start).total_seconds() for t in (line.start, line.end))
        assert 0 <= start_s < stop_s <= end_s + 1e-3
        assert stop_s - start_s <= 3_600 + 1e-3


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_tokens_of_answers_are_on_the_lines_of_their_backend(
    world: tuple[Design, Outcome],
) -> None:
    what, outcome = world
    charges = costs(outcome, what).charges
    for index, backend in enumerate(what.managed, start=len(what.pools)):
        own = [charge for charge in charges if charge.backend == backend.name]
        booked = outcome.ledger.usage[:, index]
        if backend.provisioned is None or backend.provisioned.units == 0:
            booked = booked[:, :2]  # nobody can be served by units that there are not
        tokens = sum(charge.tokens.sum(axis=1) for charge in own)
        names = ("prompt_tokens", "cached_tokens", "written_tokens", "output_tokens")
        assert tokens.tolist() == pytest.approx([booked[name].sum() for name in names])


# Who pays


def test_two_workloads_pay_an_api_for_exactly_what_they_were_served() -> None:
    price = TokenPrice(TokenRates(5.0, 15.0))
    what = design([workload("chat", "api"), workload("batch", "api")], (), [api(price)])
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 100, 4_000, 1_000)
    book(outcome, (1, 0, STANDARD, 50), 10, 100, 20)
    figures = money(outcome, what)
    assert figures["workloads.chat.cost_usd"] == pytest.approx(3.5)
    assert figures["workloads.batch.cost_usd"] == pytest.approx(10 * (0.0005 + 0.0003))


def shared_pool(**engine: Any) -> tuple[Design, Outcome]:
    """A workload of prompts and one of answers on a pool for 72 USD, busy with 10 at a time."""
    pool = gpus(GpuPrice(3.0))
    pool = replace(pool, profile=replace(pool.profile, **engine))
    what = design([workload("read", "pool"), workload("write", "pool")], [pool])
    outcome = nothing_happened(what, rent(1, 24.0))
    outcome.ledger.pools["busy_s"], outcome.ledger.pools["running_s"] = 900.0, 9_000.0
    book(outcome, (0, 0, STANDARD, 0), 10, prompt=10_000, output=1)
    book(outcome, (1, 0, STANDARD, 0), 10, prompt=1, output=1_000)
    return what, outcome


def test_workloads_share_a_pool_by_the_time_that_their_tokens_take_its_engine() -> None:
    """A step of 1 s for 10 sequences: 0.1 s a token; a prompt's token takes 0.01 s."""
    what, outcome = shared_pool(prefill_s_per_token=0.01)
    figures = money(outcome, what)
    read_s, write_s = 10 * (100 + 0.1), 10 * (0.01 + 100)
    assert figures["workloads.read.cost_usd"] == pytest.approx(72 * read_s / (read_s + write_s))
    assert figures["workloads.write.cost_usd"] == pytest.approx(72 * write_s / (read_s + write_s))


def test_prompts_that_cost_the_engine_nothing_are_paid_by_those_who_write() -> None:
    what, outcome = shared_pool()
    figures = money(outcome, what)
    assert figures["workloads.read.cost_usd"] == pytest.approx(72 * 1 / 1_001)


def test_whoever_wastes_pays() -> None:
    what, outcome = shared_pool(prefill_s_per_token=0.01)
    fair = money(outcome, what)["workloads.write.cost_usd"]
    usage = outcome.ledger.usage  # as many as were of use
    usage["wasted_tokens"][1, 0, STANDARD, 0] = usage["wasted_output_tokens"][1, 0, STANDARD, 0] = (
        10_000
    )
    wasting = money(outcome, what)["workloads.write.cost_usd"]
    assert wasting / (72 - wasting) == pytest.approx(2 * fair / (72 - fair), rel=1e-3)


@pytest.mark.parametrize("is_for_nobody", [True, False])
def test_tokens_of_prompts_are_wasted_or_prefilled_again_at_the_price_of_prompts(
    is_for_nobody: bool,
) -> None:
    """A prompt's token takes 0.01 s, one of an answer 0.1 s."""
    what, outcome = shared_pool(prefill_s_per_token=0.01)
    usage = outcome.ledger.usage
    usage["wasted_tokens"][1, 0, STANDARD, 0] = 10_000
    if not is_for_nobody:
        usage["redone_tokens"][1, 0, STANDARD, 0] = 10_000
    outcome.ledger.pools["serving_s"], outcome.ledger.pools["decoded"] = 900.0, 9_000.0
    figures = money(outcome, what)
    assert (figures["cost_wasted_usd"] > 0) == is_for_nobody
    read_s, write_s, again_s = 10 * (100 + 0.1), 10 * (0.01 + 100), 10_000 * 0.01
    share = (write_s + again_s) / (read_s + write_s + again_s)
    assert figures["workloads.write.cost_usd"] == pytest.approx(72 * share)


def test_a_pool_that_nobody_came_to_is_paid_by_those_who_might_have() -> None:
    pools = [gpus(GpuPrice(3.0)), gpus(GpuPrice(1.0), name="spare")]
    asking = [workload("chat", "pool"), workload("code", "pool", fallback=("spare",))]
    what = design(asking, pools)
    outcome = nothing_happened(what, [*rent(1, 24.0), *rent(1, 24.0, index=1)])
    book(outcome, (0, 0, STANDARD, 0), 10, 100, 100)
    figures = money(outcome, what)
    assert figures["workloads.chat.cost_usd"] == pytest.approx(72.0)
    assert figures["workloads.code.cost_usd"] == pytest.approx(24.0)
    assert figures["backends.spare.cost_idle_usd"] == pytest.approx(24.0)


# Revenue and margins


def sold(calls: int = 1_000, one_off: OneOff | None = None, **economics: float) -> dict[str, float]:
    """Figures of a day of calls at 0.035 USD each, and what they bring in."""
    price = TokenPrice(TokenRates(5.0, 15.0))
    chat = workload("chat", "api", economics=Economics(**economics))
    what = design([chat, workload("free", "api")], (), [api(price)], one_off=one_off)
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), calls, 4_000, 1_000)
    return money(outcome, what)


@pytest.mark.parametrize(
    ("economics", "revenue_usd"),
    [
        ({"revenue_per_request_usd": 0.07}, 70.0),
        ({"revenue_per_task_usd": 0.05}, 50.0),
        ({"revenue_per_outcome_usd": 0.99, "outcome_share": 0.1}, 99.0),
        ({"revenue_per_user_month_usd": 20.0, "active_users": 100.0}, 2_000 / (365.25 / 12)),
        ({"revenue_per_task_usd": 0.01, "revenue_per_request_usd": 0.01}, 20.0),
    ],
)
def test_the_margin_is_what_is_left_of_the_revenue(
    economics: dict[str, float], revenue_usd: float
) -> None:
    figures = sold(**economics)
    for prefix in ("", "workloads.chat."):
        assert figures[f"{prefix}revenue_usd"] == pytest.approx(revenue_usd)
        assert figures[f"{prefix}gross_margin"] == pytest.approx(1 - 35.0 / revenue_usd)
        assert figures[f"{prefix}loses_money"] == float(revenue_usd < 35.0)


def test_where_no_revenue_is_stated_there_is_no_margin() -> None:
    figures = sold()
    assert figures["revenue_usd"] == 0.0
    assert math.isnan(figures["gross_margin"])
    assert math.isnan(figures["loses_money"])
    assert math.isnan(sold(revenue_per_task_usd=1.0)["workloads.free.gross_margin"])


def test_a_product_that_nobody_buys_loses_money() -> None:
    price = TokenPrice(TokenRates(5.0, 15.0), minimum_usd_per_month=1_000.0)
    chat = workload("chat", "api", economics=Economics(revenue_per_task_usd=1.0))
    what = design([chat], (), [api(price)])
    figures = money(nothing_happened(what), what)
    assert figures["loses_money"] == 1.0
    assert math.isnan(figures["gross_margin"]) and figures["loses_money"] == 1.0


def test_costs_per_user_and_month() -> None:
    figures = sold(active_users=50.0)
    assert figures["cost_usd_per_user_month"] == pytest.approx(35.0 / 50 * 365.25 / 12)
    assert figures["workloads.chat.cost_usd_per_user_month"] == figures["cost_usd_per_user_month"]
    assert math.isnan(figures["workloads.free.cost_usd_per_user_month"])


def test_training_is_a_share_of_what_a_product_costs_in_its_life() -> None:
    inference_usd = 35.0 * 365.25 / 12  # a month
    figures = sold(one_off=OneOff(usd=24 * inference_usd / 4, life_months=24.0))
    assert figures["lifetime_training_share"] == pytest.approx(0.2)
    assert figures["cost_usd_per_month_with_one_off"] == pytest.approx(1.25 * inference_usd)
    assert "lifetime_training_share" not in sold()


# Quality


def test_quality_is_that_of_the_answers_that_were_seen() -> None:
    """80 answers of 60 points, 30 of which are asked for again at 90; 10 of them shortened."""
    free = TokenPrice()
    managed = [api(free, "small", quality=60.0), api(free, "large", quality=90.0), api(free, "any")]
    asking = workload(
        "chat", "small", "large", "any", degradation=Degradation(5.0, 0.5, quality_loss=8.0)
    )
    what = design([asking], (), managed)
    outcome = nothing_happened(what)
    usage = outcome.ledger.usage
    book(outcome, (0, 0, STANDARD, 0), 80)
    usage["escalated"][0, 0, STANDARD, 0] = 30
    usage["degraded"][0, 0, STANDARD, 0] = 10
    book(outcome, (0, 1, STANDARD, 0), 30)
    book(outcome, (0, 2, STANDARD, 0), 1_000)  # of unknown quality
    figures = money(outcome, what)
    assert figures["quality_mean"] == pytest.approx((50 * 60 - 10 * 8 + 30 * 90) / 80)
    assert figures["workloads.chat.quality_mean"] == figures["quality_mean"]


def test_without_points_there_is_no_quality() -> None:
    assert math.isnan(sold()["quality_mean"])
