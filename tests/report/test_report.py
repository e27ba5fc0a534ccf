"""What people read: the table with its answer, and the progress bar."""

import io
import re
import sys
import time
from functools import partial
from types import SimpleNamespace

import fake_replication
import numpy as np
import pytest
from fake_replication import FakeScenario

from sim.cli.study import _progress
from sim.montecarlo.pulse import Pulse
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample
from sim.montecarlo.summary import summarise
from sim.report.progress import SHOWN, progress_bar, so_far
from sim.report.table import render

# The table ------------------------------------------------------------------------------------


def fake_summary(worlds=200, **options):
    return run(FakeScenario(), worlds, jobs=1, replicate=fake_replication.replicate).summary


def test_lower_bounds_and_missing_ends_are_marked_and_explained():
    large, small = render(fake_summary()), render(fake_summary(30))
    assert re.search(r"whole answer p95 .*≥", large)
    assert "≥  at least" in large
    assert "?  too few worlds" not in large
    assert "… ?" in small
    assert "?  too few worlds" in small


def test_the_table_shows_the_numbers_of_the_summary():
    summary = fake_summary()
    row = next(line for line in render(summary).splitlines() if "gross margin" in line)
    figure = summary["metrics"]["gross_margin"]
    low, high = figure["p50_ci"]
    shown = f"{figure['p50'] * 100:.1f}  {low * 100:.1f} … {high * 100:.1f}"
    assert re.sub(" +", " ", shown) in re.sub(" +", " ", row)


def test_what_never_happens_is_named_once_and_has_no_row():
    shown = render(fake_summary())
    assert shown.count("rejected") == 1
    assert "In no world: rejected.\n" in shown


def test_workloads_have_a_block_each_where_there_are_several():
    summary = fake_summary()
    assert "Workload" not in render(summary)
    summary["workloads"]["agents"] = summary["workloads"]["chat"]
    shown = render(summary)
    assert "Workload chat" in shown
    assert "Workload agents" in shown


# Early warnings -------------------------------------------------------------------------------

CALM = {
    "requests": 1000.0,
    "tasks": 1000.0,
    "task_success": 1.0,
    "task_e2e_p50_s": 1.0,
    "cost_usd_per_task": 0.01,
    "retries": 0.0,
    "hedges": 0.0,
    "offered_load": 0.5,
    "unanswered_share": 0.0,
    "time_above_slo_share": 0.0,
    "time_to_recover_s": 0.0,
    "spikes_unrecovered": 0.0,
    "retry_amplification": 1.0,
    "wasted_work_share": 0.0,
    "cache_hit_rate": 0.0,
    "response_cache_hit_rate": 0.0,
    "peak_hour_ttft_p95_s": 0.2,
    "workloads.chat.slo_attainment": 0.99,
    "workloads.chat.unanswered_share": 0.0,
    "workloads.chat.peak_hour_ttft_p95_s": 0.2,
}
DOWN = {
    "unanswered_share": 0.83,
    "time_to_recover_s": 8400.0,
    "spikes_unrecovered": 1.0,
    "retry_amplification": 2.66,
    "wasted_work_share": 0.9,
    "workloads.chat.slo_attainment": 0.16,
    "workloads.chat.unanswered_share": 0.83,
}


def shown(**figures):
    """The table of ten worlds that all have these figures, a calm world's otherwise."""
    sample = Sample()
    for world in range(10):
        sample.add_row(world, "stable", CALM | figures, {})
    return render(summarise(sample, FakeScenario().design({}), seed=0, interrupted=False))


def answer(**figures):
    return " ".join(shown(**figures).split("\n\n")[0].split())


def test_a_calm_world_shows_no_warning():
    calm = shown()
    for title in ("Early warning", "Tasks", "Caches", "Cost"):
        assert title not in calm
    assert "hold the fleet down" not in calm
    assert answer().endswith(
        "10 worlds: in the median world the p95 time to first token is 200 ms in the worst hour"
        " (SLO 2 s); the SLO is met in all 10 worlds (at least 69 %); no world has an hour over"
        " capacity, falls behind or loses requests (at most 31 %)."
    )


@pytest.mark.parametrize(
    ("figures", "row"),
    [
        ({"unanswered_share": 0.25}, "requests not answered % 25.0"),
        ({"time_above_slo_share": 0.5}, "time with the SLO missed % 50.0"),
        ({"time_to_recover_s": 420.0}, "recovery after a spike s 420"),
        ({"time_to_recover_s": 8400.0, "spikes_unrecovered": 1.0}, "after a spike min ≥140"),
        ({"retry_amplification": 1.25}, "attempts per request 1.25"),
        ({"wasted_work_share": 0.125}, "work that served nobody % 12.5"),
        ({"hedges": 12.0}, "hedged attempts 12"),
        ({"cache_hit_rate": 0.5}, "prompt tokens cached % 50.0"),
        ({"response_cache_hit_rate": 0.3}, "requests answered from a cache % 30.0"),
        ({"tasks": 400.0}, "tasks 400"),
        ({"tasks": 400.0, "task_success": 0.75}, "tasks completed % 75.0"),
        ({"tasks": 400.0}, "per task completed USD 0.01"),
    ],
)
def test_what_is_out_of_the_ordinary_has_a_row(figures, row):
    assert row in re.sub(" +", " ", shown(**figures))


def test_a_share_that_differs_between_worlds_has_a_row_though_most_have_none():
    sample = Sample()
    for world in range(10):
        sample.add_row(world, "stable", CALM | {"wasted_work_share": 0.1 * (world == 7)}, {})
    table = render(summarise(sample, FakeScenario().design({}), seed=0, interrupted=False))
    assert "work that served nobody" in table


def test_the_answer_says_how_many_are_not_answered_and_how_long_recovery_takes():
    assert answer(**DOWN).endswith(
        "in the median world 83 % of requests are not answered; the p95 time to first token of the"
        " others is 200 ms in the worst hour (SLO 2 s); recovery after a spike takes at least"
        " 140 min; the SLO is met in none of 10 worlds (at most 31 %); no world has an hour over"
        " capacity, falls behind or loses requests (at most 31 %)."
    )


def test_a_fleet_held_down_by_retries_is_told_so_and_what_helps():
    assert (
        "what is asked of it would fill 50 % of it, but clients send 2.7 attempts for each request,"
        " and 90 % of the work serves nobody. A retry budget"
    ) in " ".join(shown(**DOWN).split())
    for harmless in (
        {"retry_amplification": 1.2},  # few retries
        {"wasted_work_share": 0.2},  # retries that are served
        {"offered_load": 1.2},  # too small a fleet, whatever clients do
    ):
        assert "hold the fleet down" not in shown(**DOWN | harmless)


def test_no_number_is_parted_from_its_unit_at_the_end_of_a_line():
    for share in range(1, 100):
        assert not re.search(r"\d\n%", shown(**DOWN | {"unanswered_share": share / 100}))


# Progress -------------------------------------------------------------------------------------


def test_without_a_terminal_there_is_a_line_now_and_then_and_none_in_a_short_run(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    with progress_bar(10, None, shown=True) as progress:
        progress([1, 2], 10)
    assert stderr.getvalue() == ""
    times = iter([0.0, 1.0, 2.0, 2.0, 6.9, 7.0, 7.0])  # the first after 2 s, then every 5
    every = partial(Pulse, clock=lambda: next(times), first_s=2.0, every_s=5.0)
    monkeypatch.setattr("sim.montecarlo.pulse.Pulse", every)
    monkeypatch.setattr("sim.report.progress.so_far", lambda sample, goal: "so far")
    with progress_bar(10, None, shown=True) as progress:
        for worlds in (1, 2, 3, 4):
            progress([0] * worlds, 10)
    assert stderr.getvalue().splitlines() == [
        "sim: interim, 2 of 10 worlds · so far",
        "sim: interim, 4 of 10 worlds · so far",
    ]


def test_what_takes_long_is_told_of_more_and_more_seldom():
    """A study of an hour that has something to say every second: 140 lines, and not 720."""
    now_s, said = 0.0, []
    pulse = Pulse(lambda text: said.append(now_s), lambda: now_s, 0.0, 5.0)
    for second in range(3600):
        now_s = float(second)
        pulse.tell(lambda: "")
    gaps = np.diff(said)
    assert said[0] == 0.0
    assert set(gaps[np.array(said[:-1]) < 50.0]) == {5.0}
    assert (np.diff(gaps) >= 0).all()
    assert gaps[-1] == 30.0
    assert 125 <= len(said) <= 145


def test_steps_of_a_study_are_lines_on_a_terminal_and_now_and_then_in_a_log(monkeypatch):
    said = []
    monkeypatch.setattr("sim.montecarlo.pulse.EVERY_S", 1e6)
    advice = SimpleNamespace(say=said.append)
    for is_terminal, expected in ((False, ["0"]), (True, list(map(str, range(40))))):
        said.clear()
        monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda found=is_terminal: found))
        tell = _progress(advice)
        for step in range(40):
            tell(str(step))
        assert said == expected


def test_where_no_world_has_ended_in_two_seconds_that_is_said(monkeypatch):
    assert Pulse.__init__.__defaults__[1:] == (None, None)  # then those of the module
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    monkeypatch.setattr("sim.montecarlo.pulse.FIRST_S", 0.0)
    with progress_bar(10, None, shown=True):
        for _ in range(2000):
            if stderr.getvalue():
                break
            time.sleep(0.005)
    assert stderr.getvalue() == "sim: interim, none of 10 worlds has ended yet\n"


def test_nothing_is_said_where_nothing_is_to_be_shown():
    with progress_bar(10, None, shown=False) as progress:
        assert progress is None


def test_a_terminal_gets_a_bar_with_the_estimate_so_far(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setitem(SHOWN, "e2e_p95_s", "p95 answer")  # all that such a world has
    with progress_bar(20, None, shown=True) as progress:
        run(FakeScenario(), 20, jobs=1, replicate=fake_replication.replicate, progress=progress)
    assert "20/20" in screen.getvalue()
    assert "p95 answer" in screen.getvalue()


def test_the_estimate_so_far_has_its_interval():
    sample = Sample()
    for world in range(10):
        figures = {"peak_hour_ttft_p95_s": 1.0 + world, "cost_usd_per_month": 100.0}
        sample.add_row(world, "stable", figures, {})
    waits = "p95 first token, worst hour 5.50 s (2.00 … 9.00)"
    assert so_far(sample) == f"cost a month 100.00 USD · {waits}"
