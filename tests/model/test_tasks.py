"""Tasks: the calls that follow a request, drawn by the place of the request alone.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.model import ragged
from sim.model.arrivals import BLOCK_REQUESTS, YEAR_S, RateCurve
from sim.model.distributions import Choice, Constant, Exponential, LogNormal, Uniform
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.tasks import GROUP_TASKS, MOST_CALLS, FollowUps, stages
from sim.model.workload import Chains, Prefixes

SHORT = Lengths(Constant(10.0))
AGENT = FollowUps(
    calls=Choice((1.0, 3.0, 4.0, 9.0)),
    prompt=Lengths(LogNormal.from_mean_p95(400, 900)),
    output=Lengths(Exponential(150.0)),
    think_s=Exponential(4.0),
    width=Choice((1.0, 2.0, 3.0)),
)
CURVE = RateCurve.constant(10.0, -3000, 6000)


def source(follow_ups=AGENT, **changes):
    return GeneratedSource(CURVE, SHORT, SHORT, follow_ups=follow_ups, **changes)


def play(source, start_s=0.0, end_s=3000.0, seed=1, world=0):
    """Arrivals and chains of all requests in a window."""
    blocks = list(source.blocks("chat", Streams(seed, world), start_s, end_s))
    for block in blocks:
        assert 0 < len(block.arrival_s) == len(block.chains.count) <= GROUP_TASKS
        assert block.session is None
        assert block.prefixes is None
    return (
        np.concatenate([block.arrival_s for block in blocks]),
        ragged.joined([block.chains for block in blocks]),
    )


WHOLE = play(source(), -3000, 6000)


def tasks(chains):
    """The columns of each task's calls."""
    ends = ragged.starts(chains.count)
    return [
        [column[begin:end].tolist() for column in chains[1:]]
        for begin, end in itertools.pairwise(ends)
    ]


def test_calls_have_the_asked_numbers_lengths_and_times():
    """Each of four means within five standard errors: fails once in 400,000."""
    _, chains = play(source())
    n, m = len(chains.count), int(chains.count.sum())
    assert n > 25_000
    assert set(np.unique(chains.count)) == {0, 2, 3, 8}
    for values, mean in (
        (chains.count, 13 / 4),
        (chains.prompt_tokens, 400),
        (chains.output_tokens, 150),
        (chains.think_s, 4.0),
    ):
        error = values.std() / math.sqrt(len(values))
        # Outputs below half a token still are one token.
        assert abs(values.mean() - mean) < 5 * error + (
            0.01 if values is chains.output_tokens else 0
        )
    assert len(chains.stage) == len(chains.think_s) == m
    assert [column.dtype for column in chains] == [np.int32, np.int32, np.float64, *[np.int32] * 3]
    assert chains.prompt_tokens.min() >= 1
    assert chains.output_tokens.min() >= 1


def test_a_mean_between_two_numbers_of_calls_is_kept_and_so_are_plain_numbers():
    """Half of 30,000: five standard deviations, once in 10⁶."""
    _, chains = play(source(FollowUps(Choice((3.0, 4.0)), SHORT, SHORT)))
    n = len(chains.count)
    assert abs((chains.count == 2).sum() - n / 2) < 5 * math.sqrt(n / 4)
    assert set(np.unique(chains.count)) == {2, 3}
    _, chains = play(source(FollowUps(Constant(5.0), SHORT, SHORT)), end_s=50)
    assert (chains.count == 4).all()
    assert chains.stage.reshape(-1, 4).tolist() == [[1, 2, 3, 4]] * len(chains.count)
    assert (chains.think_s == 0).all()
    assert (chains.prompt_tokens == 10).all()


def test_numbers_of_calls_are_rounded_and_kept_within_their_limits():
    _, chains = play(source(FollowUps(Uniform(-3.0, 2.499), SHORT, SHORT)), end_s=500)
    assert set(np.unique(chains.count)) == {0, 1}
    _, chains = play(source(FollowUps(Constant(1e9), SHORT, SHORT)), end_s=1)
    assert (chains.count == MOST_CALLS - 1).all()


def test_stages_are_filled_one_after_the_other():
    count = np.array([0, 1, 5, 3, 0, 7], np.int32)
    rng = np.random.default_rng(0)
    assert stages(count, Constant(1.0), rng).tolist() == [
        1, 1, 2, 3, 4, 5, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7
    ]  # fmt: skip
    assert stages(count, Constant(3.0), rng).tolist() == [
        1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3
    ]  # fmt: skip
    assert stages(count[:1], Constant(3.0), rng).tolist() == []


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 2**32))
def test_stages_have_no_gap_and_the_asked_widths(count, seed):
    stage = stages(np.array(count, np.int32), Choice((1.0, 4.0)), np.random.default_rng(seed))
    begin = 0
    for calls in count:
        found = stage[begin : begin + calls]
        sizes = np.bincount(found)[1:] if calls else np.empty(0, int)
        assert (np.diff(found) >= 0).all()
        assert np.isin(sizes[:-1], (1, 4)).all()
        assert ((sizes >= 1) & (sizes <= 4)).all()
        begin += calls
    assert begin == len(stage)


@given(st.floats(-2900, 5900), st.floats(0.1, 900))
def test_calls_do_not_depend_on_the_window(start_s, length_s):
    times, whole = WHOLE
    end_s = min(start_s + length_s, 6000)
    first, last = np.searchsorted(times, (start_s, end_s))
    if first == last:
        return
    arrival_s, chains = play(source(), start_s, end_s)
    np.testing.assert_array_equal(arrival_s, times[first:last])
    for column, expected in zip(
        chains, ragged.of_rows(whole, slice(int(first), int(last))), strict=True
    ):
        np.testing.assert_array_equal(column, expected)


def test_windows_cut_through_groups_and_blocks():
    """The windows above would prove little if all lay within one group."""
    assert len(WHOLE[0]) > 4 * BLOCK_REQUESTS
    assert 3000 * 10 / GROUP_TASKS > 20


def test_what_a_stream_draws_moves_no_other():
    _, one = play(source(), end_s=300)
    slower = FollowUps(AGENT.calls, AGENT.prompt, AGENT.output, Exponential(9.0), AGENT.width)
    times, other = play(source(slower), end_s=300)
    assert not np.array_equal(one.think_s, other.think_s)
    assert tasks(one._replace(think_s=other.think_s)) == tasks(other)
    np.testing.assert_array_equal(times, play(source(only_first_calls()), end_s=300)[0])
    assert tasks(play(source(), end_s=300, world=1)[1]) != tasks(one)
    assert tasks(play(source(), end_s=300)[1]) == tasks(one)


def only_first_calls():
    return FollowUps(Constant(1.0), SHORT, SHORT)


def test_the_first_calls_are_those_of_a_workload_without_tasks():
    alone = source(None)
    first = np.concatenate([b.arrival_s for b in alone.blocks("chat", Streams(1, 0), 0, 3000)])
    np.testing.assert_array_equal(first, play(source())[0])


def test_context_creep_makes_later_prompts_of_a_task_longer_too():
    curve = RateCurve.constant(1e-3, 0, 2 * YEAR_S)
    calls = FollowUps(Constant(3.0), Lengths(Constant(1000.0)), SHORT)
    grown = GeneratedSource(curve, SHORT, SHORT, prompt_growth_per_year=2.0, follow_ups=calls)
    times, chains = play(grown, 0, 2 * YEAR_S)
    expected = np.floor(1000 * 2 ** (np.repeat(times, 2) / YEAR_S) + 0.5)
    np.testing.assert_array_equal(chains.prompt_tokens, expected)
    assert chains.prompt_tokens[-1] > 3900
    assert (chains.output_tokens == 10).all()


# ---------------------------------------------------------------- ragged columns

TABLE = Prefixes(np.array([2, 0, 1, 3], np.int32), np.array([5, 6, 7, 8, 9, 9]))


def listed(table):
    ends = ragged.starts(table.count)
    return [table.name[a:b].tolist() for a, b in itertools.pairwise(ends)]


def test_ragged_columns_are_cut_joined_and_reordered():
    assert listed(TABLE) == [[5, 6], [], [7], [8, 9, 9]]
    assert listed(ragged.of_rows(TABLE, slice(1, 3))) == [[], [7]]
    assert listed(ragged.of_rows(TABLE, slice(2))) == [[5, 6], []]
    assert listed(ragged.of_rows(TABLE, slice(3, 2))) == []
    assert listed(ragged.reordered(TABLE, np.array([3, 0, 3, 1]))) == [
        [8, 9, 9], [5, 6], [8, 9, 9], []
    ]  # fmt: skip
    assert listed(ragged.joined([TABLE, ragged.without_entries(TABLE, 1), TABLE])) == [
        *listed(TABLE), [], *listed(TABLE)
    ]  # fmt: skip
    assert isinstance(ragged.of_rows(TABLE, slice(1)), Prefixes)
    assert ragged.without_entries(TABLE, 2).name.dtype == np.int64


@given(st.data())
def test_reordering_ragged_columns_is_reordering_lists(data):
    rows = data.draw(st.lists(st.lists(st.integers(0, 99), max_size=4), min_size=1, max_size=9))
    order = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    flat = np.array([name for row in rows for name in row], np.int64)
    table = Prefixes(np.array([len(row) for row in rows], np.int32), flat)
    picked = ragged.reordered(table, np.array(order, np.int64))
    assert listed(picked) == [rows[index] for index in order]


def test_all_columns_of_chains_move_together():
    count = np.array([1, 2], np.int32)
    three = np.arange(3, dtype=np.int32)
    chains = Chains(count, three, three * 1.0, three * 2, three * 3, three - 1)
    turned = ragged.reordered(chains, np.array([1, 0]))
    assert [column.tolist() for column in turned] == [
        [2, 1], [1, 2, 0], [1.0, 2.0, 0.0], [2, 4, 0], [3, 6, 0], [0, 1, -1]
    ]  # fmt: skip
