"""What worlds can say of a fleet, and what so few of them never could."""

import pytest
from stress_cases import API, case

from sim.studies.bench import Bench
from sim.studies.plan import plan
from sim.studies.stress import Judge, stress


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999])
def test_fewest_worlds_are_the_first_that_can_say_that_a_fleet_holds(probability):
    judge = Judge(probability)
    assert judge.word(judge.fewest, judge.fewest) == "holds"
    before = judge.fewest - 1
    assert before == 0 or judge.word(before, before) == "cannot tell"
    assert not judge.out_of_reach(judge.fewest)


class SimulatedError(Exception):
    """Raised in place of the first world."""


class Refusing(Bench):
    """A bench on which nothing is simulated."""

    def run(self, *_, **__):
        raise SimulatedError


@pytest.mark.parametrize("study", [stress, plan])
def test_what_so_few_worlds_never_say_is_said_before_any_is_simulated(study, tmp_path):
    for worlds, said in ((58, True), (59, False)):
        told: list[str] = []
        with pytest.raises(SimulatedError):
            study(
                case(tmp_path, API),
                Refusing(1, advised=told.append),
                worlds=worlds,
                probability=0.95,
            )
        assert any("58 worlds can never say that a fleet holds in 95 %" in s for s in told) is said
        assert any("--worlds 59" in s for s in told) is said
