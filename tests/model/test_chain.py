"""Chains: what comes after a request in other workloads, drawn by the place of the request alone.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import itertools

import numpy as np
import pytest

from sim.model import ragged
from sim.model.arrivals import YEAR_S, RateCurve
from sim.model.chain import Chain, Follower
from sim.model.distributions import Choice, Constant, Exponential, LogNormal
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams

SHORT = Lengths(Constant(10.0))
CURVE = RateCurve.constant(10.0, -3000, 6000)
RANK = Follower("rank", "ask", 1, Lengths(LogNormal.from_mean_p95(400, 900)), SHORT, Exponential(2))
GUARD = Follower(
    "guard", "ask", 1, SHORT, SHORT, Constant(0.5), share=0.4, calls=Choice((1.0, 3.0))
)
ANSWER = Follower("answer", "rank", 2, SHORT, Lengths(Exponential(150.0)), Constant(0.0), share=0.5)
SEND = Follower("send", "guard", 2, SHORT, SHORT, Constant(0.0))
ALL = (RANK, GUARD, ANSWER, SEND)


def play(followers=ALL, start_s=0.0, end_s=3000.0, **changes):
    source = GeneratedSource(CURVE, SHORT, SHORT, chain=Chain(followers), **changes)
    blocks = list(source.blocks("ask", Streams(1, 2), start_s, end_s))
    return (
        np.concatenate([block.arrival_s for block in blocks]),
        ragged.joined([block.chains for block in blocks]),
    )


WHOLE = play(ALL, -3000, 6000)


def of_each(chains):
    """The columns of what comes after each request."""
    ends = ragged.starts(chains.count)
    return [
        [column[begin:end].tolist() for column in chains[1:]]
        for begin, end in itertools.pairwise(ends)
    ]


def test_what_comes_after_a_request_does_not_depend_on_the_window():
    arrival_s, chains = WHOLE
    here, own = play(ALL, 17.0, 1234.0)
    inside = (arrival_s >= 17.0) & (arrival_s < 1234.0)
    assert here.tolist() == arrival_s[inside].tolist()
    assert of_each(own) == [
        each for each, is_in in zip(of_each(chains), inside, strict=True) if is_in
    ]


def test_one_more_workload_moves_nothing_of_the_others():
    _, without = play((RANK, ANSWER))
    _, chains = play()
    kept = np.isin(chains.workload, (0, 2))
    assert chains.prompt_tokens[kept].tolist() == without.prompt_tokens.tolist()
    assert chains.think_s[kept].tolist() == without.think_s.tolist()


def test_stages_have_no_gap_and_nothing_comes_after_what_did_not():
    for stage, *_, workload in of_each(WHOLE[1]):
        assert stage == sorted(stage)
        assert set(range(1, max(stage, default=0) + 1)) == set(stage)
        assert 2 not in workload or 0 in workload
        assert (3 in workload) == (1 in workload)


def test_shares_and_numbers_side_by_side_are_as_given():
    """Of 90,000 requests each mean is within 5 standard errors: false alarms in 2e-6."""
    _, chains = WHOLE
    n = len(chains.count)
    counts = np.bincount(chains.workload, minlength=4) / n
    expected = [1.0, 0.4 * 2, 0.5, 0.4]
    deviations = np.array([0.0, np.sqrt(0.4 * 5 - 0.8**2), 0.5, np.sqrt(0.24)])
    assert (np.abs(counts - expected) <= 5 * deviations / np.sqrt(n)).all()


def test_prompts_grow_with_the_time_of_the_first_request():
    """Prompts of one length: exact, but for whole tokens."""
    grows = Follower("rank", "ask", 1, Lengths(Constant(1e6)), SHORT, Constant(0.0))
    grown = Follower(
        *(
            getattr(grows, name)
            for name in ("name", "after", "stage", "prompt", "output", "delay_s")
        ),
        prompt_growth_per_year=2.0,
    )
    arrival_s, chains = play((grown,), epoch_s=YEAR_S)
    years = 1.0 + arrival_s / YEAR_S
    assert chains.prompt_tokens == pytest.approx(1e6 * 2.0**years, abs=0.51)


def test_who_is_brought_along_brings_nothing():
    source = GeneratedSource(CURVE, SHORT, SHORT, is_brought=True)
    assert list(source.blocks("rank", Streams(1, 2), 0.0, 3000.0)) == []
