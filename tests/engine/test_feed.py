"""One stream out of several workloads: nothing is lost, and each request keeps what is its own."""

from dataclasses import dataclass

import hypothesis
import numpy as np
from hypothesis import strategies as st

from sim.engine.plane.feed import OWN_BITS, PATIENCE_DRAWS, Feed, feeds
from sim.model import ragged
from sim.model.arrivals import RateCurve
from sim.model.client import Client
from sim.model.distributions import Constant, Exponential, Mixture, Uniform
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.tasks import FollowUps
from sim.model.workload import OWN, Chains, Prefixes, RequestBlock, Slo, Workload

STREAMS = Streams(4, 2)


@dataclass(frozen=True)
class Given:
    """Given requests, in given pieces."""

    block: RequestBlock
    sizes: tuple[int, ...]

    def blocks(self, name, streams, start_s, end_s):
        begin = 0
        for size in (*self.sizes, len(self.block.arrival_s)):
            rows = slice(begin, begin + size)
            if len(self.block.arrival_s[rows]):
                yield RequestBlock(
                    *(None if c is None else c[rows] for c in self.block[:4]),
                    *(None if t is None else ragged.of_rows(t, rows) for t in self.block[4:]),
                )
            begin += size


def workload(name, source, patience=None, leads_to=()):
    return Workload(name, source, "pool", Slo(), Client(patience=patience), leads_to=leads_to)


def given(block, *sizes, name="chat", patience=None, leads_to=()):
    return workload(name, Given(block, sizes), patience, leads_to)


def block(arrival_s, first, session=None, chains=None, prefixes=None):
    """Requests whose prompts number them from ``first``."""
    prompt = np.arange(first, first + len(arrival_s), dtype=np.int32)
    return RequestBlock(
        np.array(arrival_s, float), prompt, prompt + 1000, session, chains, prefixes
    )


def names(counts, first=0):
    count = np.array(counts, np.int32)
    return Prefixes(count, np.arange(first, first + count.sum(), dtype=np.int64))


def rows(feed):
    """Everything that is known of each request, as plain values."""
    n = len(feed.arrival_s)
    nothing = [()] * n
    calls = named = nothing
    if feed.chains is not None:
        ends = ragged.starts(feed.chains.count)
        entries = list(zip(*(column.tolist() for column in feed.chains[1:]), strict=True))
        calls = [tuple(entries[ends[i] : ends[i + 1]]) for i in range(n)]
    if feed.prefixes is not None:
        ends = ragged.starts(feed.prefixes.count)
        named = [tuple(feed.prefixes.name[ends[i] : ends[i + 1]].tolist()) for i in range(n)]
    session = [-1] * n if feed.session is None else feed.session.tolist()
    patience = [np.inf] * n if feed.patience_s is None else feed.patience_s.tolist()
    plain = [column.tolist() for column in feed[:4]]
    return list(zip(*plain, patience, session, calls, named, strict=True))


def merged(*workloads, start_s=0.0, end_s=1e9):
    return [row for feed in feeds(workloads, STREAMS, start_s, end_s) for row in rows(feed)]


def test_requests_without_anything_more_bring_nothing_more():
    one, other = block([1, 2, 3], 1), block([1.5, 3], 11)
    for workloads in ([given(one)], [given(one), given(other)]):
        for feed in feeds(workloads, STREAMS, 0, 9):
            assert feed[4:] == (None,) * 5


def test_requests_of_several_workloads_come_in_the_order_of_time_with_what_is_theirs():
    three = np.arange(3, dtype=np.int32)
    count, leads = np.array([1, 0, 2], np.int32), np.array([OWN, 1, 0], np.int32)
    chains = Chains(count, three + 1, three * 0.5, three + 7, three + 70, leads)
    workloads = [
        given(block([1, 4, 4], 1), name="plain"),
        given(
            block([2, 4, 5], 11, np.array([3, -1, 0]), chains),
            1,
            1,
            name="tasks",
            leads_to=("trace", "plain"),
        ),
        given(block([0, 4], 21, prefixes=names([2, 1], 30)), name="trace", patience=Constant(9.0)),
    ]
    inf, own = np.inf, 1 << OWN_BITS
    assert merged(*workloads) == [
        (0, 21, 1021, 2, 9.0, -1, (), (2 * own + 30, 2 * own + 31)),
        (1, 1, 1001, 0, inf, -1, (), ()),
        (2, 11, 1011, 1, inf, own + 3, ((1, 0.0, 7, 70, OWN),), ()),
        (4, 2, 1002, 0, inf, -1, (), ()),
        (4, 3, 1003, 0, inf, -1, (), ()),
        (4, 12, 1012, 1, inf, -1, (), ()),
        (4, 22, 1022, 2, 9.0, -1, (), (2 * own + 32,)),
        (5, 13, 1013, 1, inf, own, ((2, 0.5, 8, 71, 0), (3, 1.0, 9, 72, 2)), ()),
    ]


@st.composite
def cases(draw):
    """Up to three workloads with any of the columns, in any pieces."""
    workloads, expected = [], []
    for index in range(draw(st.integers(1, 3))):
        times = sorted(draw(st.lists(st.integers(0, 9), min_size=1, max_size=12)))
        n, first = len(times), 100 * (index + 1)
        counts = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
        session = np.arange(n) - 1 if draw(st.booleans()) else None
        prefixes = names(counts, first) if draw(st.booleans()) else None
        chains = None
        if draw(st.booleans()):
            calls = np.arange(first, first + sum(counts), dtype=np.int32)
            own = np.full(len(calls), OWN, np.int32)
            chains = Chains(np.array(counts, np.int32), calls, calls / 2, calls, calls, own)
        whole = block(times, first, session, chains, prefixes)
        sizes = draw(st.lists(st.integers(1, 5), max_size=4))
        patience = draw(st.sampled_from([None, Exponential(3.0)]))
        workloads.append(given(whole, *sizes, name=f"w{index}", patience=patience))
        expected.append(merged(given(whole, name=f"w{index}", patience=patience)))
    return workloads, expected


def shifted(row, index):
    """A row of a workload alone, as that of the workload ``index`` of several."""
    *plain, _, patience_s, session, calls, named = row
    own = index << OWN_BITS
    session += own if session >= 0 else 0
    return (*plain, index, patience_s, session, calls, tuple(name + own for name in named))


@hypothesis.given(cases())
def test_merging_keeps_every_request_whole_whatever_the_pieces(case):
    workloads, expected = case
    labelled = [shifted(row, i) for i, rows in enumerate(expected) for row in rows]
    assert merged(*workloads) == sorted(labelled, key=lambda row: row[0])


def test_different_workloads_never_share_a_session_or_a_block():
    one = block([1, 2], 1, np.array([0, 5]), prefixes=names([3, 1]))
    found = merged(given(one, name="a"), given(one, name="b"))
    assert len({row[5] for row in found}) == 4
    assert len({name for row in found for name in row[7]}) == 8
    assert min(row[5] for row in found) >= 0


# ---------------------------------------------------------------- patience

CURVE = RateCurve.constant(10.0, -1000, 2000)
ONE = Lengths(Constant(1.0))
MIXED = Mixture((0.3, 0.7), (Exponential(5.0), Uniform(20.0, 30.0)))


def patience_of(source, start_s, end_s, patience=MIXED, streams=STREAMS):
    one = workload("chat", source, patience)
    return np.concatenate([feed.patience_s for feed in feeds([one], streams, start_s, end_s)])


def test_patience_is_drawn_from_its_distribution_for_every_request():
    """20,000 requests, mean and share within five standard errors: fails once in 10⁶."""
    drawn = patience_of(GeneratedSource(CURVE, ONE, ONE), 0, 2000)
    n = len(drawn)
    assert n > 4 * PATIENCE_DRAWS
    assert len(np.unique(drawn)) == n
    assert abs(drawn.mean() - MIXED.mean()) < 5 * drawn.std() / n**0.5
    assert abs((drawn >= 20).mean() - 0.7 - 0.3 * np.exp(-4)) < 5 * 0.5 / n**0.5


def test_patience_depends_neither_on_pieces_nor_on_the_warm_up_nor_on_other_workloads():
    source = GeneratedSource(CURVE, ONE, ONE)
    whole = patience_of(source, 0, 2000)
    times = np.concatenate([b.arrival_s for b in source.blocks("chat", STREAMS, 0, 2000)])
    ones = np.ones(len(times), np.int32)
    in_pieces = Given(RequestBlock(times, ones, ones), tuple([977] * 40))
    np.testing.assert_array_equal(patience_of(in_pieces, 0, 2000), whole)
    for warm_up_s in (10, 1000):
        drawn = patience_of(source, -warm_up_s, 2000)
        assert len(drawn) > len(whole)
        np.testing.assert_array_equal(drawn[-len(whole) :], whole)
    other = workload("other", source, Constant(1.0))
    both = list(feeds([other, workload("chat", source, MIXED)], STREAMS, 0, 2000))
    beside = np.concatenate([feed.patience_s[feed.workload == 1] for feed in both])
    np.testing.assert_array_equal(beside, whole)
    assert {1.0} == set(np.concatenate([f.patience_s[f.workload == 0] for f in both]))


def test_patience_differs_between_worlds_and_workloads_and_from_that_of_the_warm_up():
    source = GeneratedSource(CURVE, ONE, ONE)
    whole = patience_of(source, -1000, 1000)
    assert len(np.unique(whole)) == len(whole)
    assert not np.isin(patience_of(source, -1000, 1000, streams=Streams(4, 3)), whole).any()
    renamed = workload("talk", source, MIXED)
    (first, *_) = feeds([renamed], STREAMS, 0, 2000)
    assert not np.isin(first.patience_s, patience_of(source, 0, 2000)).any()


def test_tasks_and_plain_requests_are_merged():
    calls = FollowUps(Constant(3.0), ONE, ONE, Constant(2.0))
    workloads = [
        workload("agent", GeneratedSource(CURVE, ONE, ONE, follow_ups=calls)),
        workload("chat", GeneratedSource(CURVE, ONE, ONE)),
    ]
    pieces = list(feeds(workloads, STREAMS, -500, 1500))
    labels = np.concatenate([feed.workload for feed in pieces])
    chains = ragged.joined([feed.chains for feed in pieces if feed.chains is not None])
    times = np.concatenate([feed.arrival_s for feed in pieces])
    assert isinstance(pieces[0], Feed)
    assert (np.diff(times) >= 0).all()
    assert chains.count.sum() == 2 * (labels == 0).sum()
    assert len(labels) > 35_000
    for feed in pieces:
        if feed.chains is not None:
            np.testing.assert_array_equal(feed.chains.count, np.where(feed.workload == 0, 2, 0))
            assert (feed.chains.stage.reshape(-1, 2) == [1, 2]).all()


def test_an_instant_that_a_source_splits_keeps_the_order_of_the_workloads():
    first, second = block([1, 2, 2, 2, 3], 1), block([2, 2], 11)
    one = merged(given(first, 2, 1, name="a"), given(second, 1, name="b"))
    assert [row[1] for row in one] == [1, 2, 3, 4, 11, 12, 5]
