"""Rare branches of uncertain inputs that none of the worlds has drawn.

A mean hangs on what happens in few worlds, and of that these may show nothing: something in 1 of
100 is in none of 64 more often than not, and no interval made of those can tell (Bahadur and Savage
1956). But where it is an uncertain input that has the rare branch, such as a choice of 1 with a
weight of 99 and 40 with one of 1, its share is known, and so is that no world has drawn it. Then
there is no interval of a mean, and no verdict that rests on one, until it is.

A branch is a value of a choice, a component of a mixture, or a value of a table that lies as far
beyond all that are drawn as these lie apart.

References
----------
Bahadur and Savage (1956), The nonexistence of certain statistical procedures in nonparametric
problems.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.distributions import Choice, Clipped, Distribution, Empirical, Mixture, atoms
from sim.model.distributions.scaled import Scaled
from sim.model.uncertain import UncertainInput
from sim.montecarlo.shares import unseen_share

FloatArray = npt.NDArray[np.float64]
Branch = tuple[float, float, float]  # its share, and from where to where most of it lies

MOST_OF_IT = (0.05, 0.95)
ROUNDING = 1e-9  # relative: of a value that is read back


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A branch that is in none of the worlds.

    Attributes
    ----------
    path : str
        Of the input.
    share : float
        Of all worlds that have it.
    low, high : float
        Where most of it lies.
    """

    path: str
    share: float
    low: float
    high: float

    @property
    def worlds(self) -> int:
        """Worlds that have one for sure, as they are a Latin hypercube: a cell is within it."""
        return int(2 ** math.ceil(math.log2(2.0 / self.share)))

    @property
    def words(self) -> str:
        """The input, the branch and its share.

        >>> Undrawn("backends.api.price.input", 0.01, 40.0, 40.0).words
        'backends.api.price.input at 40, as in 1 % of all worlds'
        """
        where = f"{self.low:.4g}" if self.low == self.high else f"{self.low:.4g} … {self.high:.4g}"
        return f"{self.path} at {where}, as in {100.0 * self.share:.2g} % of all worlds"

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "input": self.path,
            "share": self.share,
            "low": self.low,
            "high": self.high,
            "worlds_needed": self.worlds,
            "words": self.words,
        }


def undrawn(
    inputs: Iterable[UncertainInput], draws: Mapping[str, FloatArray]
) -> tuple[Undrawn, ...]:
    """The branches that are in none of the worlds, the rarest last.

    Parameters
    ----------
    inputs : iterable of UncertainInput
    draws : mapping of str to (worlds,) float64
        Values by path, NaN where unknown.

    Examples
    --------
    >>> rare = UncertainInput("price", Choice((1.0, 40.0), (0.99, 0.01)))
    >>> [each.worlds for each in undrawn([rare], {"price": np.ones(24)})]
    [256]
    """
    found = [
        Undrawn(each.path, *branch)
        for each in inputs
        if np.isfinite(draws[each.path]).all()
        for branch in branches(each.distribution, draws[each.path])
        if not _holds(draws[each.path], branch)
    ]
    return tuple(sorted(found, key=lambda each: -each.share))


def means_rest_on(worlds: int, branches: Sequence[Undrawn]) -> dict[str, Any]:
    """What means over some worlds rest on, as plain data.

    What happens in more than ``unseen_share`` of all worlds is among them, but for a chance of 5 %.
    """
    return {
        "means_rest_on": {
            "worlds": worlds,
            "unseen_share": unseen_share(worlds),
            "undrawn": [each.as_json() for each in branches],
        }
    }


def branches(distribution: Distribution, drawn: FloatArray) -> Iterator[Branch]:
    """Branches of a distribution, some of which may be rare.

    Parameters
    ----------
    distribution : Distribution
    drawn : (worlds,) float64
        For tables: values among these, or close to them, are none.
    """
    match distribution:
        case Scaled(base=base, factor=factor):
            for share, low, high in branches(base, drawn / factor):
                yield share, factor * low, factor * high
        case Clipped(base=base, low=least, high=most):
            for share, low, high in branches(base, drawn):
                yield share, min(max(low, least), most), min(max(high, least), most)
        case Choice():
            values, shares = distribution.atoms()
            yield from _points(values, shares)
        case Empirical():
            values, shares = distribution.atoms()
            far = _far(values, drawn)
            yield from _points(values[far], shares[far])
        case Mixture(components=components):
            for weight, each in zip(distribution.shares(), components, strict=True):
                if weight > 0.0:
                    yield from _of_component(float(weight), each, drawn)


def _of_component(weight: float, component: Distribution, drawn: FloatArray) -> Iterator[Branch]:
    within = list(branches(component, drawn))
    for share, low, high in within:
        yield weight * share, low, high
    if not within:
        values, _ = atoms(component)
        low, high = (
            (float(values[0]), float(values[-1]))
            if len(values) == 1
            else component.ppf(np.array(MOST_OF_IT)).tolist()
        )
        yield weight, low, high


def _points(values: FloatArray, shares: FloatArray) -> Iterator[Branch]:
    for value, share in zip(values.tolist(), shares.tolist(), strict=True):
        yield share, value, value


def _far(values: FloatArray, drawn: FloatArray) -> npt.NDArray[np.bool_]:
    """Which values lie beyond all drawn ones, as far as these lie apart: (n,) bool."""
    if not len(drawn):
        return np.zeros(len(values), np.bool_)
    low, high = float(drawn.min()), float(drawn.max())
    return np.asarray((values > high + (high - low)) | (values < low - (high - low)))


def _holds(drawn: FloatArray, branch: Branch) -> bool:
    """Whether any world has drawn a branch, or there are no worlds."""
    _, low, high = branch
    near = ROUNDING * max(abs(low), abs(high))
    within = (drawn >= low - near) & (drawn <= high + near)
    return bool(within.any()) or not len(drawn)
