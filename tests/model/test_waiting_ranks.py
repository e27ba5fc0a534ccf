"""What ranks lose in waiting for each other, by the formula and by drawing steps."""

from dataclasses import replace

import numpy as np
import pytest

from sim.model.lockstep import Steps, waiting_factor


def steps(prompts: float, cv2: float = 1.0, base_s: float = 1.0, are_apart: bool = False) -> Steps:
    """A step of 1 s that decodes, and prompts of 2 s, of which a step has up to 1,000."""
    figures = (1.0, base_s, prompts, 2.0, cv2, 2000.0, 0.0)
    return Steps(*(np.array([figure]) for figure in figures), are_apart=are_apart)


def drawn(what: Steps, ranks: int) -> float:
    """The same of many steps, with gamma prompts."""
    rng = np.random.default_rng(7)
    (lam,), (cv2,), (base_s,) = what.prompts, what.prompt_cv2, what.base_s
    shape = (400_000 // ranks, ranks)
    count = rng.poisson(lam, shape)
    added_s = rng.gamma(np.maximum(count, 1) / cv2, 2.0 * cv2) * (count > 0)
    times_s = 1.0 + added_s
    if what.are_apart:
        any_prompt = 1 - np.exp(-lam)
        some = rng.poisson(lam, 20 * shape[0] * ranks)
        some = np.resize(some[some > 0], shape)
        with_prompts_s = base_s + rng.gamma(some / cv2, 2.0 * cv2)
        is_prompt = rng.random(shape) < any_prompt / (1 + any_prompt)
        times_s = np.where(is_prompt, with_prompts_s, 1.0)
    return float(times_s.max(axis=1).mean() / times_s.mean())


@pytest.mark.parametrize("are_apart", [False, True])
@pytest.mark.parametrize("prompts", [0.02, 0.3, 3.0])
@pytest.mark.parametrize("ranks", [2, 8])
def test_ranks_wait_as_long_as_drawn_steps_say(ranks: int, prompts: float, are_apart: bool) -> None:
    """A gamma in place of a sum of them, and chance, leave 4 %."""
    what = steps(prompts, base_s=0.5 if are_apart else 1.0, are_apart=are_apart)
    assert waiting_factor(what, ranks)[0] == pytest.approx(drawn(what, ranks), rel=0.04)


def test_nobody_waits_alone_nor_without_prompts_nor_where_nothing_is_left_to_chance() -> None:
    assert waiting_factor(steps(0.3), 1).tolist() == [1.0]
    assert waiting_factor(steps(0.0), 8).tolist() == [1.0]
    assert waiting_factor(replace(steps(0.3), budget_used=np.ones(1)), 8).tolist() == [1.0]
    assert waiting_factor(replace(steps(0.3), prompt_s=np.zeros(1)), 8).tolist() == [1.0]


def test_more_ranks_wait_longer_and_never_longer_than_they_are_many() -> None:
    factors = [waiting_factor(steps(0.2), ranks)[0] for ranks in (1, 2, 4, 8, 16, 64)]
    assert np.all(np.diff(factors) > 0)
    assert np.all(factors <= np.array([1, 2, 4, 8, 16, 64]))


def test_each_part_of_the_work_has_its_own() -> None:
    both = Steps(
        *(np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([0.0, 0.3])),
        *(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.array([9.0, 2000.0]), np.zeros(2)),
        are_apart=False,
    )
    assert waiting_factor(both, 4).tolist() == [1.0, waiting_factor(steps(0.3), 4)[0]]
