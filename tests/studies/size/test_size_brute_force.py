"""``sim size`` against brute force over every count, short runs, and fresh seeds."""

import pytest
from size_cases import SCENARIOS, service

from sim.errors import PeakfleetError
from sim.studies.bench import bench
from sim.studies.size import Question, size
from sim.studies.size.board import Board
from sim.studies.size.evidence import Rule
from sim.studies.size.fleet import design_of, kinds
from sim.studies.size.search import find

MOST = 14  # counts of the brute force, from 1
WORLDS = 64
LOOKS = (16, 32, WORLDS)  # a count of which too many worlds have missed already needs no more


@pytest.mark.parametrize("name", SCENARIOS)
def test_search_finds_what_brute_force_does_with_a_third_of_the_requests(name, tmp_path):
    """Both see the same worlds, so that they differ only if the search stops too early: 1 in 20.

    Brute force goes up to the first count that holds; each count costs it the same requests.
    """
    case, question = SCENARIOS[name](tmp_path), Question(0.8)
    with bench(1) as ready:
        answer = size(case, ready, question, worlds=WORLDS, beside=False)
    with bench(1) as brute:
        kind = kinds(case, "pool")[0]
        for least in range(1, MOST):
            scenario = kind.scenario(least)
            for worlds in LOOKS:
                kept = question.kept(brute.run(scenario, worlds, 0), design_of(scenario, 0), worlds)
                if (~kept).sum() > (1 - question.probability) * WORLDS:
                    break  # whatever the other worlds keep
            else:
                break
        of_all = MOST * brute.run(scenario, WORLDS, 0).sample.values("requests").sum()
    assert 1 < least < MOST - 1
    assert answer.estimate == least
    assert answer.replicas is not None
    assert least <= answer.replicas <= least + 1
    assert answer.simulated_requests <= of_all / 3


# The rival's trap -----------------------------------------------------------------------------


def test_five_seconds_of_traffic_are_refused_and_would_have_given_too_small_a_fleet(tmp_path):
    question = Question(0.8)
    with bench(1) as ready:
        short = service(tmp_path, "5s", 0)
        with pytest.raises(PeakfleetError, match=r"a run of 5 s cannot tell(.|\n)*at least"):
            size(short, ready, question)
        rule = Rule.of(0.5, 0.2, 12)
        naive = find(Board(kinds(short, "pool")[0], Question(0.5), rule, ready, 0), 1).estimate
        long = service(tmp_path, "3min", "1min")
        answer = size(long, ready, question, error=0.2, worlds=12, beside=False)
        assert naive is not None
        assert answer.replicas is not None
        assert naive < answer.replicas
        scenario = kinds(long, "pool")[0].scenario(naive)
        kept = question.kept(ready.run(scenario, 8, 1), design_of(scenario, 1), 8)
        assert not kept.any()


def test_chosen_fleet_holds_on_fresh_seeds_of_a_days_traffic(tmp_path):
    """The study may be wrong in 5 %; of 60 fresh worlds, at a share of 80 %, 41 or fewer keep the
    SLO with a chance of 2 %: 7 % in all for a fleet at the very edge, and this seed is fixed."""
    case, question = SCENARIOS["day"](tmp_path), Question(0.8)
    with bench(1) as ready:
        answer = size(case, ready, question, worlds=WORLDS, beside=False)
        assert answer.replicas is not None
        chosen = case.load(answer.overrides)
        kept = question.kept(ready.run(chosen, 60, 12_345), design_of(chosen, 12_345), 60)
    assert kept.mean() >= 0.8
