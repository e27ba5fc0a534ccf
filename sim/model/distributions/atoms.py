"""Values that a distribution takes with a probability of their own."""

import numpy as np

from sim.model.distributions.combined import Clipped, Empirical, Mixture
from sim.model.distributions.known import LogNormal, Normal
from sim.model.distributions.plain import Constant
from sim.model.distributions.protocol import Distribution, FloatArray
from sim.model.distributions.scaled import Scaled


def atoms(distribution: Distribution) -> tuple[FloatArray, FloatArray]:
    """Values, increasing, and the probability of each; both are empty where every value is rare.

    Examples
    --------
    >>> from sim.model.distributions import Uniform
    >>> values, shares = atoms(Clipped(Uniform(0, 10), 1, 8))
    >>> values.tolist(), shares.round(12).tolist()
    ([1.0, 8.0], [0.1, 0.2])
    """
    values, shares = _parts(distribution)
    points, place = np.unique(values, return_inverse=True)
    mass = np.zeros(len(points))
    np.add.at(mass, place, shares)
    return points[mass > 0], mass[mass > 0]


def _parts(distribution: Distribution) -> tuple[FloatArray, FloatArray]:
    """Values, some of them perhaps twice, and shares that add up."""
    none = np.empty(0)
    match distribution:
        case Empirical():
            return distribution.atoms()
        case Constant() | Normal(sd=0) | LogNormal(sigma=0):
            return np.array([distribution.mean()]), np.ones(1)
        case Scaled(base=base, factor=factor):
            values, shares = _parts(base)
            return factor * values, shares
        case Clipped(base=base, low=low, high=high):
            values, shares = _parts(base)
            ends = np.array([low, high])
            below = float(base.cdf(ends[:1])[0]) if np.isfinite(low) else 0.0
            above = 1.0 - float(base.cdf(ends[1:])[0]) if np.isfinite(high) else 0.0
            above += float(shares[values == high].sum())
            inside = (values > low) & (values < high)
            return np.append(values[inside], ends), np.append(shares[inside], [below, above])
        case Mixture(components=components):
            found = [_parts(each) for each in components]
            weights = distribution.shares()
            scaled = [weight * shares for weight, (_, shares) in zip(weights, found, strict=True)]
            return np.concatenate([none, *(each for each, _ in found)]), np.concatenate(
                [none, *scaled]
            )
        case _:
            return none, none
