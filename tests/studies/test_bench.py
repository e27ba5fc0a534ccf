"""The bench of the studies: no world twice, and counts that say so."""

from dataclasses import replace

import pytest
from scenario_documents import MINIMAL, written

from sim.montecarlo import replication
from sim.montecarlo.draws import draw_worlds
from sim.scenario import load_scenario
from sim.studies.bench import Bench


@pytest.fixture
def scenario(tmp_path):
    return load_scenario(written(tmp_path, MINIMAL), ["horizon.days=0.01"])


@pytest.fixture
def simulated(monkeypatch):
    """Worlds in the order in which they are simulated."""
    real, worlds = replication.replicate, []

    def noted(scenario, seed, world, draws, record_requests=False):
        worlds.append(world)
        return real(scenario, seed, world, draws, record_requests)

    monkeypatch.setattr(replication, "replicate", noted)
    return worlds


def test_more_worlds_are_those_that_are_missing(scenario, simulated):
    bench = Bench(1)
    bench.run(scenario, 2)
    bench.run(scenario, 5)
    assert bench.run(scenario, 3).sample.values("requests").size == 5
    assert simulated == [0, 1, 2, 3, 4]
    assert bench.worlds == 5
    assert bench.requests == bench.values(scenario, "requests", 5).sum()


def test_an_extended_run_is_the_whole_one(scenario):
    grown, whole = Bench(1), Bench(1)
    grown.run(scenario, 2)
    assert grown.run(scenario, 4).summary == whole.run(scenario, 4).summary
    assert grown.run(scenario, 4).exports == whole.run(scenario, 4).exports


def marked(scenario, mark):
    """Another scenario to whom looks at its document, with the same design in every world."""
    return replace(scenario, document={**scenario.document, "mark": mark})


def test_what_two_scenarios_have_alike_is_simulated_once(scenario, simulated):
    bench, alone = Bench(1), Bench(1)
    bench.run(marked(scenario, 1), 3)
    twin = bench.run(marked(scenario, 2), 5)
    assert simulated == [0, 1, 2, 3, 4]
    assert bench.worlds == 5
    assert twin.sample.frame().equals(alone.run(scenario, 5).sample.frame())
    for world in range(5):
        one, other = twin.sample.timelines, alone.run(scenario, 5).sample.timelines
        for name, column in one.timeline(world).items():
            assert column.tobytes() == other.timeline(world)[name].tobytes()


def test_a_world_with_another_design_or_other_luck_is_simulated(scenario, simulated, tmp_path):
    bench = Bench(1)
    bench.run(scenario, 2, seed=1)
    bench.run(scenario, 2, seed=2)
    bench.run(load_scenario(written(tmp_path, MINIMAL), ["horizon.days=0.02"]), 2, seed=1)
    assert simulated == [0, 1] * 3


def test_probed_worlds_are_not_simulated_again(scenario, simulated):
    bench = Bench(1)
    probed = bench.probe(scenario, [1, 3], scenario.seed)
    whole = bench.run(scenario, 4)
    assert simulated == [1, 3, 0, 2]
    assert bench.worlds == 4
    assert whole.sample.values("requests")[[1, 3]].tolist() == (
        probed.sample.values("requests").tolist()
    )


def test_given_values_are_simulated_as_they_are(scenario, simulated):
    bench = Bench(1)
    bench.run(scenario, 2)
    bench.at(scenario, draw_worlds(scenario.inputs, scenario.seed, 2), 2, scenario.seed)
    assert simulated == [0, 1, 0, 1]
