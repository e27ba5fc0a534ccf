"""How far figures are from what a law explains: chance over few requests, and a floor by metric.

A figure's floor is first set to what repeats of a run may differ by, which is much where an engine
shares its machine and nearly nothing in a quiet one. What a fit leaves over says which. Figures of
a metric that are off by r_i, of which a share 1 - h_i is not followed by the law's coefficients,
with floors f_i and chances e_i, give a factor s on the floors the likelihood

    prod_i v_i^(-(1 - h_i) / 2) exp(-r_i^2 / 2 v_i),    v_i = s^2 f_i^2 + e_i^2.

Before the data speak, s is taken to be lognormal, within a factor of e either way, with a mean
square of 1: where too few figures are left to tell, intervals are as wide as the floors.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

GRID = np.linspace(math.log(0.01), math.log(20.0), 200)  # of log s
SPREAD = 1.0  # of log s, before the data speak
FAR = 4.0  # standard deviations, beyond which a request says no more


def factors(
    kinds: Sequence[str],
    off: FloatArray,
    floor: FloatArray,
    chance: FloatArray,
    weight: FloatArray,
    leverage: FloatArray,
) -> FloatArray:
    """The factor on the floor of each figure: (n,) float64.

    Parameters
    ----------
    kinds : sequence of str
        Figures of one kind have one factor; those of the kind "" keep what they have.
    off : (n,) float64
        Of the logarithm; so are the floors and chances.
    floor, chance : (n,) float64
    weight : (n,) float64
        How much each counts, from 0 to 1.
    leverage : (n,) float64
        Share of each that the law's coefficients follow, from 0 to 1.

    Examples
    --------
    Many figures, each off by a tenth of its floor; and one of which nothing is left:

    >>> none, one = np.zeros(50), np.ones(50)
    >>> many = factors(["tpot"] * 50, 0.1 * one, one, none, one, none)
    >>> few = factors(["ttft"], none[:1], one[:1], none[:1], one[:1], one[:1])
    >>> round(float(many[0]), 2), round(float(few[0]), 1)
    (0.1, 1.0)
    """
    found = np.ones(len(off))
    of = np.array(kinds)
    for kind in sorted(set(kinds) - {""}):
        own = of == kind
        columns = (each[own, None] for each in (off, floor, chance, weight, leverage))
        found[own] = _root_mean_square(*columns)
    return found


def _root_mean_square(
    off: FloatArray, floor: FloatArray, chance: FloatArray, weight: FloatArray, leverage: FloatArray
) -> float:
    """Of the factor, given figures in rows: (n, 1) each."""
    variance = np.exp(2 * GRID) * floor**2 + chance**2
    logs = -(weight * ((1.0 - leverage) * np.log(variance) + off**2 / variance)).sum(axis=0) / 2
    logs -= (GRID + SPREAD**2) ** 2 / (2 * SPREAD**2)  # of the lognormal with a mean square of 1
    weights = np.exp(logs - logs.max())
    return math.sqrt(float((weights * np.exp(2 * GRID)).sum() / weights.sum()))


def chance_of_mean(values: FloatArray) -> float:
    """Standard deviation of the mean of values in a row that may be like their neighbours.

    By overlapping batch means (Meketon and Schmeiser 1984), and no less than of independent ones;
    values far out say no more than that they are far out.
    """
    low, middle, high = np.percentile(values, (25.0, 50.0, 75.0))
    reach = FAR * (high - low) / 1.35  # the distance of a normal's quartiles
    values = np.clip(values, middle - reach, middle + reach)
    count, each = len(values), max(math.isqrt(len(values)), 1)
    alone = float(values.var(ddof=1)) / count
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = (sums[each:] - sums[:-each]) / each
    if count <= each:
        return math.sqrt(alone)
    spread = float(((means - values.mean()) ** 2).mean()) * count / (count - each)
    return math.sqrt(max(alone, spread * each / count))
