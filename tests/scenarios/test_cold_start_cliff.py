"""Reactive and scheduled fleets on the morning of a fourfold peak, by their cold starts.

One world with a fixed seed; the margins are far wider than what differs between worlds.
"""

from functools import cache

import pytest
from scenario_documents import SHIPPED

from sim.__main__ import main
from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

COLD_STARTS = ("30s", "2min", "10min")
MORNING = "horizon={start: 2026-11-23T07:00, duration: 5h}"


@cache
def morning():
    """The figures of the first world from seven to noon."""
    scenario = load_scenario(SHIPPED / "cold_start_cliff.yaml", [MORNING])
    return replicate(scenario, scenario.seed, 0, {}).metrics


def worst_hour_s(fleet):
    return morning()[f"workloads.{fleet}.peak_hour_ttft_p95_s"]


def cost_usd(fleet):
    return morning()[f"backends.{fleet}.cost_usd"]


@pytest.mark.parametrize("cold_start", COLD_STARTS)
def test_a_timetable_keeps_the_objective_whatever_the_cold_start(cold_start):
    assert worst_hour_s(f"scheduled-{cold_start}") < 1


def test_a_reactive_fleet_falls_off_a_cliff_between_two_and_ten_minutes():
    short, middle, long = (worst_hour_s(f"reactive-{cold_start}") for cold_start in COLD_STARTS)
    assert short < 2
    assert middle < 10
    assert long > 100


def test_a_slow_start_is_paid_for_twice():
    # While replicas load the queue grows, and calls for far more of them than the peak needs.
    assert morning()["backends.reactive-10min.ready_replicas_max"] == 12
    assert cost_usd("reactive-10min") > 1.1 * cost_usd("scheduled-10min")


def test_a_timetable_pays_for_a_slow_start_by_the_minutes_that_it_starts_early():
    costs_usd = [cost_usd(f"scheduled-{cold_start}") for cold_start in COLD_STARTS]
    early_s = 3 * 600  # three more replicas are loading for ten minutes
    assert costs_usd == sorted(costs_usd)
    assert costs_usd[-1] - costs_usd[0] < early_s / 3600 * 4 * 2.99 * 1.1


def test_the_run_prints_p95_and_cost_of_each_fleet(capsys, tmp_path):
    command = ["run", str(SHIPPED / "cold_start_cliff.yaml"), "--worlds", "1", "--jobs", "1"]
    assert (
        main([*command, "--set", MORNING, "--out", str(tmp_path / "out"), "--quiet", "--full"]) == 0
    )
    sections = blocks(capsys.readouterr().out)
    for policy in ("reactive", "scheduled"):
        for cold_start in COLD_STARTS:
            fleet = f"{policy}-{cold_start}"
            p95 = row(sections[f"Workload {fleet}"], "first token p95, worst hour")
            assert in_seconds(p95) == pytest.approx(worst_hour_s(fleet), rel=0.01)
            cost = row(sections[f"Backend {fleet}"], "over the horizon")
            assert cost[0] == "USD"
            assert float(cost[1]) == pytest.approx(cost_usd(fleet), abs=0.006)


def blocks(table):
    """Lines of the table by the heading above them."""
    sections, heading = {}, ""
    for line in table.splitlines():
        if line[:1].strip():
            heading = line.strip()
        sections.setdefault(heading, []).append(line)
    return sections


def row(lines, label):
    """Unit and figures of a row."""
    (line,) = (line for line in lines if line.strip().startswith(label))
    return line.strip().removeprefix(label).split()


def in_seconds(cells):
    return float(cells[1]) * {"s": 1.0, "ms": 1e-3, "min": 60.0}[cells[0]]
