"""How well coefficients are known where a(B) hardly rises: entries that only walls hold apart."""

from dataclasses import replace

import numpy as np
import pytest
from measured_runs import KNOWN, closed

from sim.model.coefficients import drawn
from sim.model.joint_error import JointError
from sim.studies.calibration.certainty import concluded, together, weighed
from sim.studies.calibration.study import problem_of

FLAT = replace(KNOWN, step_base_s=(10e-3, 10e-3, 10e-3, 10e-3))
SWEEP = ((8, 512, 128), (32, 512, 128), (128, 512, 128), (8, 6000, 64))


@pytest.fixture(scope="module")
def problem():
    """Of an engine whose steps take as long for any batch, measured from 8 users on."""
    return problem_of([closed(FLAT, *each) for each in SWEEP])[0]


@pytest.fixture(scope="module")
def fit(problem):
    return concluded(problem, problem.point(FLAT), 0.0)


def test_entries_of_one_height_move_together(problem):
    moves = together(problem, problem.point(FLAT))
    steps = [at for at, name in enumerate(problem.names) if "@" in name]
    assert moves.shape == (len(problem.names), len(problem.names) - len(steps) + 1)
    assert moves[steps].sum(axis=0).max() == len(steps) == 4
    assert (moves.sum(axis=1) == 1).all()
    rising = replace(FLAT, step_base_s=(6e-3, 7e-3, 7.02e-3, 9e-3))
    assert together(problem, problem.point(rising)).sum(axis=0).max() == 2


def test_what_entries_of_one_height_have_in_common_is_told_by_the_data(fit):
    sd = dict(zip(fit.problem.names, np.sqrt(np.diag(fit.covariance)), strict=True))
    assert max(sd[f"step_base_ms@{batch}"] for batch in (8, 32, 128)) < 0.05
    assert sd["step_base_ms@1"] > 0.5  # no run had fewer than 8 users


def test_worlds_keep_to_what_was_measured(fit):
    """Steps of measured batches, drawn from the joint error, stay where they were measured."""
    profile = replace(fit.profile, joint_error=JointError.of(fit.problem.names, fit.covariance))
    rng = np.random.default_rng(1)
    count = profile.joint_error.directions.shape[1]
    draws = [drawn(profile, rng.standard_normal(count)) for _ in range(200)]
    ratios = np.array([each.step_base_s for each in draws]) / FLAT.step_base_s
    assert np.abs(ratios[:, 1:] - 1).max() < 0.06
    assert np.quantile(ratios[:, 0], 0.05) < 0.4 and ratios[:, 0].max() < 1.06


def test_figures_are_weighed_as_the_fit_shows_them(problem):
    """A law that fits to within a per cent knows its figures better than noisy machines allow."""
    x = problem.point(FLAT)
    seen = weighed(problem, x)
    plain, own = problem.all_figures, seen.all_figures
    assert max(after.scale / each.scale for each, after in zip(plain, own, strict=True)) < 0.8
    assert all(after.floor == before.floor for before, after in zip(plain, own, strict=True))
    again = seen.unweighed.residuals(x)
    assert again == pytest.approx(problem.residuals(x), abs=0)
