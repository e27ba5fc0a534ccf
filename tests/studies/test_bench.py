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


LONG = ("horizon.days=30", "workloads.chat.arrivals.requests_per_day=40", "fidelity=auto")


def test_a_long_horizon_by_some_of_its_days_says_so_once_and_counts_what_it_simulated(tmp_path):
    said = []
    bench = Bench(1, advised=said.append)
    scenario = load_scenario(written(tmp_path, MINIMAL), LONG)
    found = bench.run(scenario, 2).sample
    bench.run(marked(scenario, 1), 3)
    assert bench.requests == pytest.approx(
        sum(bench.values(marked(scenario, 1), "simulated_requests", 3))
    )
    assert bench.requests < 0.9 * found.values("requests").mean() * 3
    (words,) = said
    assert words.startswith("of 30 days about ")


def test_why_every_day_is_simulated_is_told(tmp_path):
    said = []
    short = load_scenario(written(tmp_path, MINIMAL), ["horizon.days=0.01", "fidelity=auto"])
    Bench(1, advised=said.append).run(short, 2)
    (words,) = said
    assert words.endswith("its horizon is shorter than 28 days")


def test_a_world_by_some_of_its_days_is_not_the_exact_one(tmp_path):
    bench = Bench(1)
    by_days = load_scenario(written(tmp_path, MINIMAL), LONG)
    in_full = load_scenario(written(tmp_path, MINIMAL), [*LONG[:2], "fidelity=exact"])
    one, other = (bench.run(each, 2).sample for each in (by_days, in_full))
    assert (one.values("simulated_days_share") < 1.0).all()
    assert (one.values("requests") != other.values("requests")).all()
