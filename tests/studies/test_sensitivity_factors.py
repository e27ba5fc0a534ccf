"""Inputs that are learned together: one factor, with the index of the group."""

import numpy as np
import pytest
from scipy.special import ndtri

from sim.model.distributions import LogNormal, Normal
from sim.model.uncertain import UncertainInput
from sim.scenario import load_scenario
from sim.studies.bench import Bench
from sim.studies.sensitivity import CHANCE, sensitivity
from sim.studies.sensitivity.factors import columns, ends, factors
from sim.studies.sensitivity.sobol import Indices, indices, matrices

LAW, VOLUME = "backends.large.service", "workloads.chat.arrivals.requests_per_day"
SIGMAS = np.array([0.5, 0.3, 0.1])


def exact(sigmas: np.ndarray = SIGMAS) -> tuple[np.ndarray, np.ndarray]:
    """First and total indices of a product of lognormals, all but the last of them a group."""
    squared_cv = np.expm1(np.array([np.square(sigmas[:-1]).sum(), sigmas[-1] ** 2]))
    whole = np.prod(1 + squared_cv) - 1
    return squared_cv / whole, squared_cv * (whole + 1) / (1 + squared_cv) / whole


def found(rows: int, with_points: bool, sigmas: np.ndarray = SIGMAS, seed: int = 3) -> Indices:
    """The same, estimated."""
    rng = np.random.default_rng(seed)
    inputs = len(sigmas)
    a, b = matrices(rows, inputs, rng)
    parts = (tuple(range(inputs - 1)), (inputs - 1,))
    mixed = [np.where(np.isin(np.arange(inputs), part), b, a) for part in parts]
    values = [np.exp(ndtri(u) @ sigmas) for u in (a, b, *mixed, a)]
    points = (a, b) if with_points else None
    return indices(values[0], values[1], np.array(values[2:]), rng, 10, points, parts)


@pytest.mark.parametrize("with_points", [False, True])
def test_index_of_a_group_matches_the_closed_form(with_points: bool) -> None:
    first, total = exact()
    estimated = found(1024, with_points)
    assert estimated.first[:2] == pytest.approx(first, abs=0.03)
    assert estimated.total[:2] == pytest.approx(total, abs=0.03)
    assert estimated.total[2] == pytest.approx(0.0, abs=1e-9)  # no chance


def test_a_polynomial_of_all_inputs_takes_out_of_the_error_of_a_group() -> None:
    sigmas = np.array([0.05] * 6 + [0.1])
    first, _ = exact(sigmas)

    def error(with_points: bool) -> float:
        each = [found(64, with_points, sigmas, seed).first[:2] - first for seed in range(12)]
        return float(np.square(each).mean())

    assert error(True) < 0.5 * error(False)


def test_errors_of_a_law_are_one_factor_and_other_inputs_are_themselves() -> None:
    paths = [f"{LAW}.error_1", f"{LAW}.error_10", f"{LAW}.error_2", "a.b", "c.service.error_1"]
    learned = factors(UncertainInput(path, Normal(0.0, 1.0)) for path in paths)
    assert [each.path for each in learned] == [LAW, "a.b", "c.service.error_1"]
    assert columns(learned) == [(0, 1, 2), (3,), (4,)]
    assert np.isnan(learned[0].levels).all()
    assert learned[1].levels == pytest.approx((-1.2816, 1.2816), abs=1e-4)


def test_what_is_drawn_together_moves_a_figure_from_its_low_tenth_to_its_high_one() -> None:
    medians = np.arange(11.0)
    low, high = ends(medians, medians + np.linspace(-5.0, 5.0, 11), decision=False)
    assert (low - medians).tolist() == pytest.approx([-4.0] * 11)
    assert (high - medians).tolist() == pytest.approx([4.0] * 11)
    undefined = ends(medians, np.full(11, np.nan), decision=False)
    assert np.isnan(undefined).all()
    yes = np.ones(11)
    assert ends(yes, 1.0 - yes, decision=True)[1].tolist() == [0.0] * 11


def test_a_measured_law_costs_as_many_worlds_as_one_input() -> None:
    scenario = load_scenario(
        "scenarios/quickstart.yaml",
        [
            "horizon={duration: 30min, warm_up: 0}",
            f"{VOLUME}={{lognormal: {{p50: 20k, p95: 40k}}}}",
        ],
    )
    assert sum(each.path.startswith(LAW) for each in scenario.inputs) > 10
    answer = sensitivity(scenario, Bench(1), ["cost_usd_per_request", "e2e_p95_s"], rows=16)
    learned = factors(scenario.inputs)
    singles = len(learned) - 1
    assert answer.worlds == 16 * (len(learned) + 3) + 16 * (1 + 2 * singles + 1)
    table = answer.influences[1].factors.set_index("factor")
    assert set(table.index) == {each.path for each in learned} | {CHANCE}
    assert np.isnan(table.loc[LAW, "input_p10"])
    assert table.loc[LAW, "at_p10"] < table.loc[LAW, "at_p90"]
    assert f"{LAW} stands for" in answer.notes[0]


def test_the_volume_is_still_an_input_of_its_own() -> None:
    (volume,) = factors([UncertainInput(VOLUME, LogNormal.from_p50_p95(1.0, 2.0))])
    assert volume.path == VOLUME
    assert volume.levels[0] < 1.0 < volume.levels[1]
