"""A stretch of a horizon as a horizon of its own: what is told by the clock moves along."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenario_documents import MINIMAL

from sim.model.arrivals import RateCurve
from sim.model.distributions import Constant
from sim.model.later import later
from sim.model.managed import Budget, Incident, ManagedApi, Outages, Pace
from sim.model.streams import Streams
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import Written

DAY_S = 86_400.0
HORIZON = "horizon.days=40"


def year(*changes):
    document = Written(MINIMAL, "year.yaml", Path(), has_lines=True)
    return load_scenario(document, [HORIZON, *changes]).typical_design()


@given(st.integers(0, 10**6), st.floats(0.0, 90.0), st.floats(0.1, 9.0))
def test_a_later_curve_expects_what_the_whole_one_does(seed, by_s, length_s):
    rng = np.random.default_rng(seed)
    edges = np.concatenate([[-10.0, 0.0], np.sort(rng.uniform(0.1, 99.0, 20)), [100.0]])
    curve = RateCurve(edges, rng.uniform(0.0, 3.0, len(edges) - 1))
    moved = curve.later(by_s, -5.0, length_s)
    assert (moved.start_s, moved.end_s) == (-5.0, length_s)
    for start, end in [(-5.0, 0.0), (0.0, length_s), (-2.5, length_s / 2)]:
        expected = curve.expected(start + by_s, end + by_s)
        assert moved.expected(start, end) == pytest.approx(expected, abs=1e-9)


def test_growth_of_prompts_goes_on_from_where_it_was():
    design = year("workloads.chat.context_creep_per_year=16", "workloads.chat.prompt_tokens=8000")
    window = later(design, 30 * DAY_S, 3600.0, DAY_S)
    streams = Streams(0, 0)

    def mean(of, end_s, from_s=0.0):
        blocks = of.workloads[0].source.blocks("chat", streams, from_s, end_s)
        return np.concatenate([block.prompt_tokens for block in blocks]).mean()

    there = mean(design, 31 * DAY_S, 30 * DAY_S)
    assert there == pytest.approx(8000 * 16 ** (30.5 / 365.25), rel=1e-3)
    assert mean(window, DAY_S) == pytest.approx(there, rel=1e-4)


def test_the_calendar_follows_the_start():
    design = year()
    window = later(design, 3 * DAY_S, 7200.0, DAY_S)
    assert window.horizon.start == design.horizon.start + timedelta(days=3)
    assert (window.horizon.warm_up_s, window.horizon.duration_s) == (7200.0, DAY_S)
    assert window.horizon.bin_s == design.horizon.bin_s


def test_outages_and_budgets_move_along():
    design = year()
    outages = Outages(
        planned=((5 * DAY_S, 5 * DAY_S + 60.0),),
        happened=(
            Incident(1.0 * DAY_S, 1.5 * DAY_S, 1.0, 1.0),
            Incident(4.9 * DAY_S, 5.1 * DAY_S, 0.3, 2.0),
        ),
    )
    pace = Pace(Constant(0.3), Constant(50.0))
    budget = Budget(10.0, (1 * DAY_S, 5 * DAY_S, 41 * DAY_S), spent_usd=4.0, per="day")
    api = ManagedApi("api", pace, outages=outages, budgets=(budget,))
    window = later(replace(design, managed=(api,)), 4.5 * DAY_S, 3600.0, DAY_S)
    moved = window.managed[0]
    assert moved.outages.planned == ((0.5 * DAY_S, 0.5 * DAY_S + 60.0),)
    (incident,) = moved.outages.happened  # the other one is over
    assert incident == pytest.approx((0.4 * DAY_S, 0.6 * DAY_S, 0.3, 2.0))
    (left,) = moved.budgets
    assert left.ends_s == (0.5 * DAY_S, 36.5 * DAY_S)
    assert left.spent_usd == 0.0
    assert later(replace(design, managed=(api,)), 0.0, 0.0, DAY_S).managed[0].budgets == (budget,)


@pytest.mark.parametrize(("by_s", "warm_up_s"), [(-DAY_S, 0.0), (39.5 * DAY_S, 0.0), (0.0, DAY_S)])
def test_a_stretch_lies_within_the_horizon(by_s, warm_up_s):
    with pytest.raises(ValueError, match="must"):
        later(year(), by_s, warm_up_s, DAY_S)


def test_parts_of_a_world_have_chance_of_their_own_but_what_is_for_life():
    streams = Streams(1, 2)
    one, other = streams.of_part("day/3"), streams.of_part("day/4")
    names = ("arrivals/chat/0", "crashes/large/1")
    for name in names:
        drawn = {round(float(each(name).random()), 12) for each in (streams, one, other)}
        assert len(drawn) == 3
    same = {float(each("stragglers/large/1").random()) for each in (streams, one, other)}
    assert len(same) == 1
