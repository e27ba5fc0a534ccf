"""A world by some of its days, against the same world in full."""

from pathlib import Path

import numpy as np
import pytest

from sim.model.streams import Streams
from sim.montecarlo.fidelity.memory import LEAST_S, warm_up_s, why_exact
from sim.montecarlo.fidelity.world import simulate_days
from sim.montecarlo.replication import replicate
from sim.montecarlo.run import run
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import Written

DAY_S = 86_400.0
TEXT = """
name: a season
horizon: {start: 2026-01-05, days: 200, warm_up: 1h, bin: 1h}
workloads:
  chat:
    arrivals:
      requests_per_day: 700
      shape: azure-chat-2024
      growth_per_year: 2
      dispersion: {cv: 0.2, timescale: 1h}
      events: [{start: 50d, duration: 8h, factor: 3}]
    prompt_tokens: 2000
    output_tokens: {lognormal: {mean: 900, p95: 2000}, max: 8k}
    slo: {e2e_p95: 25s}
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    engine: {max_num_seqs: 4}
    throughput_factor: 1
    replicas: {min: 1, max: 3}
    autoscaler: {preset: hpa, target_concurrency: 2, sync_period: 20min}
    cold_start: 10min
    price: {usd_per_gpu_hour: 2.99}
"""
FIXED = ("backends.large.replicas=1", "backends.large.autoscaler=null")
AGREED = ("requests", "cost_usd", "gpu_hours", "utilisation", "e2e_mean_s", "slo_attainment")


def season(*changes):
    """The scenario, with changes."""
    return load_scenario(Written(TEXT, "season.yaml", Path(), has_lines=True), changes)


def season_in(fidelity, *changes):
    return season(f"fidelity={fidelity}", *changes)


def test_means_are_those_of_worlds_in_full():
    # 10 worlds by days against 5 in full, other ones: Welch's t of six figures within 7, which
    # chance alone exceeds once in 10,000 times at 8 degrees of freedom; or within a thousandth, for
    # what happens on one day in a hundred may be on none of those that are drawn.
    by_days = run(season_in("auto"), worlds=10, seed=1, jobs=1)
    in_full = run(season_in("exact"), worlds=5, seed=2, jobs=1)
    for metric in AGREED:
        one, other = (each.sample.values(metric) for each in (by_days, in_full))
        error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        assert abs(one.mean() - other.mean()) < max(7.0 * error, 1e-3 * other.mean())
        assert error < 0.02 * other.mean()  # a bias of a tenth would be seen
    told = by_days.summary["fidelity"]
    assert told["days"] == 200
    assert told["simulated_days"] < 15
    assert told["simulated_share"] < 0.09
    assert (told["worlds_in_full"], told["why_exact"]) == (0, None)
    assert in_full.summary["fidelity"] is None


def test_what_is_the_most_of_all_days_is_a_lower_bound():
    sample = run(season_in("auto", *FIXED), worlds=2, seed=1, jobs=1).sample
    for metric in ("peak_hour_e2e_p95_s", "offered_load_peak", "backends.large.ready_replicas_max"):
        assert sample.lower_bound(metric).all()
    assert not sample.lower_bound("e2e_p95_s").any()
    in_full = run(season_in("exact", *FIXED), worlds=1, seed=1, jobs=1).sample
    assert not in_full.lower_bound("peak_hour_e2e_p95_s").any()
    assert not in_full.lower_bound("offered_load_peak").any()


def test_a_world_is_the_same_bits_each_time():
    scenario = season_in("auto", *FIXED)
    one, other = (replicate(scenario, 3, 7, {}) for _ in range(2))
    assert one.metrics == pytest.approx(other.metrics, rel=0, abs=0, nan_ok=True)
    for name, column in one.timeline.items():
        np.testing.assert_array_equal(column, other.timeline[name])


@pytest.mark.parametrize(
    "changes",
    [
        ("horizon.days=20",),
        ("horizon.bin=7h",),
        ("horizon.end=drained",),
        ("backends.large.failures={crashes_per_gpu_hour: 1e-4, repair: 40h}",),
    ],
)
def test_where_some_days_are_not_enough_every_bit_is_that_of_the_whole(changes):
    scenario = season_in("auto", "horizon.days=30", *FIXED, *changes)
    assert why_exact(scenario.typical_design())
    by_days = replicate(scenario, 1, 0, {})
    in_full = replicate(season_in("exact", "horizon.days=30", *FIXED, *changes), 1, 0, {})
    own = {"simulated_days", "simulated_days_share", "simulated_requests"}
    assert by_days.metrics.keys() - in_full.metrics.keys() == own
    figures = {name: by_days.metrics[name] for name in in_full.metrics}
    assert figures == pytest.approx(in_full.metrics, rel=0, abs=0, nan_ok=True)
    assert by_days.metrics["simulated_days_share"] == 1.0


def test_where_somebody_always_waits_the_world_is_simulated_in_full():
    # Four times the requests that one replica can serve: no day can be taken by itself.
    changes = (*FIXED, "horizon.days=40", "workloads.chat.arrivals.requests_per_day=60k")
    scenario = season_in("auto", *changes)
    assert why_exact(scenario.typical_design()) is None
    by_days = replicate(scenario, 1, 0, {})
    in_full = replicate(season_in("exact", *changes), 1, 0, {})
    assert by_days.verdict == in_full.verdict == "overloaded"
    assert by_days.metrics["e2e_p95_s"] == in_full.metrics["e2e_p95_s"]
    assert by_days.metrics["simulated_days"] == 40
    assert by_days.metrics["simulated_requests"] > in_full.metrics["requests"]  # what it cost


def test_a_backlog_over_midnight_is_carried_into_the_day():
    # One replica with two places, full from noon to long after midnight on busy days: the time
    # before a day is lengthened until nobody waits in it, and the queue is that of the whole.
    changes = (
        *FIXED,
        "backends.large.engine.max_num_seqs=1",
        "workloads.chat.arrivals.requests_per_day=2300",
        "workloads.chat.arrivals.growth_per_year=1",
        "workloads.chat.arrivals.shape=[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,9,9,9]",
        "workloads.chat.arrivals.events=null",
    )
    design = season_in("auto", *changes).typical_design()
    found = simulate_days(design, Streams(4, 0))
    assert found.figures["simulated_days_share"] < 0.2
    early = found.outcome.ledger.pools["waiting"][0, 24 - 1 :: 24]  # at the end of each day
    assert np.median(early) > 100  # there is such a backlog
    # Of one world in full, which differ by 1 %, and the mean of eight, which differ by a tenth.
    in_full = replicate(season_in("exact", *changes), 4, 0, {}).metrics
    by_days = [replicate(season_in("auto", *changes), 4, world, {}).metrics for world in range(8)]
    for metric in ("e2e_p50_s", "queue_wait_mean_s"):
        mean = np.mean([each[metric] for each in by_days])
        assert mean == pytest.approx(in_full[metric], rel=0.15)


def test_the_last_day_may_be_short():
    scenario = season_in("auto", *FIXED, "horizon.days=30.25")
    found = simulate_days(scenario.typical_design(), Streams(0, 0)).outcome
    assert found.end_s == 30.25 * DAY_S
    assert found.ledger.workloads["requests"][0, -6:].sum() > 0
    assert sum(r.end_s - r.start_s for r in found.rentals) == pytest.approx(30.25 * DAY_S)


def test_how_long_a_fleet_remembers():
    assert warm_up_s(season().typical_design()) == LEAST_S
    assert warm_up_s(season("horizon.warm_up=9h").typical_design()) == 9 * 3600.0
    repair = "backends.large.failures={crashes_per_gpu_hour: 1e-4, repair: 5h}"
    assert warm_up_s(season(repair).typical_design()) == 15 * 3600.0
