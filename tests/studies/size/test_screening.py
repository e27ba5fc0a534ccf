"""Fleets that the fluid bound rules out are not simulated, and would have missed the SLO."""

import pytest
from size_cases import FLAT, SHORT, queue

from sim.studies.bench import Bench
from sim.studies.size import Question
from sim.studies.size.board import Board
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.fleet import kinds
from sim.studies.size.search import find

WORLDS = 48


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    heavy = FLAT | {"requests_per_second": {"lognormal": {"p50": 12, "p95": 16}}}
    case = queue(tmp_path_factory.mktemp("screened"), heavy, {"ttft_p95": "2s"}, SHORT)
    bench = Bench(1)
    (kind, *_) = kinds(case, "pool")
    board = Board(kind, Question(probability=0.8), Rule.of(0.8, 0.05, WORLDS), bench, 0)
    return find(board, 1), board, bench


def test_what_is_ruled_out_would_have_missed_at_least_as_often(found):
    result, board, _ = found
    (ruled_out,) = [n for n, tally in result.tallies.items() if not tally.simulated]
    tally = result.tallies[ruled_out]
    assert tally.verdict is Verdict.MISSES and ruled_out >= 4
    for count in (ruled_out, ruled_out - 1):
        kept, _ = board.judged(count, tally.worlds)
        assert kept.sum() <= tally.kept
        assert board.rule.verdict(int(kept.sum()), tally.worlds) is Verdict.MISSES


def test_none_of_the_smaller_ones_is_simulated_and_most_worlds_are_saved(found):
    result, _, bench = found
    (ruled_out,) = [n for n, tally in result.tallies.items() if not tally.simulated]
    looked_at = [n for n, tally in result.tallies.items() if tally.simulated]
    assert min(looked_at) > ruled_out
    assert result.sure is not None
    every = WORLDS * result.sure  # of all counts up to the answer
    assert bench.worlds < every / 2
