"""A benchmark is simulated as it was run."""

from dataclasses import replace

import numpy as np
import pytest
from measured_runs import KNOWN, closed, measured, open_loop

from sim.errors import PeakfleetError
from sim.model.measured import ClosedLoop, Drive, Ended, OpenLoop, Tokens
from sim.studies.calibration.lengths import planned_lengths
from sim.studies.calibration.replay import replay, replays
from sim.studies.calibration.script import script


def test_a_run_replayed_under_the_law_that_made_it_is_the_run():
    for run in (closed(KNOWN, 8, 512, 128), open_loop(KNOWN, 5.0)):
        again = replay(KNOWN, script(run))
        assert run.requests is not None
        for name in ("sent_s", "ttft_s", "e2e_s"):
            expected = getattr(run.requests, name)
            assert getattr(again, name) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def in_flight(log):
    """Requests that each one finds when it is sent, and itself."""
    left_s = np.sort(np.where(np.isnan(log.e2e_s), np.inf, log.last_s))
    answered = np.searchsorted(left_s, log.sent_s, side="right")
    return np.arange(1, len(log) + 1) - answered


def limited(rate, most, requests=200, seed=0):
    """An open loop whose client holds requests back, as it is seen."""
    run = open_loop(KNOWN, rate, requests)
    drive = replace(run.drive, loop=OpenLoop(rate, 1.0, most))
    return measured(KNOWN, "limited", drive, 0.0, seed)


def test_a_client_holds_requests_back_beyond_its_most_in_flight():
    run = limited(100.0, 8)
    assert in_flight(run.requests).max() == 8
    assert (in_flight(run.requests)[50:] >= 7).all()  # it is asked far more than 8 give
    free = open_loop(KNOWN, 100.0, 200)
    assert in_flight(free.requests).max() > 40
    assert np.median(run.requests.ttft_s) < 0.5 * np.median(free.requests.ttft_s)


def test_a_limit_that_is_never_reached_changes_nothing():
    free, wide = open_loop(KNOWN, 5.0), limited(5.0, 10_000, requests=300)
    assert wide.requests.e2e_s.tolist() == free.requests.e2e_s.tolist()


def test_a_client_that_was_always_at_its_limit_is_a_closed_loop():
    """Asked far beyond what it lets through, it sends whenever an answer has come."""
    run = limited(10_000.0, 8)
    loop = replace(run, drive=replace(run.drive, loop=ClosedLoop(8)))
    again, users = replay(KNOWN, script(run)), replay(KNOWN, script(loop))
    assert again.e2e_s == pytest.approx(users.e2e_s, rel=0.02)


def test_a_faster_engine_is_asked_sooner_by_a_client_at_its_limit():
    """Its table shows only when requests were sent, after they had been held back."""
    run = limited(100.0, 8)
    quick = replace(KNOWN, step_base_s=tuple(each / 4 for each in KNOWN.step_base_s))
    assert replay(KNOWN, script(run)).sent_s == pytest.approx(run.requests.sent_s, rel=0.02)
    assert replay(quick, script(run)).sent_s[-1] < 0.7 * run.requests.sent_s[-1]


def test_a_run_limited_by_time_asks_a_faster_engine_more():
    run = closed(KNOWN, 8, 512, 128, requests=400)
    drive = replace(run.drive, requests=None, duration_s=5.0)
    run = measured(KNOWN, "timed", drive, 0.0, 0)
    run = replace(run, completed=len(run.requests))
    quick = replace(KNOWN, step_base_s=tuple(each / 2 for each in KNOWN.step_base_s))
    again, faster = replay(KNOWN, script(run)), replay(quick, script(run))
    assert again.sent_s.max() < 5.0 < again.last_s.max()
    assert faster.sent_s.max() < 5.0
    assert len(faster) > 1.3 * len(again)


def test_a_run_of_few_requests_is_not_made_longer():
    run = closed(KNOWN, 32, 512, 128, requests=48)
    assert len(replay(KNOWN, script(replace(run, requests=None)))) == 48


def test_runs_on_one_clock_do_not_touch_each_other():
    scripts = [script(closed(KNOWN, users, 512, 128)) for users in (1, 32)]
    together = replays([(KNOWN, each) for each in scripts])
    for one, log in zip(scripts, together, strict=True):
        alone = replay(KNOWN, one)
        assert alone.sent_s.tolist() == log.sent_s.tolist()
        assert alone.e2e_s.tolist() == log.e2e_s.tolist()


def test_users_of_a_closed_loop_are_never_more_than_there_are():
    log = replay(KNOWN, script(closed(KNOWN, 8, 512, 128)))
    moments = np.sort(log.sent_s)
    busy = (log.sent_s <= moments[:, None]) & (log.sent_s + log.e2e_s > moments[:, None])
    assert busy.sum(axis=1).max() == 8


def test_a_closed_loop_keeps_the_interactive_response_time_law():
    """N = X·(R + Z) (Denning and Buzen 1978), while all users are there."""
    run = closed(KNOWN, 8, 512, 128, requests=800)
    run = replace(run, drive=replace(run.drive, loop=ClosedLoop(8, think_s=0.5)), requests=None)
    log = replay(KNOWN, script(run))
    during = log.last_s < 0.9 * log.last_s.max()
    answers_per_s = during.sum() / log.last_s[during].max()
    assert answers_per_s * (log.e2e_s[during].mean() + 0.5) == pytest.approx(8, rel=0.02)


def test_a_run_that_was_cut_is_cut():
    run = closed(KNOWN, 8, 512, 128)
    run = replace(run, drive=replace(run.drive, ending="cut", duration_s=3.0))
    log = replay(KNOWN, script(run))
    assert (log.ended == Ended.CUT).sum() == 8
    assert np.nanmax(log.last_s) <= 3.0
    assert log.sent_s.max() <= 3.0


def test_answers_that_were_cut_are_planned_at_least_as_long_as_they_came():
    run = closed(KNOWN, 8, 512, 128)
    assert run.requests is not None
    ended = run.requests.ended.copy()
    ended[-8:] = Ended.CUT
    output = run.requests.output_tokens.copy()
    output[-8:] = 100
    cut = replace(run, requests=replace(run.requests, ended=ended, output_tokens=output))
    _, planned = planned_lengths(cut, 0)
    assert (planned[-8:] >= 100).all()
    assert planned[-8:].mean() > 110


@pytest.mark.parametrize(
    ("law", "mean", "low", "high"),
    [
        (Tokens("fixed", 100.0), 100, 100, 100),
        (Tokens("uniform", 90.0, low=80.0, high=100.0), 90, 80, 100),
        (Tokens("normal", 100.0, 10.0), 100, 60, 140),
        (Tokens("lognormal", 100.0, 50.0), 100, 20, 500),
    ],
)
def test_lengths_are_drawn_as_the_benchmark_was_told(law, mean, low, high):
    drive = Drive(ClosedLoop(4), requests=400, prompt_tokens=law, output_tokens=law)
    run = replace(closed(KNOWN, 4, 64, 16), drive=drive, requests=None)
    prompt, output = planned_lengths(run, 400)
    assert prompt.mean() == pytest.approx(mean, rel=0.01)
    assert low <= output.min() <= output.max() <= high
    assert law.law == "fixed" or prompt.tolist() != output.tolist()


def test_a_cached_share_of_prompts_is_cached_in_the_replay():
    run = closed(KNOWN, 4, 4096, 32)
    assert run.requests is not None
    cached = 0.75 * run.requests.input_tokens
    warm = replace(run, requests=replace(run.requests, cached_tokens=cached))
    cold_s, warm_s = (np.median(replay(KNOWN, script(each)).ttft_s) for each in (run, warm))
    assert warm_s < 0.6 * cold_s


def test_a_run_that_does_not_say_how_it_was_driven_is_refused():
    run = replace(closed(KNOWN, 4, 64, 16), requests=None)
    with pytest.raises(PeakfleetError, match="concurrency or the rate"):
        script(replace(run, drive=replace(run.drive, loop=None)))
    with pytest.raises(PeakfleetError, match="input tokens"):
        script(replace(run, drive=replace(run.drive, prompt_tokens=None)))
