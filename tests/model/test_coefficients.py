"""Coefficients of profiles by name, and their joint error."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog import profile
from sim.model.coefficients import drawn, is_coefficient, moved, step_base
from sim.model.joint_error import JointError, SimulatedError

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


def drawn_steps(error, base_s, batch=(1, 4, 16, 64), worlds=400):
    """(worlds, batches) of a(B), and c, of a profile with these coefficients and their error."""
    profile = replace(LLAMA, batch=batch, step_base_s=base_s, joint_error=error,
                      step_s_per_kv_token=(LLAMA.step_s_per_kv_token[0],) * len(batch))  # fmt: skip
    rng = np.random.default_rng(2)
    along = rng.standard_normal((worlds, error.directions.shape[1]))
    found = [drawn(profile, each) for each in along]
    steps = np.array([each.step_base_s for each in found])
    return steps / base_s, np.array([each.step_s_per_kv_token[0] for each in found])


def test_a_step_of_which_little_is_known_gives_way_to_those_that_are_known():
    """Nobody measured a batch of one: a wide error of it must not make all others slower."""
    names = [step_base(batch) for batch in (1, 4, 16, 64)]
    error = JointError.of(names, np.diag([1.0, 0.02, 0.02, 0.02]) ** 2)
    steps, _ = drawn_steps(error, (0.010, 0.011, 0.012, 0.015))
    assert np.abs(np.log(steps[:, 1:])).max() < 5 * 0.02
    assert steps[:, 0].min() < 0.2  # it stays as uncertain as it was, but for what cannot be
    assert (steps[:, 0] <= steps[:, 1] * 1.1 + 1e-12).all()


def test_a_step_between_two_that_are_known_lies_between_them():
    names = [step_base(batch) for batch in (1, 4, 16, 64)]
    error = JointError.of(names, np.diag([0.01, 1.0, 1.0, 0.01]) ** 2)
    base_s = (0.010, 0.010, 0.011, 0.012)
    steps, _ = drawn_steps(error, base_s)
    assert np.abs(np.log(steps[:, [0, 3]])).max() < 5 * 0.01
    inner = steps[:, 1:3] * base_s[1:3]
    assert (inner > 0.0095).all() and (inner < 0.0126).all()


def test_where_an_entry_gives_way_what_goes_with_it_does_too():
    """a(64) and c are known by their sum: where a(64) may not be so low, c is not so high."""
    names = (step_base(16), step_base(64), "step_ns_per_kv_token")
    covariance = np.array([[1e-6, 0, 0], [0, 0.04, -0.0399], [0, -0.0399, 0.04]])
    steps, c = drawn_steps(JointError.of(names, covariance), (0.01, 0.01, 0.01, 0.01))
    gone = np.log(steps[:, 3]) + np.log(c / LLAMA.step_s_per_kv_token[0])
    assert (steps[:, 3] >= 0.99).all()
    assert np.abs(gone).max() < 6 * np.sqrt(0.0002)


@settings(max_examples=40)
@given(st.lists(st.floats(-4, 4), min_size=4, max_size=4), st.lists(st.floats(0.001, 2), min_size=4,
       max_size=4), st.lists(st.floats(0, 0.3), min_size=3, max_size=3))  # fmt: skip
def test_no_draw_has_steps_that_become_shorter_with_the_batch(along, sd, rises):
    names = [step_base(batch) for batch in (1, 4, 16, 64)]
    error = JointError(tuple(names), tuple(sd), ((0.3,), (0.0, -0.4), (0.1, 0.0, 0.8)))
    base_s = tuple(0.01 * np.exp(np.cumsum([0, *rises])))
    profile = replace(LLAMA, batch=(1, 4, 16, 64), step_base_s=base_s, joint_error=error,
                      step_s_per_kv_token=(1e-9,) * 4)  # fmt: skip
    there = drawn(profile, along[: error.directions.shape[1]])
    assert (np.diff(there.step_base_s) >= 0).all()
    assert all(np.isfinite(there.step_base_s))


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


def test_errors_of_which_some_were_not_measured_are_equal_in_another_process():
    error = SimulatedError(ttft=0.1, tpot=0.02)
    again = pickle.loads(pickle.dumps(error))
    assert again == error and hash(again) == hash(error)
    assert error != SimulatedError(ttft=0.1) and error != 0.1
