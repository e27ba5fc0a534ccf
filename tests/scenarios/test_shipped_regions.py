"""The shipped regions: what they cost, how far they are, and what becomes of one that is lost."""

from functools import cache

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

ONE = "backends.large.regions={us: 6}"
LOST = (
    "backends.large.cold_start=4min",
    "regions.us.outages={planned: [{start: 5min, duration: 10min}]}",
)
SHORT = ("horizon.start=2026-11-24T14:00", "horizon.days=0.015", "horizon.warm_up=3min")
GPUS, USD, HOURS_A_MONTH = 4, 2.99, 730.5


@cache
def figures(*overrides):
    scenario = load_scenario(SHIPPED / "regions.yaml", (*SHORT, *overrides))
    middle = {each.path: float(each.distribution.ppf([0.5])[0]) for each in scenario.inputs}
    return replicate(scenario, 0, 0, middle).metrics


def test_one_region_for_all_costs_less_and_its_far_users_wait_a_round_trip_more():
    three, one = figures(), figures(ONE)
    paid = GPUS * USD * HOURS_A_MONTH
    assert three["cost_usd_per_month"] == pytest.approx((3 + 3 + 2 * 1.15) * paid)
    assert one["cost_usd_per_month"] == pytest.approx(6 * paid)
    for home, trip_s in (("eu", 0.091), ("asia", 0.165)):
        more = one[f"regions.{home}.ttft_mean_s"] - one["regions.us.ttft_mean_s"]
        assert more == pytest.approx(trip_s, rel=0.05)
        assert one[f"regions.{home}.served_away_share"] == 1.0
        assert three[f"regions.{home}.ttft_mean_s"] < one[f"regions.{home}.ttft_mean_s"] - 0.08


def test_a_region_that_is_lost_takes_all_or_its_users_go_elsewhere():
    three, one = figures(*LOST), figures(ONE, *LOST)
    assert one["unanswered_share"] > 0.4  # 14 minutes of 22, and what they were about
    assert three["unanswered_share"] < 0.01
    assert three["regions.us.served_away_share"] > 0.4
