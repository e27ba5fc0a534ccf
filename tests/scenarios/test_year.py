"""The shipped year: some of its days are simulated, and every day is accounted for."""

import numpy as np
import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

A_TENTH = 2_500.0


def test_a_year_is_simulated_by_a_dozen_of_its_days():
    scenario = load_scenario(SHIPPED / "year.yaml")
    assert scenario.fidelity == "auto"
    middle = np.array([0.5])
    draws = {each.path: float(each.distribution.ppf(middle)[0]) for each in scenario.inputs}
    draws["workloads.chat.arrivals.requests_per_day"] = A_TENTH
    design = scenario.design(draws)
    found = replicate(scenario, 0, 0, draws)
    figures = found.metrics
    assert 9 <= figures["simulated_days"] <= 14
    assert figures["simulated_requests"] < 0.06 * figures["requests"]
    expected = design.workloads[0].source.curve.expected(0.0, 365 * 86_400.0)
    # The world's own swings of the rate, and the chance of single days: 3 % is five of their
    # standard deviations.
    assert figures["requests"] == pytest.approx(expected, rel=0.03)
    assert len(found.timeline["load_rps"]) == 365 * 24
    launch = found.timeline["load_rps"][100 * 24 : 102 * 24].mean()
    before = found.timeline["load_rps"][93 * 24 : 95 * 24].mean()
    assert launch > 2.0 * before
