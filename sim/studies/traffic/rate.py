"""The rate of a trace: its shape, growth, swings and burstiness, in the terms of the model.

- **Shape**: requests by the hour of the day, or of the week from two weeks on (from one week on
  weekdays and weekends), each over the time in which that hour was seen.
- **Growth**: the slope of the logarithm of weekly totals; it takes four weeks, and is given as an
  interval, since a month says little about a year.
- **Dispersion**: for counts N with expectation m in windows, E(N - m)² = F m + cv² m² with the
  factor's coefficient of variation cv and F the index of dispersion of the gaps' own making
  (gap_cv², the long-run index of a renewal process). The correlation time is the sum over lags of
  the correlation of the factor.
- **Burstiness**: among k successive gaps, during which the rate hardly changes, the expectation of
  variance / mean² is c k / (k + c) for gamma gaps with squared coefficient of variation c (their
  shares of the sum are Dirichlet), solved for c.
"""

import math
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import stats

from sim.model.arrivals import Dispersion
from sim.model.arrivals.curve import YEAR_S
from sim.model.arrivals.renewal import MAX_CV
from sim.model.arrivals.shape import DAY_S, FLAT, DayShape
from sim.studies.traffic.answer import Rate

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HOUR_S = 3600.0
WEEK_S = 7 * DAY_S
LEAST_WEEKS = 4  # for growth
WIDEST = 1000.0  # of the interval of growth, beyond which it says nothing
LACKING_S = 1800.0  # of whole days: a log of a day ends a little before midnight
GAPS = 50  # in a row, for burstiness
LEAST_GAPS = 200
ZERO_SHARE = 0.2  # of gaps of exactly 0, from which on times are rounded
WINDOWS, LONGEST_S, SHORTEST_S = 100, 600.0, 10.0
SURE = 3.0  # standard errors


def rate_of(arrival_s: FloatArray, span_s: float, began: datetime | None) -> tuple[Rate, list[str]]:
    """The rate of arrivals, and what they cannot tell.

    Parameters
    ----------
    arrival_s : (n,) float64
        From 0, non-decreasing.
    span_s : float
        Time over which they were recorded.
    began : datetime or None
        When that was.
    """
    remarks: list[str] = []
    clock_s = clock(arrival_s)
    growth, per_year = _growth(arrival_s, span_s, remarks)
    shape, per_s = _shape(arrival_s, span_s, began, per_year, remarks)
    gap_cv = _gap_cv(arrival_s, clock_s, remarks)
    expected = _Expected(per_s, shape, per_year, began)
    dispersion = _dispersion(arrival_s, span_s, expected, gap_cv, clock_s, remarks)
    return Rate(per_s, shape, growth, dispersion, gap_cv, clock_s), remarks


def clock(arrival_s: FloatArray) -> float:
    """The step to which times are rounded: 0 unless many are the same."""
    gaps = np.diff(arrival_s)
    if len(gaps) < LEAST_GAPS or np.mean(gaps == 0) < ZERO_SHARE:
        return 0.0
    return float(np.quantile(gaps[gaps > 0], 0.01)) if (gaps > 0).any() else 0.0


class _Expected:
    """Requests that the model expects between two times."""

    def __init__(
        self, per_s: float, shape: DayShape, per_year: float, began: datetime | None
    ) -> None:
        self.per_s, self.shape, self.log_growth = per_s, shape, math.log(per_year)
        self.phase_s = shape.phase_s(began) if began else 0.0

    def counts(self, edges_s: FloatArray) -> FloatArray:
        """(k,) expected counts between (k + 1,) edges."""
        middle = (edges_s[1:] + edges_s[:-1]) / 2
        growth = np.exp(self.log_growth * middle / YEAR_S)
        cumulative = self._cumulative(edges_s + self.phase_s)
        return np.asarray(self.per_s * np.diff(cumulative) * growth)

    def _cumulative(self, at_s: FloatArray) -> FloatArray:
        """Integral of the multipliers from the shape's beginning: (n,) float64."""
        each = self.shape.multipliers() * self.shape.cell_s
        whole = np.concatenate(([0.0], np.cumsum(each)))
        period = self.shape.period_s
        edges = np.linspace(0.0, period, len(whole))
        turns, within = np.divmod(at_s, period)
        return np.asarray(turns * whole[-1] + np.interp(within, edges, whole))


def expected_counts(rate: Rate, began: datetime | None, edges_s: FloatArray) -> FloatArray:
    """Expected requests between edges: (k,) float64."""
    middle = math.sqrt(rate.growth[0] * rate.growth[1]) if rate.growth else 1.0
    return _Expected(rate.per_s, rate.shape, middle, began).counts(edges_s)


def _growth(
    arrival_s: FloatArray, span_s: float, remarks: list[str]
) -> tuple[tuple[float, float] | None, float]:
    """The interval of the factor a year, and its middle (1 where there is none)."""
    weeks = int((span_s + LACKING_S) // WEEK_S)
    if weeks < LEAST_WEEKS:
        remarks.append(f"growth takes {LEAST_WEEKS} weeks of a trace: none is assumed")
        return None, 1.0
    totals = np.histogram(arrival_s, np.arange(weeks + 1) * WEEK_S)[0]
    if (totals == 0).any():
        remarks.append("a week without a request says nothing of growth: none is assumed")
        return None, 1.0
    fit = stats.linregress(np.arange(weeks), np.log(totals))
    years = WEEK_S / YEAR_S
    chance = 1 / math.sqrt(totals.mean() * weeks * (weeks**2 - 1) / 12)  # of Poisson counts
    error = max(float(fit.stderr), chance)
    half = error * float(stats.t.ppf(0.95, weeks - 2))
    low, high = (math.exp(min(slope / years, 20)) for slope in (fit.slope - half, fit.slope + half))
    told = abs(fit.slope) >= error * float(stats.t.ppf(0.99, weeks - 2))
    if not told or high > WIDEST * low:
        remarks.append(f"growth cannot be told from chance ({low:.2g} to {high:.2g} times a year)")
        return None, 1.0
    return (low, high), math.sqrt(low * high)


def _shape(
    arrival_s: FloatArray,
    span_s: float,
    began: datetime | None,
    per_year: float,
    remarks: list[str],
) -> tuple[DayShape, float]:
    """The shape, and the mean rate over it at the beginning."""
    seen_s = span_s + LACKING_S
    if seen_s < DAY_S:
        remarks.append("the trace is shorter than a day: the rate is taken as the same all day")
        return FLAT, len(arrival_s) / span_s
    days = 7 if seen_s >= WEEK_S else 1
    if began is None:
        remarks.append("times have no dates: the first request is taken as midnight"
                       + (" of a Monday" if days == 7 else ""))  # fmt: skip
    if seen_s < 2 * DAY_S:
        remarks.append("one day alone: its chance swings are taken for the shape of the day")
    phase_s = DayShape("", (1.0,), days).phase_s(began) if began else 0.0
    hours = np.arange(math.floor(phase_s / HOUR_S), math.ceil((phase_s + span_s) / HOUR_S) + 1)
    edges = np.clip(hours * HOUR_S - phase_s, 0.0, span_s)
    cell = hours[:-1] % (24 * days)
    if seen_s >= WEEK_S and span_s < 2 * WEEK_S:  # a weekday's hours together, and a weekend's
        cell = cell % 24 + np.where(cell >= 5 * 24, 24, 0)
    counts = np.histogram(arrival_s, edges[np.concatenate(([True], np.diff(edges) > 0))])[0]
    wide = np.diff(edges) > 0
    middle = (edges[1:] + edges[:-1])[wide] / 2
    exposure = np.diff(edges)[wide] * np.exp(math.log(per_year) * middle / YEAR_S)
    size = int(cell.max()) + 1
    rates = np.bincount(cell[wide], counts, size) / np.bincount(cell[wide], exposure, size)
    if size == 48:
        rates = np.concatenate((np.tile(rates[:24], 5), np.tile(rates[24:], 2)))
    mean = float(rates.mean())
    return DayShape("measured", tuple((rates / mean).tolist()), days), mean


def _gap_cv(arrival_s: FloatArray, clock_s: float, remarks: list[str]) -> float:
    gaps = np.diff(arrival_s)
    if clock_s > 0:
        remarks.append(
            f"times are rounded to {clock_s:.3g} s, so that short gaps cannot be seen: arrivals are"
            " taken as Poisson beyond their slow swings"
        )
        return 1.0
    if len(gaps) < LEAST_GAPS:
        remarks.append(f"burstiness takes {LEAST_GAPS} gaps: arrivals are taken as Poisson")
        return 1.0
    blocks = gaps[: len(gaps) // GAPS * GAPS].reshape(-1, GAPS)
    means = blocks.mean(axis=1)
    blocks, means = blocks[means > 0], means[means > 0]
    observed = float(np.mean(blocks.var(axis=1, ddof=1) / means**2))
    squared = GAPS * observed / max(GAPS - observed, 1e-9)
    spread = float(np.std(blocks.var(axis=1, ddof=1) / means**2)) / math.sqrt(len(blocks))
    if abs(observed - GAPS / (GAPS + 1)) < SURE * spread and abs(squared - 1) < 0.1:
        return 1.0  # Poisson
    return min(math.sqrt(squared), MAX_CV)


def _dispersion(
    arrival_s: FloatArray,
    span_s: float,
    expected: _Expected,
    gap_cv: float,
    clock_s: float,
    remarks: list[str],
) -> Dispersion | None:
    """Swings beyond the shape, if they are more than chance."""
    width = window_s(span_s, clock_s)
    edges = windows(span_s, width)
    if len(edges) < 20:
        remarks.append("too short a trace to see slow swings of the rate: none are assumed")
        return None
    counts, mean = np.histogram(arrival_s, edges)[0], expected.counts(edges)
    excess = counts - mean
    own = gap_cv**2
    squared = float(np.sum(excess**2 - own * mean) / np.sum(mean**2))
    noise = own * float(mean.sum()) / float(np.sum(mean**2)) * math.sqrt(2 / len(mean))
    if squared <= 0.0 or squared < SURE * noise:  # even spacing has no noise either
        return None
    timescale = _timescale(excess, mean, squared, width)
    if timescale > span_s / 3:
        remarks.append("swings of the rate last as long as the trace: how long is not known")
    return Dispersion(min(math.sqrt(squared), 10.0), float(np.clip(timescale, SHORTEST_S, span_s)))


def _timescale(excess: FloatArray, mean: FloatArray, squared: float, width: float) -> float:
    """Correlation time: the sum of correlations until they are small, with what is left out."""
    total, least = 0.5, 0.1
    for lag in range(1, len(mean) // 3):
        covariance = float(np.sum(excess[lag:] * excess[:-lag]) / np.sum(mean[lag:] * mean[:-lag]))
        correlation = covariance / squared
        if correlation < least:
            break
        total += min(correlation, 1.0)
    return width * total / (1 - least)


def windows(span_s: float, width: float) -> FloatArray:
    """Edges of whole windows."""
    return np.asarray(np.arange(int(span_s // width) + 1) * width, dtype=np.float64)


def window_s(span_s: float, clock_s: float) -> float:
    """Width of the windows in which requests are counted."""
    return max(min(span_s / WINDOWS, LONGEST_S), SHORTEST_S, 4 * clock_s)


def dispersion_index(arrival_s: FloatArray, expected: FloatArray, edges_s: FloatArray) -> float:
    """Mean of (N - m)² / m over windows."""
    counts = np.histogram(arrival_s, edges_s)[0]
    fine = expected > 0
    return float(np.mean((counts - expected)[fine] ** 2 / expected[fine])) if fine.any() else np.nan


def model_index(rate: Rate, mean: float, width: float) -> float:
    """What the model gives for counts of expectation ``mean`` in windows of a width.

    The variance of the mean of an exponentially correlated factor over a window of x correlation
    times is cv² 2 (x - 1 + exp(-x)) / x².
    """
    own = rate.gap_cv**2
    if rate.dispersion is None:
        return own
    x = width / rate.dispersion.timescale_s
    share = 2 * (x - 1 + math.exp(-x)) / x**2
    return own + mean * rate.dispersion.cv**2 * share
