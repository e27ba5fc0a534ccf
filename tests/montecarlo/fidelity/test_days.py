"""Which days are simulated: sums over the horizon have no bias, and no day is forgotten."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.montecarlo.fidelity.days import (
    FEWEST,
    SHARE,
    Days,
    expected_cost,
    stands_for,
    strata,
)

YEAR = 365


def days_of(seed: int, count: int = YEAR, special: int = 0, warm_up: float = 0.25) -> Days:
    """Days whose work swings and grows, some of them with events, and some with queues."""
    rng = np.random.default_rng(seed)
    work = np.exp(np.linspace(0.0, rng.uniform(-1.0, 1.0), count) + 0.2 * rng.normal(size=count))
    hours = np.zeros(count)
    hours[rng.choice(count, special, replace=False)] = rng.uniform(0.1, 24.0, special)
    waits = np.maximum(work / np.quantile(work, 0.95) - 1.0, 0.0) * 100.0
    busiest = work * rng.uniform(0.05, 0.1, count)
    return Days(work, busiest, hours[None], waits, (1.0 + warm_up) * work)


@given(st.integers(0, 10**6), st.integers(28, 800), st.integers(0, 28), st.floats(0.1, 2.0))
def test_every_day_is_in_one_stratum(seed, count, special, warm_up):
    groups = strata(days_of(seed, count, special, warm_up))
    assert sorted(np.concatenate(groups).tolist()) == list(range(count))
    assert all(len(group) for group in groups)


@given(st.integers(0, 10**6), st.integers(0, 28), st.floats(0.1, 2.0))
def test_days_with_events_stand_for_each_other_only(seed, special, warm_up):
    days = days_of(seed, YEAR, special, warm_up)
    place = stands_for(days, np.random.default_rng(seed))
    assert (days.is_special[place] == days.is_special).all()
    assert (place[place] == place).all()  # who stands for others stands for itself


def test_the_busiest_day_is_always_simulated():
    days = days_of(3)
    key = days.work / days.work.mean() + days.busiest / days.busiest.mean()
    for seed in range(20):
        assert stands_for(days, np.random.default_rng(seed))[key.argmax()] == key.argmax()


def test_a_twentieth_of_a_year_is_simulated():
    days = days_of(5, YEAR, 2)
    for seed in range(20):
        drawn = np.unique(stands_for(days, np.random.default_rng(seed)))
        assert FEWEST <= len(drawn) <= 0.05 * YEAR
        assert days.cost[drawn].sum() <= 1.2 * SHARE * days.work.sum()
    assert expected_cost(days, strata(days)) <= 0.05 * days.work.sum()


def test_days_on_which_requests_wait_are_looked_at_more_closely():
    days = days_of(2)
    waits = days.waits > 0.0
    drawn = [len(each) for each in strata(days) if waits[each].any()]
    assert sum(drawn) < 0.2 * YEAR  # a twentieth of the days, and those beside them
    assert len(drawn) >= 3  # of a dozen strata


@pytest.mark.parametrize(("power", "seen"), [(1.0, 0.02), (6.0, 0.02)])
def test_sums_over_the_horizon_have_no_bias(power, seen):
    # What happens on a day is its work to some power, as queues are, with chance of its own. The
    # mean of 400 draws lies within 5 of its standard errors: it fails once in two million.
    days = days_of(11, YEAR, 3)
    what = days.work**power * np.random.default_rng(1).gamma(4.0, 0.25, YEAR)
    sums = np.array(
        [what[stands_for(days, np.random.default_rng(seed))].sum() for seed in range(400)]
    )
    error = sums.std(ddof=1) / np.sqrt(len(sums))
    assert abs(sums.mean() - what.sum()) < 5.0 * error
    assert error < seen * what.sum()  # a bias of five times that would be seen


def test_what_is_known_of_the_horizon_is_not_left_to_chance():
    days = days_of(7)
    for seed in range(50):
        place = stands_for(days, np.random.default_rng(seed))
        assert days.work[place].sum() == pytest.approx(days.work.sum(), rel=0.012)
        assert days.busiest[place].sum() == pytest.approx(days.busiest.sum(), rel=0.012)


def test_a_horizon_without_requests_has_days_all_the_same():
    none = np.zeros(60)
    days = Days(none, none, none[None], none, none)
    assert len(stands_for(days, np.random.default_rng(0))) == 60


def test_neither_kinds_of_days_nor_causes_of_events_are_mixed():
    # Weekdays and weekends, launches of one workload and ends of months of another.
    weekend = np.arange(YEAR) % 7 > 4
    work = np.where(weekend, 0.4, 1.0)
    special = np.zeros((2, YEAR))
    special[0, [50, 51]] = 8.0
    special[1, 29::30] = 24.0
    days = Days(work, work / 12.0, special, np.zeros(YEAR), 1.25 * work)
    cause = np.where(days.is_special, 1 + special.argmax(axis=0), 0)
    for group in strata(days):
        assert len(np.unique(cause[group])) == 1
        if not cause[group].any():
            assert len(np.unique(weekend[group])) == 1
