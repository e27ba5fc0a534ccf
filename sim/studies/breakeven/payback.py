"""How long owned hardware takes to pay for itself.

What is bought is paid at the beginning. From then on it saves, month by month, what the reference
would have cost less what running the machines does (power, room, network, staff, and GPUs that are
rented beside). The reference's price may fall meanwhile by its ``yearly_factor``: with A its cost a
year now, f the factor and R the running cost,

    A · (f^t - 1) / ln f - R · t = purchase price

has a first root t, or none: machines that are overtaken by cheaper tokens never pay back. What they
are worth at the end is left out.
"""

import math

import numpy as np
import numpy.typing as npt

from sim.montecarlo.estimates import quantile

FloatArray = npt.NDArray[np.float64]

LONGEST_YEARS = 30.0  # nobody waits longer


def payback_years(
    capital_usd: float, reference_usd: float, running_usd: float, yearly_factor: float = 1.0
) -> float:
    """Years until the savings have paid for the hardware; infinite if they never do.

    Parameters
    ----------
    capital_usd : float
        Purchase price.
    reference_usd, running_usd : float
        Cost in a year of the reference at its price now, and of running the hardware.
    yearly_factor : float
        By which the reference's price changes in a year.

    Examples
    --------
    >>> payback_years(100.0, 90.0, 40.0)
    2.0
    >>> round(payback_years(100.0, 90.0, 40.0, yearly_factor=0.9), 3)
    2.576
    >>> payback_years(100.0, 90.0, 40.0, yearly_factor=0.5)
    inf
    """
    if capital_usd <= 0:
        return 0.0
    if not math.isfinite(reference_usd) or not math.isfinite(running_usd):
        return math.inf
    if yearly_factor == 1:
        saved = reference_usd - running_usd
        years = capital_usd / saved if saved > 0 else math.inf
        return years if years <= LONGEST_YEARS else math.inf
    low, high = 0.0, _best_years(reference_usd, running_usd, yearly_factor)
    if _saved(high, reference_usd, running_usd, yearly_factor) < capital_usd:
        return math.inf
    for _ in range(60):
        middle = (low + high) / 2
        enough = _saved(middle, reference_usd, running_usd, yearly_factor) >= capital_usd
        low, high = (low, middle) if enough else (middle, high)
    return high


def _saved(years: float, reference_usd: float, running_usd: float, factor: float) -> float:
    paid: float = reference_usd * (factor**years - 1) / math.log(factor)
    return paid - running_usd * years


def _best_years(reference_usd: float, running_usd: float, factor: float) -> float:
    """When the most is saved: with falling prices, when the reference costs what running does."""
    if factor > 1 or running_usd <= 0:
        return LONGEST_YEARS
    if reference_usd <= running_usd:
        return 0.0
    return min(math.log(running_usd / reference_usd) / math.log(factor), LONGEST_YEARS)


def levels(values: FloatArray) -> tuple[float, float, float]:
    """p5, p50 and p95 of values that may be infinite."""
    ordered = np.sort(values)
    return quantile(ordered, 0.05), quantile(ordered, 0.5), quantile(ordered, 0.95)
