"""Coefficients of profiles by name, and their joint error."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog import profile
from sim.model.coefficients import drawn, is_coefficient, moved, step_base
from sim.model.joint_error import JointError

LLAMA = profile("llama-3.3-70b/h100-sxm/tp4/fp8/vllm")
NAMES = (step_base(LLAMA.batch[-1]), "step_ns_per_kv_token", "prefill_us_per_token")
COVARIANCE = np.array([[0.04, -0.036, 0.0], [-0.036, 0.04, 0.002], [0.0, 0.002, 0.0009]])


def test_a_coefficient_is_moved_by_its_logarithm_alone():
    there = moved(LLAMA, NAMES, (np.log(2.0), 0.0, np.log(0.5)))
    assert there.step_base_s[:-1] == LLAMA.step_base_s[:-1]
    assert there.step_base_s[-1] == pytest.approx(2 * LLAMA.step_base_s[-1])
    assert there.step_s_per_kv_token == pytest.approx(LLAMA.step_s_per_kv_token)
    assert there.prefill_s_per_token == pytest.approx(LLAMA.prefill_s_per_token / 2)


def test_steps_of_larger_batches_never_become_shorter():
    there = moved(LLAMA, (step_base(LLAMA.batch[0]),), (3.0,))
    assert (np.diff(there.step_base_s) >= 0).all()


def test_only_keys_of_the_file_are_coefficients():
    assert is_coefficient(NAMES[0], LLAMA)
    assert not is_coefficient("step_base_ms@7777", LLAMA)
    assert not is_coefficient("grade", LLAMA)


def test_draws_have_the_covariance_that_was_given():
    """Over a grid of normal quantiles in each direction: exact but for the grid's ends."""
    error = JointError.of(NAMES, COVARIANCE, digits=9)
    assert error.directions @ error.directions.T == pytest.approx(COVARIANCE, abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_a_draw_moves_each_coefficient_by_what_its_directions_add_up_to(along):
    error = JointError.of(NAMES, COVARIANCE)
    there = drawn(replace(LLAMA, joint_error=error), along)
    moves = error.directions @ along
    assert np.log(there.prefill_s_per_token / LLAMA.prefill_s_per_token) == pytest.approx(moves[2])


def test_what_trades_against_each_other_is_drawn_so():
    """A sum that the data know well stays where it is, however far its parts are off."""
    error = JointError.of(NAMES[:2], np.array([[0.04, -0.0399], [-0.0399, 0.04]]))
    along = np.random.default_rng(1).standard_normal((4000, 2))
    moves = along @ error.directions.T
    assert moves.std(axis=0) == pytest.approx([0.2, 0.2], rel=0.05)
    assert moves.sum(axis=1).std() == pytest.approx(np.sqrt(0.0002), rel=0.05)


@pytest.mark.parametrize(
    ("sd", "correlations", "rule"),
    [
        ((0.1,), ((0.5,),), "as many as the coefficients"),
        ((0.1, -0.1), ((0.5,),), "at least 0"),
        ((0.1, 0.1), (), "rows below the diagonal"),
        ((0.1, 0.1), ((1.5,),), "between -1 and 1"),
    ],
)
def test_errors_that_fit_nothing_are_refused(sd, correlations, rule):
    with pytest.raises(ValueError, match=rule):
        JointError(NAMES[:2], sd, correlations)


def test_correlations_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="contradict"):
        JointError(NAMES, (0.1, 0.1, 0.1), ((0.9,), (0.9, -0.9)))
