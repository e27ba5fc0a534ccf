"""Plans: which months are simulated, and what is taken for those in between."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_cases import API, POOL, case

from sim.report.plan_text import tell
from sim.studies.bench import bench
from sim.studies.plan import Outlook, Plan, Refresh, factor, plan
from sim.studies.plan.months import anchors, interpolated, next_month, widest

YEAR = Outlook(months=12)
QUOTA = API.replace("requests_per_minute: 12", "requests_per_minute: 60")


def test_first_and_last_month_and_those_around_a_change_are_simulated() -> None:
    assert anchors(Outlook(months=24), 3, 9) == [0, 12, 23]
    assert anchors(Outlook(months=1), 5, 9) == [0]
    changes = Outlook(months=24, refreshes=(Refresh(9, 1.0, 1.0), Refresh(17, 2.0, 1.0)))
    assert {8, 9, 16, 17} <= set(anchors(changes, 3, 1))


def test_busiest_month_of_a_curve_and_its_jumps_are_simulated() -> None:
    assert anchors(Outlook(months=6, curve=(1.0, 1.0, 3.0)), 2, 9) == [0, 1, 2, 5]
    many = Outlook(months=24, curve=tuple(1.3**month for month in range(24)))
    assert len(anchors(many, 5, 9)) <= 9
    peak = Outlook(months=24, curve=(*[1.0] * 10, 1.1, 1.0))
    assert 10 in anchors(peak, 2, 2)


@given(
    first=st.floats(0.1, 100.0),
    yearly=st.floats(0.1, 10.0),
    at=st.sets(st.integers(0, 23), min_size=2, max_size=6),
)
def test_what_grows_by_a_factor_is_interpolated_exactly(
    first: float, yearly: float, at: set[int]
) -> None:
    every = np.arange(min(at), max(at) + 1.0)
    true = first * yearly ** (np.arange(24.0) / 12.0)
    simulated = sorted(at)
    found = interpolated(simulated, true[simulated], every)
    np.testing.assert_allclose(found, true[min(at) : max(at) + 1], rtol=1e-9)


def test_what_is_proportional_to_the_volume_follows_any_curve() -> None:
    volume = np.random.default_rng(0).uniform(0.5, 5.0, 12)
    found = interpolated([0, 11], 7.0 * volume[[0, 11]], np.arange(12.0), volume)
    np.testing.assert_allclose(found, 7.0 * volume, rtol=1e-12)


def test_nothing_and_unknown_are_interpolated_without_a_logarithm() -> None:
    assert interpolated([0, 2], np.array([0.0, 4.0]), np.arange(3.0))[1] == pytest.approx(2.0)
    assert np.isnan(interpolated([0, 2], np.array([np.nan, 4.0]), np.arange(3.0))[1])
    assert interpolated([0, 2], np.array([np.nan, 4.0]), np.arange(3.0))[2] == 4.0


def test_month_on_which_a_break_hangs_comes_first() -> None:
    assert next_month([0, 6, 11], YEAR, lambda _: 1.0, probes=[8]) == 8
    assert next_month([0, 6, 11], YEAR, lambda _: 0.0, probes=[6]) is None


def test_gap_that_no_check_covers_is_halved_before_one_that_is_off() -> None:
    assert next_month([0, 11], YEAR, lambda _: 0.0, probes=[]) == 5
    changed = Outlook(months=12, refreshes=(Refresh(6, 2.0, 1.0),))
    # 0 to 5 and 6 to 11 have no month in between that could be left out.
    assert next_month([0, 5, 6, 11], changed, lambda _: 0.0, probes=[]) in (2, 8)


def test_wide_gap_beside_the_worst_month_is_halved_until_it_is_good_enough() -> None:
    errors = {4: 0.2, 6: 0.1}
    assert next_month([0, 4, 6, 11], YEAR, errors.__getitem__, probes=[]) == 2
    # Not one of two months beside it, while elsewhere there is a gap of seven.
    assert next_month([0, 2, 4, 11], YEAR, {2: 0.1, 4: 0.0}.__getitem__, probes=[]) == 7
    assert next_month([0, 4, 6, 11], YEAR, lambda _: 0.049, probes=[]) is None


@given(st.integers(1, 40))
def test_halving_the_widest_gap_reaches_every_month(months: int) -> None:
    simulated = sorted({0, months - 1})
    while (month := widest(simulated)) is not None:
        simulated = sorted([*simulated, month])
    assert simulated == list(range(months))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Plan]:
    """Some months interpolated, and all simulated; small batches, so that fleets grow."""
    busy = case(
        tmp_path_factory.mktemp("both"),
        POOL,
        "workloads.chat.arrivals={requests_per_day: {lognormal: {p50: 20k, p95: 40k}}}",
        "backends.large.engine.max_num_seqs=2",
    )
    outlook = Outlook(months=7, growth=factor("9"), creep=factor("1.4"), peak_days=0.0)
    with bench(1) as place:
        some = plan(busy, place, outlook, worlds=6, probability=0.5, simulated=4)
        return some, plan(busy, place, outlook, worlds=6, probability=0.5, simulated=7)


def test_interpolated_months_agree_with_all_months_simulated(both: tuple[Plan, Plan]) -> None:
    some, every = both
    assert len(some.simulated) <= 4
    assert every.simulated == tuple(range(7))
    # Off by a replica in two of the six worlds at most, of 4 GPUs at 3 USD for 730.5 hours.
    replica_usd = 4 * 3 * 730.5
    off = abs(some.cost_usd.mean(axis=0) - every.cost_usd.mean(axis=0))
    assert off.max() <= 1.01 * replica_usd * 2 / 6
    assert some.cost_usd.sum(axis=1).mean() == pytest.approx(
        every.cost_usd.sum(axis=1).mean(), 0.04
    )
    np.testing.assert_allclose(some.requests.mean(axis=0), every.requests.mean(axis=0), rtol=0.01)


def test_error_that_is_stated_is_about_that_of_interpolation(both: tuple[Plan, Plan]) -> None:
    some, every = both
    true = abs(some.cost_usd.mean(axis=0) / every.cost_usd.mean(axis=0) - 1.0).max()
    # Left out, a month lies in a gap twice as wide; half a replica is added for rounding.
    assert true <= max(abs(each.cost) for each in some.checks) + 0.08


def test_break_of_the_money_is_enclosed_by_simulated_months(tmp_path: Path) -> None:
    outlook = Outlook(months=24, growth=factor("3"), peak_days=0.0)
    with bench(1) as place:
        free = plan(case(tmp_path, QUOTA), place, outlook, worlds=2, probability=0.5)
        costs = np.median(free.cost_usd, axis=0)
        budget = float(np.sqrt(costs[14] * costs[15]))
        answer = plan(
            case(tmp_path, QUOTA), place, outlook, worlds=2, probability=0.5, budget_usd=budget
        )
    (broken,) = [each for each in answer.breaks if each.what == "the budget is exceeded"]
    assert broken.month == pytest.approx(15, abs=1)
    assert broken.exact
    assert {broken.month - 1, broken.month} <= set(answer.simulated)
    first = f"the budget of {budget:,.0f} USD a month is exceeded from month {broken.month + 1} on"
    assert " ".join(tell(answer).text().split()).startswith(
        f"{answer.name}: {first} in most worlds"
    )
    assert answer.sentence.count("budget") == 1
    dear = replace(answer, budget_usd=float(answer.cost_usd.max()), breaks=())
    kept = (
        f"the budget of {dear.budget_usd:,.0f} USD a month is kept in every month in all 2 worlds"
    )
    assert dear.sentence.startswith(f"{answer.name}: {kept}")
    assert "budget" not in tell(free).text()
