"""A benchmark is simulated as it was run."""

from dataclasses import replace

import numpy as np
import pytest
from measured_runs import KNOWN, closed, open_loop

from sim.errors import PeakfleetError
from sim.model.measured import ClosedLoop, Drive, Ended, OpenLoop, Tokens
from sim.studies.calibration.lengths import planned_lengths
from sim.studies.calibration.replay import replay, replays, script


def test_a_run_replayed_under_the_law_that_made_it_is_the_run():
    for run in (closed(KNOWN, 8, 512, 128), open_loop(KNOWN, 5.0)):
        again = replay(KNOWN, script(run))
        assert run.requests is not None
        if isinstance(run.drive.loop, OpenLoop):
            assert again.ttft_s == pytest.approx(run.requests.ttft_s, rel=1e-9)
        else:  # the lengths in the order of sending, not the same user's
            assert np.median(again.e2e_s) == pytest.approx(np.median(run.requests.e2e_s), rel=0.02)


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
