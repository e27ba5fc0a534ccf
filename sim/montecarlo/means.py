"""Means over worlds, with intervals that know of skewness.

Student's interval of a mean is for figures that are not skewed: of a lognormal whose p95 is twelve
times its median it holds in 78 % at 24 worlds, always too low. So its ends are moved by the cubic
transformation of Hall (1992), which takes the skewness out of Student's statistic,

    g(t) = t + a t^2 / 3 + a^2 t^3 / 27 + a / 6,    a = skewness / sqrt(n),

on the side of the tail as far as it says, never less than Student's. On the other side it comes
nearer only as far as the fourth moment agrees that the tail is a one-sided one. A sample shows less
of its skewness than there is, so that is taken for 1.6 times as much, but for none where it is no
larger than chance makes that of normal figures. How often such intervals hold is measured in
``benchmarks/interval_shapes.py``.

Both ends are given however few worlds make up the tail. How many do is chance: to keep back the
end on their side where they are one to three would leave the samples with none of them or too many,
and of those of 200 worlds every second interval is wrong where 1 in 100 is a disaster. Of a figure
with two values, one of which any share of 72 worlds or more has, the interval holds in 94.8 % at
least of the samples that show both (``tests/montecarlo/test_interval_shapes.py``). A verdict can be
kept back at no such price: none rests on the side of a tail that fewer than four worlds make up.

Where all worlds have the same value there is no interval. And no interval tells of what is in none
of the worlds: something in 1 of 100 is missing from 37 % of all samples of 100
(:func:`~sim.montecarlo.shares.unseen_share`). So a figure that inputs do not explain has an
interval of its mean from 72 worlds on, as a p95 has.

Where the uncertain inputs explain a figure (:mod:`sim.montecarlo.controls`), all of this is done
with what they do not explain.

References
----------
Hall (1992), On the removal of skewness by transformation. Johnson (1978), Modified t tests and
confidence intervals for asymmetrical populations.
"""

import math

import numpy as np
import numpy.typing as npt

from sim.model.special import stdtrit
from sim.montecarlo.controls import Controls
from sim.montecarlo.shares import CONFIDENCE, NAN, Interval

FloatArray = npt.NDArray[np.float64]

HIDDEN = 1.6  # skewness there is, over that which a sample shows; from the benchmark
DOUBT = 2.0  # variances of a normal sample's skewness, 6 / n, from which on it is believed
STEEPEST = 1.1  # of the transformation, in t: its far end is the farthest there
FAR_OUT = 0.25  # of the largest deviation: worlds that make up a tail lie beyond
FEWEST_FAR_OUT = 4  # of them, for a verdict on the side of the tail
FEWEST = 72  # worlds; what happens in 1 of 20 is in fewer with less than 97.5 %
SAME = 1e-12  # relative: a spread that comes of rounding only
ROUNDING = 1e-10  # relative to the mean: the error of sums, and of means of distributions


def mean_interval(
    values: FloatArray,
    confidence: float = CONFIDENCE,
    controls: Controls | None = None,
    fewest: int = 2,
    told: bool = True,
    verdict: bool = False,
) -> tuple[float, Interval]:
    """Mean and its interval, from the residuals where inputs explain the figure.

    Parameters
    ----------
    values : (n,) float64
        Not NaN.
    confidence : float
    controls : Controls, optional
        Of the same worlds.
    fewest : int
        Worlds for an interval where inputs do not explain the figure.
    told : bool
        Whether these worlds tell of a mean at all: not where an input has a rare branch that none
        of them has drawn (:mod:`sim.montecarlo.undrawn`).
    verdict : bool
        Whether a verdict rests on it: then the end away from a tail is no nearer than Student's,
        and there is none on the side of a tail that few worlds make up.

    Returns
    -------
    float
    (float, float)
        NaN where these worlds tell none.
    """
    n = len(values)
    mean = float(np.mean(values)) if n else NAN
    if n < 2 or not math.isfinite(mean):
        return mean, (NAN, NAN)
    # What is yes or no is counted: a share that no number of worlds makes would puzzle.
    counted = bool(np.isin(values, (0.0, 1.0)).all())
    fit = controls.mean(values) if controls and not counted else None
    if fit:
        mean = min(max(fit.mean, float(values.min())), float(values.max()))
        # Where inputs determine the figure, the errors of sums and of their means are left.
        rest = ROUNDING * (abs(mean) + float(np.std(values)))
        if not told:
            return mean, (NAN, NAN)
        if fit.error <= rest:
            return mean, (mean - rest, mean + rest)
        # A world whose error counts for more because it lies far off is no tail by that.
        low, high = interval_ends(fit.influences, fit.freedom, confidence, nearer=not verdict)
        return mean, (mean + float(low), mean + float(high))
    if not told or n < fewest or np.ptp(values) <= SAME * abs(mean):
        return mean, (NAN, NAN)
    tail = FEWEST_FAR_OUT if verdict else 0
    low, high = interval_ends(influences_of(values), n - 1, confidence, not verdict, tail)
    return mean, (mean + float(low), mean + float(high))


def fewest_of_difference(controls: Controls | None) -> int:
    """Worlds from which on a mean difference has an interval.

    Two where uncertain inputs say how worlds differ, and none of their branches is missing; where
    there are none, or too many for so few worlds, as many as for any mean.
    """
    return 2 if controls and controls.enough else FEWEST


def influences_of(values: FloatArray) -> FloatArray:
    """What each world moves the mean by; the squares sum to the variance of the mean.

    Parameters
    ----------
    values : (..., n) float64
    """
    n = values.shape[-1]
    deviations = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(deviations / math.sqrt(n * (n - 1)))


def interval_ends(
    influences: FloatArray,
    freedom: int,
    confidence: float,
    nearer: bool = True,
    tail: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Ends of the interval of a mean, less the mean.

    Parameters
    ----------
    influences : (..., n) float64
        What each world moves the mean by.
    freedom : int
        Degrees of freedom of their spread.
    confidence : float
    nearer : bool
        Whether the end away from a tail may lie nearer than Student's.
    tail : int
        Worlds that make up a tail, at least, for the end on its side.

    Returns
    -------
    two of (...) float64
        NaN where the worlds do not tell.
    """
    n = influences.shape[-1]
    size = np.abs(influences).max(axis=-1, keepdims=True)
    known = size[..., 0] > 0.0
    parts = influences / np.where(size > 0.0, size, 1.0)
    squares = np.square(parts)
    variance = squares.sum(axis=-1)
    scale = np.where(known, variance, 1.0)
    slant = (squares * parts).sum(axis=-1) / scale**1.5  # skewness / sqrt(n)
    kurtosis = n * np.square(squares).sum(axis=-1) / scale**2
    t = float(stdtrit(freedom, (1.0 + confidence) / 2.0))
    far, near = _transformed(np.abs(slant), kurtosis, n, t)
    far = np.where((np.abs(parts) >= FAR_OUT).sum(axis=-1) < tail, np.nan, far)
    near = near if nearer else np.maximum(near, t)
    error = np.where(known, np.sqrt(variance) * size[..., 0], np.nan)
    rightward = slant > 0.0
    low = -error * np.where(rightward, near, far)
    high = error * np.where(rightward, far, near)
    return np.asarray(low), np.asarray(high)


def _transformed(
    slant: FloatArray, kurtosis: FloatArray, n: int, t: float
) -> tuple[FloatArray, FloatArray]:
    """Ends of Student's interval without skewness, in standard errors: far and near the tail.

    Parameters
    ----------
    slant, kurtosis : (...) float64
        Of the sample; the slant at least 0.
    n : int
    t : float
        The quantile of Student's distribution.
    """
    skewness2 = np.square(slant) * n
    believed = skewness2 / (skewness2 + DOUBT * 6.0 / n)
    a = np.clip(HIDDEN * slant * believed, 1e-9, STEEPEST / t)
    far = 3.0 / a * (1.0 - np.cbrt(1.0 - a * (t + a / 6.0)))
    near = 3.0 / a * (np.cbrt(1.0 + a * (t - a / 6.0)) - 1.0)
    # Kurtosis is at least skewness^2 + 1, which two values have: a tail on one side only.
    one_sided = np.minimum(skewness2 / np.maximum(kurtosis - 1.0, 1e-9), 1.0) ** 3
    return np.maximum(far, t), np.asarray((1.0 - one_sided) * t + one_sided * near)
