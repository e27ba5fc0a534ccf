"""``power_cap.yaml``: what a cap costs, as its head says, and what a site of 2 kW feeds."""

import numpy as np
import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SHORT = ("horizon={duration: 20min, warm_up: 5min}",)


def figures(*overrides: str) -> dict[str, float]:
    """Of the median world, so that designs differ by what is asked alone."""
    read = load_scenario(SHIPPED / "power_cap.yaml", (*SHORT, *overrides))
    half = np.array([0.5])
    draws = {each.path: float(each.distribution.ppf(half)[0]) for each in read.inputs}
    return replicate(read, read.seed, 0, draws).metrics


def test_a_cap_of_80_per_cent_costs_a_tenth_of_the_p95_and_saves_a_seventh_of_the_energy() -> None:
    free, capped, low = (figures(f"backends.large.power_cap={cap}%") for cap in (100, 80, 60))
    assert 1.05 < capped["e2e_p95_s"] / free["e2e_p95_s"] < 1.2
    assert 1.1 < capped["ttft_p95_s"] / free["ttft_p95_s"] < 1.4
    assert 0.8 < capped["energy_kwh"] / free["energy_kwh"] < 0.9
    assert low["energy_kwh"] < capped["energy_kwh"]
    assert capped["power_peak_w"] == pytest.approx(2 * 560 * 1.3)
    assert capped["cost_usd"] < free["cost_usd"]  # owned: its power is on the bill


@pytest.mark.parametrize(("watts", "replicas"), [("560 W", 2), ("500 W", 3)])
def test_a_site_of_two_kilowatts_feeds_two_replicas_or_three(watts: str, replicas: int) -> None:
    found = figures(
        f"backends.large.power_cap={watts}",
        "energy.power_budget=2 kW",
        "backends.large.replicas={min: 1, max: 6, initial: 2}",
        "backends.large.autoscaler={preset: keda, target_concurrency: 24}",
        "backends.large.cold_start=2min",
    )
    assert found["ready_replicas_max"] == replicas
    assert found["power_peak_w"] <= 2_000.0
