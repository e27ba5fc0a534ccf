"""Running worlds: the same result whatever the workers, their order, and an interruption."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from fake_replication import (
    FakeScenario,
    replicate,
    replicate_in_vain,
    replicate_mendably,
    replicate_pressing_ctrl_c,
)
from places import TESTS

from sim.errors import PeakfleetError
from sim.montecarlo.dispatch import replications
from sim.montecarlo.execution import ReplicationError, Task, Workers
from sim.montecarlo.interruption import Interruption
from sim.montecarlo.precision import Goal, looks
from sim.montecarlo.result import Earlier
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample
from sim.montecarlo.summary import summarise


def simulate(scenario=None, worlds=20, **options):
    options = {"jobs": 1, "replicate": replicate} | options
    return run(scenario or FakeScenario(), worlds, **options)


def same(a, b):
    return (
        a.summary == b.summary
        and a.replications.equals(b.replications)
        and a.timeline.equals(b.timeline)
    )


class LastFirst:
    """An executor that waits a little for work and then does the last of it first."""

    def __init__(self):
        self.stack = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.stack.append((future, fn, args, kwargs))
        if len(self.stack) == 1:
            threading.Timer(0.1, self.work).start()
        return future

    def work(self):
        while self.stack:
            future, fn, args, kwargs = self.stack.pop()
            future.set_result(fn(*args, **kwargs))


def test_two_processes_give_the_result_of_one():
    assert same(simulate(jobs=2, worlds=40), simulate(jobs=1, worlds=40))


def test_worlds_in_reverse_order_give_the_same_result():
    order = []

    def note(sample, target):
        order.extend(world for world in range(target) if world in sample and world not in order)

    backward = simulate(jobs=20, executor=LastFirst(), progress=note)
    # Worlds that are finished when somebody looks come in any order, but the last ones first.
    assert sorted(order) == list(range(20))
    assert order.index(19) < order.index(0)
    assert same(backward, simulate())


def test_anything_with_submit_is_an_executor():
    with ThreadPoolExecutor(3) as pool:
        assert same(simulate(executor=pool, jobs=3), simulate())


def test_the_first_worlds_of_a_longer_run_are_those_of_a_shorter():
    longer, shorter = simulate(worlds=30).replications, simulate(worlds=12).replications
    assert longer.head(12).equals(shorter)


def test_worlds_and_seed_are_those_of_the_scenario_unless_asked():
    scenario = FakeScenario(worlds=7, seed=3)
    assert len(run(scenario, jobs=1, replicate=replicate).sample) == 7
    assert same(
        run(scenario, jobs=1, replicate=replicate),
        simulate(scenario=FakeScenario(worlds=99, seed=3), worlds=7),
    )
    assert not same(simulate(seed=0), simulate(seed=1))


def test_a_result_has_a_row_per_world_and_a_row_per_bin():
    result = simulate()
    rows = result.replications
    assert list(rows["world"]) == list(range(20))
    assert list(rows.columns[:4]) == [
        "world",
        "verdict",
        "input.workloads.chat.volume",
        "input.backends.large.speed",
    ]
    timeline = result.timeline
    assert list(timeline["start_s"]) == [0.0, 21_600.0, 43_200.0, 64_800.0]
    assert (timeline["load_rps_p5"] <= timeline["load_rps_p95"]).all()
    assert timeline["ttft_p95_s_p50"].isna().all()


def test_timeline_percentiles_are_those_over_worlds():
    result = simulate()
    worlds = [result.sample.timelines.timeline(world)["load_rps"] for world in range(20)]
    expected = np.quantile(np.array(worlds, np.float64), 0.95, axis=0)
    assert np.allclose(result.timeline["load_rps_p95"], expected, rtol=1e-12)


def test_long_timelines_on_disk_give_the_percentiles_of_those_in_memory(monkeypatch):
    in_memory = simulate(worlds=15)
    monkeypatch.setattr("sim.montecarlo.timelines.IN_MEMORY_BYTES", 64)
    monkeypatch.setattr("sim.montecarlo.timelines.STRIPE_BYTES", 200)
    assert same(simulate(worlds=15), in_memory)


def test_the_summary_nests_workloads_and_backends():
    summary = simulate().summary
    assert summary["version"] == 1
    assert summary["replications"] == 20
    assert set(summary["metrics"]) == {
        "cost_usd",
        "cost_usd_per_request",
        "e2e_p95_s",
        "gross_margin",
        "rejected",
    }
    assert set(summary["workloads"]["chat"]) == {"slo_attainment", "ttft_p95_s"}
    assert set(summary["backends"]["large"]) == {"utilisation"}
    assert summary["metrics"]["gross_margin"]["n"] == 17


def test_overloaded_worlds_are_counted_and_make_latencies_lower_bounds():
    result = simulate(worlds=200)
    overloaded = result.replications["verdict"] == "overloaded"
    assert 0 < overloaded.mean() < 0.1
    assert result.summary["overloaded_share"] == overloaded.mean()
    assert "p95" in result.summary["metrics"]["e2e_p95_s"]["at_least"]
    assert "p95" in result.summary["workloads"]["chat"]["ttft_p95_s"]["at_least"]
    assert "at_least" not in result.summary["metrics"]["cost_usd_per_request"]


def test_the_slo_is_met_in_the_worlds_that_attain_it():
    result = simulate(worlds=100)
    attained = result.replications["workloads.chat.slo_attainment"]
    assert result.summary["slo_met_share"] == (attained >= 0.95).mean()
    assert 0.1 < result.summary["slo_met_share"] < 0.9


def test_dots_in_the_name_of_a_workload_do_no_harm():
    sample = Sample()
    sample.add_row(0, "stable", {"workloads.a.b.ttft_p95_s": 1.0}, {})
    summary = summarise(sample, FakeScenario().design({}), 0, interrupted=False)
    assert list(summary["workloads"]) == ["a.b"]


def test_metrics_that_some_worlds_lack_are_undefined_there():
    sample = Sample()
    sample.add_row(1, "stable", {"a": 1.0, "b": 2.0}, {})
    sample.add_row(0, "stable", {"a": 3.0}, {})
    frame = sample.frame()
    assert list(frame["a"]) == [3.0, 1.0]
    assert math.isnan(frame["b"][0])


# Precision ------------------------------------------------------------------------------------


def test_worlds_are_added_until_the_interval_is_narrow_enough():
    result = simulate(worlds=5000, precision=0.005, metric="cost_usd_per_request:p50")
    done = len(result.sample)
    assert not result.interrupted
    assert result.precision <= 0.005
    before = max(look for look in looks(5000, result.goal) if look < done)
    earlier = simulate(worlds=before)
    assert result.goal.width(earlier.sample) > 0.005
    assert same(result, simulate(worlds=done))


def test_the_number_of_worlds_does_not_depend_on_the_workers():
    asked = {"worlds": 5000, "precision": 0.1, "metric": "e2e_p95_s:p50"}
    with ThreadPoolExecutor(4) as pool:
        assert same(simulate(**asked, executor=pool, jobs=4), simulate(**asked))


def test_worlds_end_where_they_must_even_if_the_interval_is_wide():
    result = simulate(worlds=150, precision=0.001)
    assert len(result.sample) == 150
    assert not result.interrupted
    assert result.precision > 0.001


def test_a_figure_that_does_not_vary_is_precise_at_the_first_look():
    assert len(simulate(worlds=5000, precision=0.02, metric="cost_usd").sample) == 128


def test_an_unknown_precision_metric_is_refused_with_the_nearest():
    with pytest.raises(PeakfleetError, match=re.escape("did you mean 'e2e_p95_s'?")):
        simulate(precision=0.02, metric="e2e_p96_s")


@pytest.mark.parametrize("relative", [0.0, -0.1, 1.0, math.nan])
def test_a_precision_outside_its_range_is_refused(relative):
    with pytest.raises(PeakfleetError, match="must be between 0 and 1"):
        Goal.parse(relative, "cost_usd")


# What goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_defect_surfaces_as_one_error_with_the_world_and_the_traceback(jobs):
    with pytest.raises(ReplicationError, match="world 5: ZeroDivisionError: the fake") as caught:
        simulate(FakeScenario(broken_world=5), jobs=jobs)
    assert "in replicate" in str(caught.value)
    finished = caught.value.partial
    assert finished is None or 5 not in finished.sample


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_user_can_mend_surfaces_as_such(jobs):
    with pytest.raises(PeakfleetError, match=r"world 0: .* must be at least 0"):
        simulate(replicate=replicate_mendably, jobs=jobs)


def test_a_worker_that_dies_is_reported_with_a_way_out():
    with pytest.raises(PeakfleetError, match="--jobs 1"):
        simulate(replicate=replicate_in_vain, jobs=2)


def test_a_worker_that_died_before_the_next_batch_is_reported_alike():
    def submit(tasks):
        raise BrokenProcessPool("gone")

    dead = Workers(submit, lambda: 2)
    with pytest.raises(PeakfleetError, match="--jobs 1"):
        next(replications(dead, [Task(0, {}, False)], Interruption()))


def test_no_worlds_are_refused():
    with pytest.raises(PeakfleetError, match=re.escape("worlds (0) must be at least 1")):
        simulate(worlds=0)


def test_fewer_worlds_than_are_finished_are_refused():
    earlier = Earlier(simulate(worlds=10).sample)
    with pytest.raises(PeakfleetError, match="must be at least the 10"):
        simulate(worlds=5, earlier=earlier)


# Ctrl-C ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_keeps_the_finished_worlds(presses):
    said = []
    before = signal.getsignal(signal.SIGINT)
    result = simulate(
        FakeScenario(extra={"presses": presses}),
        worlds=1000,
        replicate=replicate_pressing_ctrl_c,
        announce=lambda: said.append("finishing"),
    )
    assert result.interrupted
    assert said == ["finishing"]
    assert signal.getsignal(signal.SIGINT) is before
    done = len(result.sample)
    assert done < 1000
    assert result.replications.equals(simulate(worlds=done).replications)
    assert result.summary["interrupted"]


def test_an_interrupted_run_continues_to_the_result_of_an_uninterrupted_one():
    scenario = FakeScenario(extra={"presses": 1})
    part = simulate(scenario, worlds=60, replicate=replicate_pressing_ctrl_c)
    simulated = []

    def note(sample, target):
        simulated.append(len(sample))

    whole = simulate(scenario, worlds=60, earlier=Earlier(part.sample), progress=note)
    assert 0 < len(simulated) < 60
    assert same(whole, simulate(scenario, worlds=60))


MEMORY = """
import resource, sys
sys.path.insert(0, {tests!r})
from fake_replication import FakeScenario, replicate_at_length
from pathlib import Path
from sim.montecarlo import store
from sim.montecarlo.run import run
import numba
worlds, folder = int(sys.argv[1]), Path(sys.argv[2])
result = run(FakeScenario(bins=1500), worlds, jobs=1, replicate=replicate_at_length)
store.save(result, folder)
with store.opened(folder, FakeScenario(), 0, resume=True) as kept:
    earlier = kept.load_earlier()
assert len(result.timeline) == 1500 and len(earlier.sample) == worlds
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_hardly_grows_with_the_number_of_worlds(tmp_path):
    peaks = [
        int(
            subprocess.run(
                [
                    sys.executable,
                    "-c",
                    MEMORY.format(tests=str(TESTS)),
                    str(worlds),
                    str(tmp_path / str(worlds)),
                ],
                env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for worlds in (100, 1000)
    ]
    assert peaks[1] <= 1.3 * peaks[0]
