"""How many GPUs to commit to: a newsvendor over the simulated hours of all worlds.

A committed GPU costs ``reserved`` for every hour of its term, one that is not committed to costs
``flexible`` for the hours in which it is in use. With D GPUs in use in an hour and Q committed,
the cost per hour is reserved·Q + flexible·max(D - Q, 0), whose expectation is least where
P(D > Q) falls to reserved / flexible: Q is the (1 - reserved / flexible)-quantile of D over the
hours of the term and the worlds (Arrow, Harris and Marschak 1951). Where the flexible price changes
in the term, hours count with their prices.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def best_commitment(demand: FloatArray, flexible: FloatArray, reserved: float) -> float:
    """The number of GPUs for which the expected cost is least.

    Parameters
    ----------
    demand : (n,) float64
        GPUs in use in each hour of each world.
    flexible : (n,) float64
        What each of these hours costs where it is not committed to, weighted by how often such an
        hour comes; the weights need not add up to 1.
    reserved : float
        Price of a committed GPU, weighted with the sum of the same weights.

    Returns
    -------
    float
        One of the demands, or 0.

    Examples
    --------
    >>> hours = np.arange(1.0, 11.0)  # from 1 to 10 GPUs in use
    >>> best_commitment(hours, np.full(10, 2.0), reserved=10 * 1.2)  # in use 60 % of the time
    4.0
    """
    order = np.argsort(demand)[::-1]
    above = np.cumsum(flexible[order])  # what it saves to have one more, at each level from the top
    reached = np.flatnonzero(above >= reserved * (1.0 + 1e-12))
    # The last of the equals: the level at which enough hours lie at it or above.
    return float(demand[order[reached[0]]]) if len(reached) else 0.0


def cost(demand: FloatArray, flexible_usd: FloatArray, committed: float) -> FloatArray:
    """Price of what is in use beyond the committed GPUs, in each hour."""
    beyond: FloatArray = np.maximum(demand - committed, 0.0) * flexible_usd
    return beyond
