"""Whoever comes is counted, also at the very first instant and after the very last."""

import json
import math
from functools import cache

import numpy as np
import pytest
from places import FAULTS

from sim.montecarlo import store
from sim.montecarlo.replication import replicate
from sim.montecarlo.run import run
from sim.report.table import sentence
from sim.scenario import load_scenario


def scenario(fault, *overrides):
    return load_scenario(FAULTS / fault / "scenario.yaml", overrides)


@cache
def figures(fault, *overrides):
    read = scenario(fault, *overrides)
    return replicate(read, read.seed, 0, {}).metrics


# The first request


@pytest.mark.parametrize("warm_up", ["0s", "5min"])
def test_the_first_request_of_a_trace_is_counted(warm_up):
    found = figures("first_request", "horizon.duration=60s", f"horizon.warm_up={warm_up}")
    assert found["requests"] == found["attempts"] == found["completed"] == 4


# The last answers


def test_a_trace_that_is_played_once_is_answered_to_the_end():
    found = figures("first_request")
    assert found["requests"] == found["completed"] == 4
    assert 30.0 < found["makespan_s"] < 31.0  # the last comes at 30 s
    assert found["gpu_hours"] == pytest.approx(found["makespan_s"] / 3600)


def test_a_given_horizon_ends_arrivals_and_is_cut_unless_it_says_otherwise():
    cut = figures("batch_job", "horizon.duration=60s")
    drained = figures("batch_job", "horizon.duration=60s", "horizon.end=drained")
    assert cut["in_flight_end"] > 0
    assert cut["gpu_hours"] == pytest.approx(60 / 3600)
    assert "makespan_s" not in cut
    assert drained["completed"] == 450
    early = "horizon.duration=20s", "horizon.end=drained"
    assert figures("first_request", *early)["requests"] == 2  # those at 0 and at 10 s


def test_a_job_is_told_as_its_time_its_machine_time_and_its_cost():
    """450 answers of about 5,000 tokens at a measured pace."""
    result = run(scenario("batch_job"), 1, jobs=1)
    found = result.summary["metrics"]
    makespan_s = found["makespan_s"]["p50"]
    assert found["requests"]["p50"] == found["completed"]["p50"] == 450
    assert found["gpu_hours"]["p50"] == pytest.approx(makespan_s / 3600)
    assert found["cost_usd"]["p50"] == pytest.approx(2.99 * math.ceil(makespan_s) / 3600)
    assert result.summary["overloaded_share"] == 0.0
    assert result.summary["ending"]["job"]
    told = sentence(result.summary)
    assert told.startswith("Batch job, 450 requests at once, 1 world: the job takes ")
    assert " GPU-hours and " in told
    assert "a month" not in told.split(";")[0]


def test_a_job_that_does_not_come_to_its_end_is_told_so():
    result = run(scenario("batch_job", "horizon.end_limit=1min"), 1, jobs=1)
    found, told = result.summary["metrics"], sentence(result.summary)
    assert found["in_flight_end"]["p50"] > 0
    assert result.summary["overloaded_share"] == 1.0
    assert result.summary["ending"]["drained_share"] == 0.0
    assert {"p5", "p50", "p95"} <= set(found["makespan_s"]["at_least"])
    assert "the job takes at least" in told
    assert "requests were still unanswered 1 minute after the last had come" in told


WORLDS_APART = ("backends.one.throughput_factor={uniform: {low: 0.5, high: 2}}",)


def test_worlds_end_at_times_of_their_own_and_are_stored_side_by_side(tmp_path):
    read = scenario("batch_job", *WORLDS_APART)
    result = run(read, 6, jobs=1)
    makespan_s = result.sample.values("makespan_s")
    assert makespan_s.max() > 2 * makespan_s.min()
    timeline = result.timeline
    assert timeline["start_s"].iloc[-1] < makespan_s.max()
    assert (timeline["completed_rps_p95"] >= 0).all()
    usd = result.sample.values("cost_usd")
    assert usd == pytest.approx(2.99 * np.ceil(makespan_s) / 3600)
    store.save(result, tmp_path / "six")
    store.save(run(read, 3, jobs=1), tmp_path / "three")
    with store.opened(tmp_path / "three", read, read.seed, resume=True) as kept:
        earlier = kept.load_earlier()
    store.save(run(read, 6, jobs=1, earlier=earlier), tmp_path / "resumed")
    for name in ("summary.json", "timeline.parquet", "timelines.parquet"):
        assert (tmp_path / "six" / name).read_bytes() == (tmp_path / "resumed" / name).read_bytes()


def test_a_stored_scenario_ends_as_it_did(tmp_path):
    read = scenario("first_request")
    store.save(run(read, 1, jobs=1), tmp_path / "once")
    again = load_scenario(tmp_path / "once" / "scenario.yaml")
    store.save(run(again, 1, jobs=1), tmp_path / "again")
    for name in ("scenario.yaml", "summary.json"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert json.loads((tmp_path / "once" / "summary.json").read_text())["horizon_s"] == 40.0


# All kinds of fleets


SCALED_TO_ZERO = (
    "backends.one.replicas={min: 0, max: 3, initial: 0}",
    "backends.one.autoscaler={preset: keda, target_concurrency: 2}",
    "backends.one.cold_start=30s",
    "backends.one.gateway={queue: central}",
)
IMPATIENT = ("workloads.bench.client={timeout: 20s, retries: openai-sdk}",)
MANAGED = (
    "backends.one={kind: managed_api, model: gpt-4o-mini}",
)  # fmt: skip
SECOND = (
    "workloads.more={arrivals: {requests_per_second: 0.5}, prompt_tokens: 100, output_tokens: 20}",
    "workloads.bench.route=one",
)
TASKS = (
    "workloads.bench={arrivals: {requests_per_second: 0.5}, prompt_tokens: 100, output_tokens: 20,"
    " follow_ups: {calls_per_task: 3, think_time: 30s}}",
    "horizon={duration: 60s, end: drained, warm_up: 0s}",
)
CRASHES = ("backends.one.failures={crashes_per_gpu_hour: 600}", "backends.one.cold_start=10s")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(SCALED_TO_ZERO, id="scaled to zero"),
        pytest.param(IMPATIENT, id="clients that try again"),
        pytest.param(MANAGED, id="a managed API"),
        pytest.param(SECOND, id="a second workload, without an end of its own"),
        pytest.param(TASKS, id="tasks with think times"),
        pytest.param(CRASHES, id="replicas that crash"),
        pytest.param(("horizon.warm_up=5min",), id="a warm-up"),
        pytest.param(("workloads.bench.arrivals.trace.rate_scale=3",), id="a larger volume"),
        pytest.param(("workloads.bench.arrivals.trace.thin=0.5",), id="a thinner trace"),
    ],
)
def test_nobody_is_left_when_a_drained_horizon_ends(changes):
    found = figures("first_request", *changes)
    fates = ("completed", "timed_out", "rejected", "failed", "gave_up")
    assert found["requests"] > 0
    assert found["in_flight_end"] == 0
    assert found["requests"] == sum(found[fate] for fate in fates)
    assert found["tasks"] == found["tasks_completed"] + found["tasks_failed"]
    assert found["drained"] == 1
    assert found["cost_usd"] > 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("horizon.end=soon", "must be one of cut, drained"),
        ("horizon={duration: 60s, end_limit: 1h}", "has no meaning for a horizon that is cut"),
    ],
)
def test_an_end_that_cannot_be_meant_is_refused(setting, message):
    with pytest.raises(Exception, match=message):
        scenario("first_request", setting)
