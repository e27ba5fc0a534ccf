"""What came with each uncertain input of a run: told where it is there, seldom where it is not."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim.model.distributions import Uniform
from sim.model.uncertain import UncertainInput
from sim.montecarlo.sample import Sample
from sim.studies.inputs import FEWEST, inputs, measures

VOLUME, PRICE, ERRORS = "workloads.chat.volume", "backends.large.price", "backends.large.error_"


def run_of(worlds, seed=0, parts=0, cost=lambda draws, noise: 100 * draws[VOLUME] + noise):
    """Worlds whose cost follows from what was drawn."""
    paths = [VOLUME, PRICE, *(f"{ERRORS}{number + 1}" for number in range(parts))]
    known = tuple(UncertainInput(path, Uniform(0.0, 1.0)) for path in paths)
    sample, rng = Sample(known), np.random.default_rng(seed)
    for world in range(worlds):
        draws = dict(zip(paths, rng.random(len(paths)).tolist(), strict=True))
        figures = {f"input.{path}": value for path, value in draws.items()}
        figures["cost_usd_per_month"] = cost(draws, rng.normal())
        figures["peak_hour_ttft_p95_s"] = 1.0
        sample.add_row(world, "stable", figures, {})
    return SimpleNamespace(
        sample=sample,
        scenario=SimpleNamespace(inputs=known),
        design=SimpleNamespace(workloads=()),
    )


def test_an_input_that_moves_a_figure_is_told_with_both_ends():
    found = {each.path: each for each in inputs(run_of(300))}
    (moved,) = found[VOLUME].effects
    assert moved.told
    # Medians of the lowest and the highest third of a uniform input: at a sixth and five sixths.
    assert (moved.low, moved.high) == pytest.approx((100 / 6, 500 / 6), abs=6)
    assert found[VOLUME].drawn == pytest.approx((0.05, 0.5, 0.95), abs=0.06)


def test_a_figure_that_is_the_same_in_all_worlds_is_not_looked_at():
    assert [each.metric for each in measures(run_of(40))] == ["cost_usd_per_month"]


def test_an_input_that_moves_nothing_is_told_in_one_run_of_twenty():
    """400 runs at a chance of 5 %: 9 to 33 are told in all but one of a thousand such tests."""
    told = 0
    for seed in range(400):
        price = next(each for each in inputs(run_of(40, seed)) if each.path == PRICE)
        told += price.effects[0].told
    assert 9 <= told <= 33


def test_parts_of_a_joint_error_share_one_chance():
    """Of 150 runs at most 17 are told, but in one of a thousand such tests."""
    told = 0
    for seed in range(150):
        joint = next(each for each in inputs(run_of(40, seed, 8)) if each.parts == 8)
        told += joint.effects[0].told
    assert told <= 17


def test_a_part_of_a_joint_error_that_moves_a_figure_is_the_one_that_is_shown():
    found = run_of(100, parts=4, cost=lambda draws, noise: 50 * draws[f"{ERRORS}3"] + noise)
    joint = next(each for each in inputs(found) if each.parts == 4)
    assert joint.path == "backends.large.error"
    assert joint.effects[0].told
    assert joint.effects[0].high > joint.effects[0].low + 20


def test_too_few_worlds_tell_no_effect():
    assert all(each.effects == () for each in inputs(run_of(FEWEST - 1)))
    assert all(each.effects for each in inputs(run_of(FEWEST)))
