"""The arithmetic of the field, on what was booked by hand."""

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from bookings import api, book, design, gpus, horizon, nothing_happened, rent, workload

from sim.engine.state.backend_record import LONG, PROVISIONED, STANDARD
from sim.model.design import Design
from sim.model.managed import ManagedApi, Provisioned
from sim.model.price import (
    MONTH_S,
    WEEKDAYS,
    YEAR_S,
    GpuPrice,
    Peak,
    Subscription,
    TokenPrice,
    TokenRates,
    factors_of_week,
)
from sim.montecarlo.money import costs, money

FLAGSHIP = TokenRates(input=5.0, output=15.0)
CALL_USD = 0.035  # 4,000 tokens in and 1,000 out
A_DAY = 100_000
DAYS_A_MONTH = 365.25 / 12


def only(managed: ManagedApi, hours: float = 24.0, **changes: Any) -> Design:
    """One workload at one backend."""
    return design([workload("chat", managed.name)], (), [managed], horizon(hours, **changes))


def served(what: Design, calls: int, prompt: int = 4_000, output: int = 1_000) -> dict[str, float]:
    """Figures of so many answers in the first bin."""
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), calls, prompt, output)
    return money(outcome, what)


# Calls and tokens


def test_a_call_of_4000_in_and_1000_out_costs_three_and_a_half_cents() -> None:
    figures = served(only(api(TokenPrice(FLAGSHIP))), A_DAY)
    assert figures["cost_usd_per_request"] == pytest.approx(0.0350)
    assert figures["cost_usd"] == pytest.approx(3_500.0)
    assert figures["cost_usd"] * 365 == pytest.approx(1_277_500.0)
    assert figures["cost_usd_per_month"] == pytest.approx(3_500.0 * DAYS_A_MONTH)
    assert figures["cost_usd_per_million_tokens"] == pytest.approx(7.0)
    assert figures["cost_used_usd"] == figures["cost_usd"]


def test_three_dollars_an_hour_at_2000_tokens_a_second() -> None:
    what = design([workload("chat", "pool")], [gpus(GpuPrice(3.0))])
    outcome = nothing_happened(what, rent(1, 24.0))
    book(outcome, (0, 0, STANDARD, slice(None)), 900 * 4, prompt=1, output=500)  # bins of 900 s
    figures = money(outcome, what)
    assert figures["cost_usd_per_million_output_tokens"] == pytest.approx(0.4167, abs=5e-5)
    assert figures["cost_usd_per_request"] == pytest.approx(0.00021, abs=5e-6)


def test_what_a_pilot_costs_at_five_thousand_users_with_agents() -> None:
    """20 users, 50 prompts a day, 400 USD a month; then 5,000 users, 3.5 calls, 5 % twice."""
    rates = TokenRates(input=400.0 / DAYS_A_MONTH / 1_000 * 1e3)  # for prompts of 1,000 tokens
    what = only(api(TokenPrice(rates)))
    pilot = served(what, 20 * 50, prompt=1_000, output=0)
    assert pilot["cost_usd_per_month"] == pytest.approx(400.0)
    outcome = nothing_happened(what)
    calls = 5_000 * 50 * 7 // 2
    book(outcome, (0, 0, STANDARD, 0), calls, prompt=1_000, output=0)
    repeated = calls // 20
    outcome.ledger.usage["wasted_prompt_tokens"][0, 0, STANDARD, 0] = repeated * 1_000
    agents = money(outcome, what)
    assert agents["cost_usd_per_month"] == pytest.approx(400.0 * 250 * 3.5 * 1.05)
    assert agents["cost_wasted_usd"] == pytest.approx(0.05 / 1.05 * agents["cost_usd"])


def test_a_router_that_sends_85_percent_to_a_tenth_of_the_price_saves_76_and_a_half() -> None:
    small = TokenRates(input=0.5, output=1.5)
    managed = [api(TokenPrice(small), "small"), api(TokenPrice(FLAGSHIP), "large")]
    what = design([workload("chat", "small", "large")], (), managed)
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 8_500, 4_000, 1_000)
    book(outcome, (0, 1, STANDARD, 0), 1_500, 4_000, 1_000)
    before = money(outcome, what)["cost_usd"]
    assert 1 - before / (10_000 * CALL_USD) == pytest.approx(0.765)
    # One small answer in ten is asked for again: both are paid.
    usage = outcome.ledger.usage
    book(outcome, (0, 1, STANDARD, 1), 850, 4_000, 1_000)
    usage["escalated"][0, 0, STANDARD, 0] = 850
    outcome.ledger.workloads["completed"][0, 1] = 0
    after = money(outcome, what)
    assert 1 - after["cost_usd"] / (10_000 * CALL_USD) == pytest.approx(0.765 - 0.085)
    assert after["cost_usd_per_request"] == pytest.approx(CALL_USD * (1 - 0.68))


def test_what_a_memory_of_prompts_saves_of_the_list_price_is_told() -> None:
    cached = TokenRates(input=2.0, output=8.0, cached_input=0.5, cache_write=2.5)
    what = only(api(TokenPrice(cached)))
    outcome = nothing_happened(what)
    # 1,000 prompts of 10,000 tokens, of which 6,000 are read again and 1,000 written.
    book(outcome, (0, 0, STANDARD, 0), 1_000, 10_000, 0, cached=6_000)
    outcome.ledger.usage["written_tokens"][0, 0, STANDARD, 0] = 1_000_000
    figures = money(outcome, what)
    assert figures["cost_list_usd"] == pytest.approx(figures["cost_usd"])
    assert figures["saved_by_caches_usd"] == pytest.approx(6.0 * (2.0 - 0.5) - 1.0 * (2.5 - 2.0))
    both = figures["cost_list_usd"] + figures["saved_by_caches_usd"]
    assert both == pytest.approx(10.0 * 2.0)
    assert figures["backends.api.saved_by_caches_usd"] == figures["saved_by_caches_usd"]


def test_a_commitment_is_held_against_the_list_price_of_what_was_used() -> None:
    price = GpuPrice(2.0, purchase="reserved_1y", list_usd_per_gpu_hour=3.0)
    what = design([workload("chat", "pool")], [gpus(price)])
    figures = money(nothing_happened(what, rent(1, 24.0)), what)
    assert figures["cost_usd"] == pytest.approx(48.0)
    assert figures["cost_list_usd"] == pytest.approx(72.0)
    assert figures["saved_by_caches_usd"] == 0.0


def test_an_answer_kept_for_500_askers_a_day_is_paid_once() -> None:
    what = only(api(TokenPrice(FLAGSHIP)))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 1, 4_000, 1_000)
    outcome.ledger.workloads["completed"][0, 0] = 500
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(CALL_USD)
    assert figures["cost_usd_per_request"] == pytest.approx(CALL_USD / 500)
    assert (served(what, 500)["cost_usd"] - figures["cost_usd"]) * 365 == pytest.approx(
        499 * 0.035 * 365
    )


def test_writing_a_prompt_into_a_cache_pays_off_at_its_first_reading() -> None:
    cache = TokenRates(input=5.0, output=0.0, cached_input=0.5, cache_write=6.25)
    plain, kept = only(api(TokenPrice(TokenRates(input=5.0)))), only(api(TokenPrice(cache)))
    for readings, pays in ((0, False), (1, True), (5, True)):
        outcome = nothing_happened(kept)
        book(outcome, (0, 0, STANDARD, 0), 1, 10_000, 0, written=10_000)
        book(outcome, (0, 0, STANDARD, 0), readings, 10_000, 0, cached=10_000)
        cost_usd = money(outcome, kept)["cost_usd"]
        assert cost_usd == pytest.approx(10_000 * (6.25 + 0.5 * readings) / 1e6)
        assert (cost_usd < served(plain, 1 + readings, 10_000, 0)["cost_usd"]) is pays


# Tiers, steps, years


def test_long_prompts_are_paid_by_their_own_rates() -> None:
    price = TokenPrice(FLAGSHIP, long_rates=TokenRates(10.0, 22.5), long_above_tokens=200_000)
    what = only(api(price))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 10, 200_000, 1_000)
    book(outcome, (0, 0, LONG, 0), 1, 200_001, 1_000)
    kinds = {charge.kind: charge.effective_usd.sum() for charge in costs(outcome, what).charges}
    assert kinds == pytest.approx(
        {"tokens": 10 * (1.0 + 0.015), "long_context_tokens": 2.00001 + 0.0225}
    )


@pytest.mark.parametrize(("factor", "cost_usd"), [(0.5, 1_750.0), (2.0, 7_000.0)])
def test_a_tier_is_a_factor_on_the_price(factor: float, cost_usd: float) -> None:
    figures = served(only(api(TokenPrice(FLAGSHIP, factor=factor))), A_DAY)
    assert figures["cost_usd"] == pytest.approx(cost_usd)


def test_prices_fall_through_the_year() -> None:
    """Tenfold in a year, compounding: the mean over a year is (1 - 0.1) / ln 10 of the first."""
    what = only(api(TokenPrice(FLAGSHIP, yearly_factor=0.1)), YEAR_S / 3_600, bin_s=86_400.0)
    outcome = nothing_happened(what)
    whole_days = slice(0, 365)
    book(outcome, (0, 0, STANDARD, whole_days), 100, 4_000, 1_000)
    cost_usd = money(outcome, what)["cost_usd"]
    year = 365 / 365.25
    mean = (1 - 0.1**year) / np.log(10) / year
    assert cost_usd == pytest.approx(365 * 100 * CALL_USD * mean, rel=1e-6)


def test_peak_hours_are_paid_at_their_factor() -> None:
    """A Wednesday with 100 calls an hour; 9:30 to 12:00 costs double: 2.5 of 24 hours."""
    peak = Peak(2.0, WEEKDAYS, 9.5 * 3_600, 12 * 3_600)
    for day, factor in ((2, 1 + 2.5 / 24), (6, 1.0)):
        what = only(api(TokenPrice(FLAGSHIP, peaks=(peak,), clock_s=day * 86_400.0)), bin_s=3_600.0)
        outcome = nothing_happened(what)
        for hour in range(24):
            book(outcome, (0, 0, STANDARD, hour), 100, 4_000, 1_000)
        cost_usd = money(outcome, what)["cost_usd"]
        assert cost_usd == pytest.approx(2_400 * CALL_USD * factor), day


def test_a_peak_over_midnight_ends_on_the_next_day() -> None:
    factors = factors_of_week((Peak(3.0, (6,), 22 * 3_600.0, 2 * 3_600.0),))
    assert np.flatnonzero(factors == 3).tolist() == [0, 1, 166, 167]  # Monday, and Sunday night
    of_all_day = factors_of_week((Peak(2.0, (0,)), Peak(4.0, (0,), 0.0, 3_600.0)))
    assert of_all_day[:25].tolist() == [4.0, *[2.0] * 23, 1.0]  # the last holds


# Contracts


def test_overage_is_paid_at_four_times_the_price_beyond_the_cap() -> None:
    plan = Subscription(usd_per_month=1_000.0, included_requests=30_000, overage_multiple=4.0)
    january, month_h = datetime(2027, 1, 1), MONTH_S / 3_600
    what = only(api(TokenPrice(FLAGSHIP, subscription=plan)), month_h, start=january)
    figures = served(what, 40_000)
    assert figures["cost_usd"] == pytest.approx(1_000.0 + 10_000 * 4 * CALL_USD)
    within = served(what, 15_000)
    assert within["cost_usd"] == pytest.approx(1_000.0)
    assert within["cost_idle_usd"] == pytest.approx(500.0)  # half of what is included


def test_a_week_has_its_part_of_the_fee_and_of_the_cap() -> None:
    plan = Subscription(usd_per_month=1_000.0, included_requests=30_000, overage_multiple=4.0)
    what = only(api(TokenPrice(FLAGSHIP, subscription=plan)), hours=24 * 7)
    part = 7 / DAYS_A_MONTH
    figures = served(what, 40_000)
    beyond = 40_000 - part * 30_000
    assert figures["cost_usd"] == pytest.approx(part * 1_000.0 + beyond * 4 * CALL_USD)
    assert served(what, 1)["cost_usd_per_month"] == pytest.approx(1_000.0)


def test_the_cap_counts_anew_with_each_calendar_month() -> None:
    plan = Subscription(0.0, included_requests=DAYS_A_MONTH * 100, overage_multiple=1.0)
    start = datetime(2026, 11, 30)
    what = only(api(TokenPrice(FLAGSHIP, subscription=plan)), hours=48, start=start)
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, slice(0, 2)), 75, 4_000, 1_000)  # 150 of 100 on the 30th
    book(outcome, (0, 0, STANDARD, 96), 100, 4_000, 1_000)  # 100 of 100 on the 1st
    assert money(outcome, what)["cost_usd"] == pytest.approx(50 * CALL_USD)


def test_overage_is_that_of_the_last_requests_before_the_end_of_the_month() -> None:
    plan = Subscription(0.0, included_requests=DAYS_A_MONTH * 24, overage_multiple=2.0)
    what = only(api(TokenPrice(FLAGSHIP, subscription=plan)))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, slice(0, None, 4)), 2, 4_000, 1_000)  # 2 an hour, 24 included
    overage = next(c for c in costs(outcome, what).charges if c.kind == "overage_tokens")
    assert overage.effective_usd[:12].sum() == pytest.approx(0.0, abs=1e-12)
    assert overage.effective_usd[12:].tolist() == pytest.approx([2 * 2 * CALL_USD] * 12)


@pytest.mark.parametrize("units", [0, 10])
def test_provisioned_units_are_paid_used_or_not_and_what_overflows_by_the_token(
    units: int,
) -> None:
    price = TokenPrice(FLAGSHIP, usd_per_unit_hour=2.0)
    bought = Provisioned(units, tokens_per_min_per_unit=1_000.0, output_weight=4.0)
    what = only(api(price, provisioned=bought), hours=2)
    outcome = nothing_happened(what)
    if units:  # 8,000 tokens each; 600,000 fit in an hour
        book(outcome, (0, 0, PROVISIONED, slice(0, 4)), 15, 4_000, 1_000)
    book(outcome, (0, 0, STANDARD, 0), 100, 4_000, 1_000)
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(units * 2 * 2.0 + 100 * CALL_USD)
    unused = 1 - 4 * 15 * 8_000 / 600_000
    assert figures["cost_headroom_usd"] == pytest.approx(units * 2.0 * unused)  # the first hour
    assert figures["cost_idle_usd"] == pytest.approx(units * 2.0)  # the second


def test_what_is_missing_to_the_committed_spend_is_billed() -> None:
    price = TokenPrice(FLAGSHIP, minimum_usd_per_month=DAYS_A_MONTH * 100.0)
    what = only(api(price))
    small, large = served(what, 1_000), served(what, 10_000)
    assert small["cost_usd"] == pytest.approx(100.0)
    assert small["cost_idle_usd"] == pytest.approx(65.0)
    assert large["cost_usd"] == pytest.approx(350.0)
    assert large["cost_idle_usd"] == 0.0


def test_devices_cost_nothing_but_a_fixed_sum() -> None:
    price = TokenPrice(usd_per_device_month=0.5, active_devices=10_000)
    figures = served(only(api(price, kind="edge")), A_DAY)
    assert figures["cost_usd_per_month"] == pytest.approx(5_000.0)


# What was of use


def test_answers_that_nobody_waited_for_are_paid_and_shown_apart() -> None:
    what = only(api(TokenPrice(FLAGSHIP)))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 90, 4_000, 1_000)
    usage = outcome.ledger.usage
    usage["wasted_prompt_tokens"][0, 0, STANDARD, 3] = 10 * 4_000
    usage["wasted_output_tokens"][0, 0, STANDARD, 3] = 10 * 400  # left before the end
    figures = money(outcome, what)
    assert figures["cost_used_usd"] == pytest.approx(90 * CALL_USD)
    assert figures["cost_wasted_usd"] == pytest.approx(10 * (0.02 + 0.006))
    assert figures["cost_idle_usd"] == 0.0


def test_gpu_time_is_used_headroom_idle_or_wasted() -> None:
    """Two replicas, in the batch half of the time, for a quarter of the answers in vain.

    What they decode would fill batches of 256 for 180 s of the 1,800 s of a quarter of an hour.
    """
    what = design([workload("chat", "pool")], [gpus(GpuPrice(3.0), replicas=2)])
    outcome = nothing_happened(what, rent(2, 24.0))
    booked = outcome.ledger.pools[0]
    booked["ready_s"] = booked["serving_s"] = 1_800.0
    booked["busy_s"], booked["decoded"] = 900.0, 180.0 * 256
    book(outcome, (0, 0, STANDARD, slice(None)), 10, 400, 300)
    outcome.ledger.usage["wasted_tokens"][0, 0, STANDARD] = 5_000
    outcome.ledger.usage["wasted_output_tokens"][0, 0, STANDARD] = 1_000  # of 4,000
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(144.0)
    for prefix in ("", "backends.pool.", "workloads.chat."):
        assert figures[f"{prefix}cost_used_usd"] == pytest.approx(10.8)
        assert figures[f"{prefix}cost_headroom_usd"] == pytest.approx(57.6)
        assert figures[f"{prefix}cost_idle_usd"] == pytest.approx(72.0)
        assert figures[f"{prefix}cost_wasted_usd"] == pytest.approx(3.6)
        assert figures[f"{prefix}cost_used_share"] == pytest.approx(0.075)


def test_a_replica_that_drains_has_no_headroom() -> None:
    """Of 900 s a replica is ready for 300 s and drains for 600 s, and needs 90 s for its work."""
    what = design([workload("chat", "pool")], [gpus(GpuPrice(3.0))])
    outcome = nothing_happened(what, rent(1, 24.0))
    booked = outcome.ledger.pools[0]
    booked["serving_s"] = booked["busy_s"] = 900.0
    booked["ready_s"], booked["decoded"] = 300.0, 90.0 * 256
    figures = money(outcome, what)
    assert figures["cost_used_share"] == pytest.approx(0.1)
    assert figures["cost_headroom_share"] == pytest.approx(0.9 * 300 / 900)
    assert figures["cost_idle_share"] == pytest.approx(0.9 * 600 / 900)


def test_a_backend_says_what_came_to_it() -> None:
    what = only(api(TokenPrice(FLAGSHIP)))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 0), 90, 4_000, 1_000)
    usage = outcome.ledger.usage
    for name, count in (("attempts", 10), ("rejections", 7), ("errors", 3)):
        usage[name][0, 0, STANDARD, 5] = count
    figures = money(outcome, what)
    names = ("attempts", "rejections", "errors", "answers", "tokens")
    assert [figures[f"backends.api.{name}"] for name in names] == [100, 7, 3, 90, 450_000]


# Lines


def test_a_line_is_an_hour_of_a_kind_of_charge_at_a_backend() -> None:
    what = only(api(TokenPrice(FLAGSHIP, factor=0.5)), hours=2.5)
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, 9), 2, 4_000, 1_000, cached=1_000)
    (line,) = costs(outcome, what).lines()
    assert (line.backend, line.kind, line.unit) == ("api", "tokens", "Tokens")
    assert (line.start, line.end) == (datetime(2026, 11, 23, 2), datetime(2026, 11, 23, 2, 30))
    assert line.quantity == 10_000
    assert (line.prompt_tokens, line.cached_tokens, line.output_tokens) == (8_000, 2_000, 2_000)
    assert line.effective_usd == line.billed_usd == pytest.approx(CALL_USD)
