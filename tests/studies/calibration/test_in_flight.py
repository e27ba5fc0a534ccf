"""How many steps an engine has in flight: by its version, by hand, or by what the runs show."""

from dataclasses import replace

import numpy as np
import pytest
from measured_runs import KNOWN, closed, open_loop

from sim.errors import MeasurementError
from sim.studies.calibration import Given
from sim.studies.calibration.in_flight import by_version, judged
from sim.studies.calibration.study import fit_of, problem_of

TWO = replace(KNOWN, steps_in_flight=2)


def runs_of(profile):
    loops = [open_loop(profile, rate) for rate in (12.0, 20.0, 24.0)]
    return [closed(profile, 1, 512, 128), closed(profile, 32, 512, 128), *loops]


@pytest.mark.parametrize(
    ("engine", "versions", "steps"),
    [
        ("vllm", ["0.22.1"], 2),
        ("vLLM", ["v0.14.0", "0.15.1"], 2),
        ("vllm", ["0.13.0"], 1),
        ("vllm", ["0.13.0", "0.14.0"], 1),
        ("sglang", ["0.5.6.post1"], 2),
        ("sglang", ["0.3.6"], 1),
        ("trtllm", ["1.2.0rc6"], 2),
        ("trtllm", ["0.20.0"], 1),
        ("vllm", ["", ""], None),
        ("vllm", ["nightly"], None),
        ("another", ["3.0"], None),
    ],
)
def test_engines_have_two_since_the_version_that_made_it_the_default(engine, versions, steps):
    assert by_version(engine, versions) == steps


def test_the_hand_goes_before_the_version_and_the_version_before_one():
    run = closed(KNOWN, 8, 512, 128)
    later = replace(run, setup=replace(run.setup, engine="vllm", engine_version="0.22.1"))
    for given, runs, steps, is_known in (
        (Given(), [run], 1, False),
        (Given(), [later], 2, True),
        (Given(steps_in_flight=1), [later], 1, True),
        (Given(steps_in_flight=2), [run], 2, True),
        (Given(scheduler="prefill_first"), [later], 1, True),
    ):
        problem, engine = problem_of(runs, given)
        assert problem.start.steps_in_flight == steps
        assert engine.knows_steps is is_known
    with pytest.raises(MeasurementError, match="must be 1 with the scheduler prefill_first"):
        problem_of([run], Given(scheduler="prefill_first", steps_in_flight=2))


@pytest.fixture(scope="module")
def fit():
    """One step in flight, fitted to runs of an engine that has two."""
    return fit_of(runs_of(TWO), tried=1)[0]


def misfit(fit):
    """Root mean square of what figures are off, each by what it was known to before any fit."""
    residuals = fit.problem.unweighed.of_figures([fit.x])[0]
    return float(np.sqrt((residuals**2).mean()))


def test_runs_of_a_busy_open_loop_show_two(fit):
    verdict = judged(fit, is_known=False)
    assert verdict.words == "two steps in flight, as the runs show"
    assert verdict.fit.profile.steps_in_flight == 2
    assert misfit(verdict.fit) < misfit(fit)


def test_what_is_said_holds_and_the_runs_are_heard(fit):
    verdict = judged(fit, is_known=True)
    assert verdict.fit is fit
    assert verdict.words == (
        "one step in flight, as is said, but the runs fit better with 2 (--steps-in-flight 2)"
    )


def test_a_lone_user_shows_nothing_of_it():
    fit = fit_of([closed(TWO, 1, 512, 128)], tried=1)[0]
    assert judged(fit, is_known=False).words == "the runs cannot tell one step in flight from 2"
