"""The bench of the studies: no world twice, and counts that say so."""

import pytest
from scenario_documents import MINIMAL, written

from sim.montecarlo import replication
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
