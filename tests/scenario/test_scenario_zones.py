"""Zones of a scenario: what they compile to, and what they cannot mean."""

import pytest
from scenario_documents import MINIMAL, only_problem, written

from sim.errors import ScenarioError
from sim.model.distributions import Constant, Exponential
from sim.model.zones import Zones
from sim.scenario import load_scenario

POOL = "backends.large"
COLD = f"{POOL}.cold_start=3min"
A_TO_C = "names: [a, b, c]"
PLANNED = "planned: [{zone: b, start: 2h, duration: 30min}]"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def test_every_key_reaches_the_design(minimal):
    keys = "gap: {exponential: {mean: 30d}}, duration: 1h"
    scenario = load_scenario(minimal, (COLD, f"zones={{{A_TO_C}, {keys}, {PLANNED}}}"))
    (pool,) = scenario.typical_design().pools
    law = Zones(
        ("a", "b", "c"), Exponential(30 * 86_400.0), Constant(3_600.0), (("b", 7_200.0, 9_000.0),)
    )
    assert pool.failures.zones == law
    assert pool.moves
    again = load_scenario(written(minimal.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.typical_design().pools[0].failures == pool.failures


def test_a_pool_may_be_in_some_of_them(minimal):
    zones = f"zones={{{A_TO_C}, {PLANNED}}}"
    scenario = load_scenario(minimal, (COLD, zones, f"{POOL}.zones=[c]"))
    assert scenario.typical_design().pools[0].failures.zones.names == ("c",)


def test_a_moment_is_a_time_from_the_start(minimal):
    zones = "zones={names: [a], planned: [{zone: a, start: 2026-01-05T06:00, duration: 1h}]}"
    scenario = load_scenario(minimal, (COLD, zones))
    (outage,) = scenario.typical_design().pools[0].failures.zones.planned
    assert outage == ("a", 21_600.0, 25_200.0)


def test_without_zones_nothing_moves(minimal):
    (pool,) = load_scenario(minimal).typical_design().pools
    assert pool.failures.zones is None and not pool.moves


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([f"zones={{{PLANNED}}}"], "zones.names: is missing"),
        (
            [f"zones={{names: [], {PLANNED}}}"],
            "zones.names: is empty, must have at least one entry",
        ),
        (
            [f"zones={{{A_TO_C}}}"],
            "zones: has neither outages by chance nor planned ones (add gap and duration, or "
            "planned: [{zone: a, start: 2h, duration: 1h}])",
        ),
        ([f"zones={{{A_TO_C}, gap: 30d}}"], "zones: has no duration beside it (add duration)"),
        ([f"zones={{{A_TO_C}, duration: 1h}}"], "zones: has no gap beside it (add gap)"),
        (
            [f"zones={{names: [a, c], {PLANNED}}}"],
            "zones.planned.0.zone: 'b' is no zone (one of a, c)",
        ),
        (
            [f"zones={{names: [a, {{name: b}}], {PLANNED}}}"],
            "zones.names.1: a mapping must be a text",
        ),
        (
            [f"zones={{{A_TO_C}, {PLANNED}}}", f"{POOL}.zones=[a, [b]]"],
            f"{POOL}.zones.1: a list of 1 must be a text",
        ),
        (
            [f"zones={{{A_TO_C}, {PLANNED}}}", f"{POOL}.zones=[a, null]"],
            f"{POOL}.zones.1: is empty (give a value or remove the entry)",
        ),
        (
            [f"zones={{names: [b, a, b], {PLANNED}}}"],
            "zones.names.2: 'b' is there twice (remove one)",
        ),
        (
            [f"zones={{names: [east-1, b], {PLANNED}}}", f"{POOL}.zones=[east1]"],
            f"{POOL}.zones.0: 'east1' is no zone (did you mean 'east-1'?)",
        ),
        (
            [f"zones={{{A_TO_C}, {PLANNED}}}", f"{POOL}.zones=[a, a]"],
            f"{POOL}.zones.1: 'a' is there twice (remove one)",
        ),
        (
            [f"{POOL}.zones=[a]"],
            f"{POOL}.zones: has no meaning without zones at the top (add zones: {{names: [a, b], "
            "planned: [{zone: a, start: 2h, duration: 1h}]})",
        ),
        (
            [f"zones={{{A_TO_C}, planned: [{{zone: a, start: 2h}}]}}"],
            "zones.planned.0.duration: is missing",
        ),
    ],
)
def test_what_zones_cannot_mean_is_one_line(minimal, overrides, expected):
    assert only_problem(minimal, (COLD, *overrides)) == expected


@pytest.mark.parametrize("scaler", [(), (f"{POOL}.autoscaler=none",)])
def test_lost_replicas_need_a_cold_start(minimal, scaler):
    with pytest.raises(ScenarioError, match=r"cold_start: is missing, and lost replicas are repl"):
        load_scenario(minimal, (f"zones={{{A_TO_C}, {PLANNED}}}", *scaler))


@pytest.mark.parametrize(("start", "when"), [("5d", "5d"), ("-2h", "-2h")])
def test_a_planned_outage_beyond_the_horizon_is_advised_on(minimal, start, when):
    def advice(start):
        planned = f"planned: [{{zone: b, start: {start}, duration: 1h}}]"
        found = load_scenario(minimal, (COLD, f"zones={{{A_TO_C}, {planned}}}")).warnings
        return [each for each in found if each.startswith("zones.planned")]

    said = f"zones.planned: the outage of b at {when} lies outside of the horizon, and makes no"
    assert advice(start) == [f"{said} difference"]
    assert advice("2h") == []
