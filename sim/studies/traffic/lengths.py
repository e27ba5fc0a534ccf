"""Numbers of tokens of a trace as a distribution: lognormal where that fits, else their own."""

import math

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from sim.studies.traffic.answer import LengthLaw

FloatArray = npt.NDArray[np.float64]

CLOSE = 0.03  # largest distance of a lognormal distribution function from that of the data
TAIL = 0.99  # above which values stand closer together
BINS, TAIL_BINS = 99, 10
MOST_PAIRS = 200_000
LEAST_PAIRS = 100


def length_law(tokens: npt.NDArray[np.integer]) -> LengthLaw:
    """The distribution of some numbers of tokens, at least 1 each."""
    values = np.sort(tokens.astype(np.float64))
    low, high = float(values[0]), float(values[-1])
    if low == high:
        return LengthLaw("fixed", int(low), lambda u: np.full(len(u), low), 0.0)
    logs = np.log(values)
    middle, sigma = float(logs.mean()), float(logs.std())

    def lognormal(u: FloatArray) -> FloatArray:
        return np.clip(np.exp(middle + sigma * special.ndtri(u)), low, high)

    edges = np.unique(values)
    below = special.ndtr((np.log(edges + 0.5) - middle) / sigma)  # whole tokens, rounded half up
    seen = np.searchsorted(values, edges, side="right") / len(values)
    distance = float(np.abs(below - seen)[:-1].max())
    if distance <= CLOSE:
        median = {"p50": _rounded(math.exp(middle)), "sigma": _rounded(sigma)}
        written = {"lognormal": median, "min": int(low), "max": int(high)}
        return LengthLaw("lognormal", written, lognormal, distance)
    return _empirical(values)


def _empirical(values: FloatArray) -> LengthLaw:
    """Means of bins of equal shares, finer above the 99th percentile, which keep the mean."""
    levels = np.concatenate((
        np.linspace(0, TAIL, BINS + 1)[:-1], np.linspace(TAIL, 1, TAIL_BINS + 1)
    ))  # fmt: skip
    places = np.unique(np.round(levels * len(values)).astype(np.int64))
    counts = np.diff(places)
    means = np.add.reduceat(values, places[:-1]) / counts
    shares = np.cumsum(counts) / len(values)
    each = [_rounded(value) for value in means.tolist()]
    weights = counts.tolist()
    table = {"values": each, "weights": weights} if len(set(weights)) > 1 else {"values": each}

    def ppf(u: FloatArray) -> FloatArray:
        return np.asarray(means[np.minimum(np.searchsorted(shares, u), len(means) - 1)])

    at = np.searchsorted(values, means, side="right") / len(values)
    distance = float(np.abs(at - shares).max())
    return LengthLaw("empirical", {"empirical": table}, ppf, distance)


def rank_correlation(prompt: npt.NDArray[np.integer], output: npt.NDArray[np.integer]) -> float:
    """Spearman's, 0 where it cannot be told from chance."""
    if len(prompt) < LEAST_PAIRS or prompt.min() == prompt.max() or output.min() == output.max():
        return 0.0
    step = max(len(prompt) // MOST_PAIRS, 1)
    found = stats.spearmanr(prompt[::step], output[::step])
    if not found.pvalue < 0.01 or abs(found.statistic) < 0.02:
        return 0.0
    return float(np.clip(found.statistic, -0.95, 0.95))


def _rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
