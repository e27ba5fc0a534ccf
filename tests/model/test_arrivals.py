"""Generated arrivals: the asked rate, burstiness and dispersion, whatever window is looked at.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import itertools
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.model.arrivals import (
    BLOCK_REQUESTS,
    FLAT,
    YEAR_S,
    DayShape,
    Dispersion,
    RateCurve,
    Renewal,
    SpecialEvent,
    clock,
    rate_curve,
)
from sim.model.distributions import Constant, LogNormal
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams

DAY_S = 86_400.0
MONDAY = datetime(2026, 11, 23)
ONE = Lengths(Constant(1.0))
OFFICE = DayShape.of_week("office", (0.0,) * 8 + (3.0,) * 10 + (1.0,) * 6, (0.5,) * 24)


def arrivals(source, streams, start_s, end_s, name="chat"):
    blocks = list(source.blocks(name, streams, start_s, end_s))
    return np.concatenate([b.arrival_s for b in blocks]) if blocks else np.empty(0)


def within_five_standard_errors(values, expected):
    """Student's t beyond 5 with 39 or more degrees of freedom: 1.3e-5 at most."""
    values = np.asarray(values, dtype=float)
    assert len(values) >= 40
    return abs(values.mean() - expected) < 5 * values.std(ddof=1) / math.sqrt(len(values))


# ---------------------------------------------------------------- the expected rate


@pytest.mark.parametrize("seed", [0, 1])
def test_hour_counts_fit_the_asked_rate_curve(seed):
    """Chi-square over 168 hours: fails on a right program once in 10,000 seeds."""
    curve = rate_curve(
        0.5, MONDAY, 0, 7 * DAY_S, OFFICE, growth_per_year=8.0,
        events=[SpecialEvent(30 * 3600, 2 * 3600, 3.0)],
    )  # fmt: skip
    times = arrivals(GeneratedSource(curve, ONE, ONE), Streams(seed, 0), 0, 7 * DAY_S)
    hours = np.arange(169) * 3600.0
    expected = np.diff(curve.cumulative(hours))
    counts, _ = np.histogram(times, hours)
    assert (counts[expected == 0] == 0).all()
    counts, expected = counts[expected > 0], expected[expected > 0]
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert stats.chi2.sf(chi_square, len(counts)) > 1e-4
    wrong = expected * np.where(np.arange(len(expected)) % 2, 1.1, 0.9)  # the test can fail
    assert stats.chi2.sf(((counts - wrong) ** 2 / wrong).sum(), len(counts)) < 1e-4


def test_a_shape_keeps_the_mean_rate_over_its_period():
    for shape in (OFFICE, DayShape("odd", (1.0, 0.0, 4.0, 2.0, 2.0)), FLAT):
        assert shape.multipliers().mean() == pytest.approx(1)
        curve = rate_curve(3.0, datetime(2026, 3, 5, 17, 20), 0, shape.period_s, shape)
        assert curve.mean_rate() == pytest.approx(3.0)


def test_shapes_start_on_monday_at_midnight():
    wednesday = datetime(2026, 11, 25, 7, 30)
    week = DayShape("days", tuple(range(7)), days=7)
    curve = rate_curve(1.0, wednesday, 0, 7 * DAY_S, week)
    assert curve.edges_s[1] == 16.5 * 3600
    assert (curve.rate_per_s * 3).tolist() == pytest.approx([2, 3, 4, 5, 6, 0, 1, 2])
    hourly = DayShape("hours", tuple(range(24)))
    assert rate_curve(11.5, wednesday, 0, 60, hourly).rate_per_s.tolist() == pytest.approx([7])


def test_growth_compounds_to_the_asked_factor_in_a_year():
    curve = rate_curve(2.0, MONDAY, -DAY_S, YEAR_S, growth_per_year=10.0)
    assert curve.expected(0, YEAR_S) == pytest.approx(2 * YEAR_S * 9 / math.log(10), rel=1e-6)
    assert curve.rate_per_s[0] == pytest.approx(2 * 10 ** (-DAY_S / YEAR_S), rel=1e-3)


def test_special_events_multiply_the_rate_while_they_last():
    events = [SpecialEvent(100, 50, 3.0), SpecialEvent(120, 1000, 2.0), SpecialEvent(-50, 20, 0.0)]
    curve = rate_curve(1.0, MONDAY, -100, 200, events=events)
    spans = [(-100, -50), (-50, -30), (-30, 0), (0, 100), (100, 120), (120, 150), (150, 200)]
    rates = [curve.expected(*span) / (span[1] - span[0]) for span in spans]
    assert rates == pytest.approx([1, 0, 1, 1, 3, 6, 2])


@given(
    rates=st.lists(st.sampled_from([0.0, 1e-3, 1.0, 50.0]), min_size=1, max_size=8),
    zero=st.floats(0, 0.99),
)
def test_the_inverse_undoes_the_cumulative_rate(rates, zero):
    edges = (np.arange(len(rates) + 1) - zero * len(rates)) * 100.0
    curve = RateCurve(edges, np.array(rates))
    low, high = curve.cumulative([curve.start_s, curve.end_s])
    counts = np.linspace(low, high, 57)
    times = curve.inverse(counts)
    assert (np.diff(times) >= 0).all()
    np.testing.assert_allclose(curve.cumulative(times), counts, rtol=1e-9, atol=1e-9)
    beyond = curve.inverse(np.array([low - 1, high + 1]))
    assert beyond.tolist() == [-math.inf, math.inf]


# ---------------------------------------------------------------- gaps


@pytest.mark.parametrize("family", ["gamma", "weibull"])
@pytest.mark.parametrize("cv", [0.3, 1.5, 4.0])
def test_gaps_have_mean_one_and_the_asked_cv(family, cv):
    """Moments over 60 samples, five standard errors each: fails once in 10⁵."""
    rng = np.random.default_rng(3)
    samples = Renewal(cv, family).sample(rng, 60 * 20_000).reshape(60, -1)
    assert within_five_standard_errors(samples.mean(axis=1), 1.0)
    assert within_five_standard_errors((samples**2).mean(axis=1), 1 + cv**2)
    assert not within_five_standard_errors((samples**2).mean(axis=1), 1 + (1.1 * cv) ** 2)


def test_gaps_on_the_clock_keep_their_cv():
    source = GeneratedSource(RateCurve.constant(40.0, 0, 5000), ONE, ONE, Renewal(3.0, "weibull"))
    gaps = np.diff(arrivals(source, Streams(1, 0), 0, 5000))
    assert gaps.std() / gaps.mean() == pytest.approx(3.0, rel=0.05)  # about 5 standard errors


def test_a_cv_of_one_is_poisson_whatever_the_family():
    curve = RateCurve.constant(5.0, -100, 1000)
    first, *others = (
        arrivals(GeneratedSource(curve, ONE, ONE, Renewal(1.0, f)), Streams(2, 0), -100, 1000)
        for f in ("poisson", "gamma", "weibull")
    )
    assert all(np.array_equal(first, other) for other in others)


def test_a_cv_of_zero_is_clockwork_with_a_random_phase():
    source = GeneratedSource(RateCurve.constant(0.1, -100, 100), ONE, ONE, Renewal(0.0))
    times = arrivals(source, Streams(4, 0), -100, 100)
    assert len(times) == 20
    np.testing.assert_allclose(np.diff(times), 10.0)
    assert times[0] != arrivals(source, Streams(5, 0), -100, 100)[0]


@pytest.mark.parametrize("renewal", [Renewal(8.0), Renewal(5.0, "weibull"), Renewal(0.2)], ids=str)
@pytest.mark.parametrize("window", [(0, 20), (-20, 0), (-10, 10)])
def test_expected_counts_are_right_from_the_first_second(renewal, window):
    """Stationary from the start, over 200 worlds, five standard errors: fails once in 10⁶.

    A process begun with an ordinary gap has (cv² - 1) / 2 requests too many: 31 at a cv of 8.
    """
    source = GeneratedSource(RateCurve.constant(1.0, -20, 20), ONE, ONE, renewal)
    counts = [len(arrivals(source, Streams(9, world), *window)) for world in range(200)]
    assert within_five_standard_errors(counts, 20.0)


# ---------------------------------------------------------------- dispersion


@pytest.mark.parametrize(("cv", "timescale_s"), [(0.5, 3600.0), (0.3, 600.0)])
def test_the_random_factor_has_the_asked_mean_cv_and_correlation_time(cv, timescale_s):
    """Five standard errors over 60 worlds, four moments: fails once in 5,000."""
    dispersion = Dispersion(cv, timescale_s)
    lag = 3
    moments = []
    for world in range(60):
        _, g = dispersion.factors("chat", Streams(3, world), -10 * DAY_S, 30 * DAY_S)
        z = np.log(g)
        moments.append((g.mean(), (g**2).mean(), (z[lag:] * z[:-lag]).mean(), z.mean()))
    s2 = math.log1p(cv**2)
    correlation = s2 * math.exp(-lag * dispersion.grid_s / timescale_s) + s2**2 / 4
    for values, expected in zip(
        zip(*moments, strict=True), (1, 1 + cv**2, correlation, -s2 / 2), strict=True
    ):
        assert within_five_standard_errors(values, expected)


def test_index_of_dispersion_of_counts_grows_as_asked():
    """Var(N) = m + m² cv² for windows of one cell; five standard errors over 50 worlds."""
    dispersion, rate = Dispersion(0.4, 2400.0), 0.2
    source = GeneratedSource(
        RateCurve.constant(rate, 0, 10 * DAY_S), ONE, ONE, dispersion=dispersion
    )
    edges = np.arange(1441) * dispersion.grid_s
    m = rate * dispersion.grid_s
    plain, asked = [], []
    for world in range(50):
        counts, _ = np.histogram(arrivals(source, Streams(6, world), 0, 10 * DAY_S), edges)
        asked.append(((counts - m) ** 2).mean() / m)
        counts, _ = np.histogram(
            arrivals(GeneratedSource(source.curve, ONE, ONE), Streams(6, world), 0, 10 * DAY_S),
            edges,
        )
        plain.append(((counts - m) ** 2).mean() / m)
    assert within_five_standard_errors(plain, 1.0)
    assert within_five_standard_errors(asked, 1 + m * 0.4**2)
    assert not within_five_standard_errors(asked, 1 + m * 0.3**2)


# ---------------------------------------------------------------- windows, blocks, streams


def rich_source(start_s, end_s, rate=0.4):
    curve = rate_curve(
        rate, datetime(2026, 11, 25, 9, 13), start_s, end_s, OFFICE, growth_per_year=5.0,
        events=[SpecialEvent(20_000, 7000, 3.0), SpecialEvent(-3000, 500, 2.0)],
    )  # fmt: skip
    lengths = Lengths(LogNormal.from_mean_p95(4000, 9000))
    return GeneratedSource(
        curve, lengths, Lengths(LogNormal.from_mean_p95(300, 900)), Renewal(2.0),
        Dispersion(0.3, 3600.0), 0.4, 2.0,
    )  # fmt: skip


def columns(source, start_s, end_s):
    blocks = list(source.blocks("chat", Streams(11, 3), start_s, end_s))
    return [np.concatenate(column) for column in zip(*(block[:3] for block in blocks), strict=True)]


WHOLE = columns(rich_source(-DAY_S, 3 * DAY_S), -DAY_S, 3 * DAY_S)


@settings(max_examples=40, deadline=None)
@given(
    start_s=st.floats(-DAY_S, 2.9 * DAY_S),
    length_s=st.floats(1.0, DAY_S),
    margin_s=st.floats(0.0, 5000.0),
)
def test_requests_do_not_depend_on_the_window_to_the_last_bit(start_s, length_s, margin_s):
    end_s = min(start_s + length_s, 3 * DAY_S)
    source = rich_source(min(start_s, 0.0) - margin_s, max(end_s, 1.0) + margin_s)
    here = slice(*np.searchsorted(WHOLE[0], (start_s, end_s)))
    blocks = list(source.blocks("chat", Streams(11, 3), start_s, end_s))
    for index, whole in enumerate(WHOLE):
        part = np.concatenate([b[index] for b in blocks]) if blocks else whole[:0]
        np.testing.assert_array_equal(part, whole[here])


@pytest.mark.parametrize("warm_up_s", [0.0, 3600.0, 12_345.6])
def test_a_longer_horizon_or_warm_up_moves_no_request(warm_up_s):
    short = columns(rich_source(-warm_up_s, 1.5 * DAY_S), -warm_up_s, 1.5 * DAY_S)
    here = slice(*np.searchsorted(WHOLE[0], (-warm_up_s, 1.5 * DAY_S)))
    for part, whole in zip(short, WHOLE, strict=True):
        np.testing.assert_array_equal(part, whole[here])


def test_a_warm_up_is_the_same_drawn_once_or_twice(monkeypatch):
    source = GeneratedSource(RateCurve.constant(100.0, -900.0, 60.0), ONE, ONE, Renewal(2.0))
    once = arrivals(source, Streams(3, 0), -900.0, 60.0)
    monkeypatch.setattr(clock, "_HELD", 2)
    twice = arrivals(source, Streams(3, 0), -900.0, 60.0)
    assert len(once) > 4 * BLOCK_REQUESTS
    assert (once == twice).all()


def test_blocks_are_bounded_ordered_and_never_empty():
    source = rich_source(-DAY_S, DAY_S, rate=2.0)
    blocks = list(source.blocks("chat", Streams(0, 0), -DAY_S, DAY_S))
    assert len(blocks) > 10
    for block in blocks:
        n = len(block.arrival_s)
        assert 0 < n <= BLOCK_REQUESTS
        assert len(block.prompt_tokens) == len(block.output_tokens) == n
        assert block.arrival_s.dtype == np.float64
        assert block.prompt_tokens.dtype == block.output_tokens.dtype == np.int32
        assert min(block.prompt_tokens.min(), block.output_tokens.min()) >= 1
    times = np.concatenate([b.arrival_s for b in blocks])
    assert (np.diff(times) >= 0).all()
    assert -DAY_S <= times[0] <= times[-1] < DAY_S


def test_a_block_can_be_taken_without_the_rest():
    source = rich_source(0.0, DAY_S, rate=2.0)
    first, second = itertools.islice(source.blocks("chat", Streams(0, 0), 0, DAY_S), 2)
    assert first.arrival_s[-1] <= second.arrival_s[0]


def test_workloads_and_worlds_have_requests_of_their_own():
    source = GeneratedSource(RateCurve.constant(1.0, 0, 1000), ONE, ONE)
    base = arrivals(source, Streams(0, 0), 0, 1000)
    assert not np.array_equal(base, arrivals(source, Streams(0, 1), 0, 1000))
    assert not np.array_equal(base, arrivals(source, Streams(1, 0), 0, 1000))
    assert not np.array_equal(base, arrivals(source, Streams(0, 0), 0, 1000, name="code"))


def test_a_rate_of_zero_yields_no_requests():
    source = GeneratedSource(RateCurve.constant(0.0, -10, 1000), ONE, ONE)
    assert len(arrivals(source, Streams(0, 0), -10, 1000)) == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rate_curve(-1, MONDAY, 0, 10), r"rate \(-1\) must be at least 0 requests/s"),
        (lambda: rate_curve(math.nan, MONDAY, 0, 10), r"rate \(nan\) must be a finite number"),
        (lambda: rate_curve(1, MONDAY, 0, 10, growth_per_year=0), r"growth \(0\) must be above 0"),
        (lambda: RateCurve.constant(1.0, 5, 10), r"rate curve \(5 to 10 s\) must hold time 0"),
        (lambda: RateCurve(np.array([0.0, 1, 1]), np.ones(2)), r"edges \(out of order\)"),
        (lambda: RateCurve(np.array([0.0, 1]), np.ones(2)), r"rates \(2\) must be one fewer"),
        (lambda: DayShape("x", ()), r"shape x \(no values\) must have at least one cell"),
        (lambda: DayShape("x", (0.0, 0.0)), r"shape x \(all 0\) must be above 0 somewhere"),
        (lambda: DayShape("x", (1.0, -2.0)), r"shape x \(lowest value -2\) must be at least 0"),
        (lambda: DayShape("x", (1.0, math.inf)), r"shape x \(not finite\)"),
        (lambda: DayShape("x", (1.0,), 2), r"shape x \(2 days\) must cover 1 or 7 days"),
        (lambda: DayShape.of_week("x", (1.0,), (1.0, 2.0)), r"weekend \(2 cells\) must have"),
        (lambda: SpecialEvent(0, 0, 2), r"event duration \(0\) must be above 0 s"),
        (lambda: SpecialEvent(0, 1, -2), r"event factor \(-2\) must be at least 0"),
        (lambda: Renewal(-1), r"burstiness \(-1\) must be between 0 and 50"),
        (lambda: Renewal(2.0, "poisson"), r"burstiness \(2.0\) must be 1 for poisson"),
        (lambda: Renewal(2.0, "pareto"), r"gap family \(pareto\) must be one of gamma"),
        (lambda: Dispersion(-0.1, 100), r"dispersion cv \(-0.1\) must be at least 0"),
        (lambda: Dispersion(0.1, 1), r"dispersion timescale \(1\) must be at least 10 s"),
        (
            lambda: next(rich_source(0, 10).blocks("a", Streams(0, 0), 0, 20)),
            r"window \(0 to 20 s\) must be within the rate curve \(0 to 10 s\)",
        ),
    ],
)
def test_impossible_arrivals_are_refused_with_subject_value_and_rule(build, message):
    with pytest.raises(ValueError, match=message):
        build()
