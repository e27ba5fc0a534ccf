"""Fast draws from a continuous law, by a table of its inverse.

A uniform number becomes a value by cubic pieces through the quantiles of the law, with their slopes
(Hermite), as in Hörmann and Leydold, Continuous random variate generation by fast numerical
inversion, ACM TOMACS 13 (2003). Pieces are as narrow as their distance from 0 or 1 asks for, 32 to
each halving of it, so that both tails are as exact as the middle. What lies beyond the table, one
draw in thirty million, is inverted by itself.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.model.distributions.protocol import FloatArray

Law = Callable[[FloatArray], FloatArray]

_HALVINGS = 26  # of the distance from 0, and of that from 1
_PARTS_BITS = 5  # 32 pieces each
_PARTS = 1 << _PARTS_BITS
_SHIFT = 52 - _PARTS_BITS  # of a double's bits: the exponent and the first of its fraction are left
_LEAST = 2.0**-_HALVINGS  # of the table
_FIRST = int(np.array(_LEAST).view(np.int64)) >> _SHIFT
_PIECES = (_HALVINGS - 1) * _PARTS + 1  # the last begins at the middle, for 1/2 itself
_TINY = 2.0**-53

EXACT_TO = 1e-7  # most that a piece may be off, as a share of the distance from 0 or 1


class Tabulated:
    """A law whose inverse is tabulated.

    Parameters
    ----------
    ppf, isf : callable
        Quantiles by the probability of less, and of more: (n,) float64 each.
    density : callable
        At values: (n,) float64.
    cdf, sf : callable
        Probability of less, and of more, than a value.

    Attributes
    ----------
    error : float
        The most that a value is off in the middle of a piece, where cubic pieces are off most: as
        a share of the probability of less or of more, whichever is smaller.
    """

    def __init__(self, ppf: Law, isf: Law, density: Law, cdf: Law, sf: Law) -> None:
        self._ppf, self._isf = ppf, isf
        starts = (np.arange(_FIRST, _FIRST + _PIECES + 1) << _SHIFT).view(np.float64)
        lower, upper = _pieces(starts, ppf, density, 1.0), _pieces(starts, isf, density, -1.0)
        self._pieces = [np.concatenate(both) for both in zip(lower, upper, strict=True)]
        middle = (starts[:-2] + starts[1:-1]) / 2
        with np.errstate(invalid="ignore"):
            off = np.concatenate(
                [
                    cdf(self._inverted(middle, np.zeros(len(middle), bool))) / middle - 1,
                    sf(self._inverted(middle, np.ones(len(middle), bool))) / middle - 1,
                ]
            )
        self.error = float(np.abs(off).max()) if np.isfinite(off).all() else np.inf

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values: (n,) float64."""
        u = rng.random(n)
        is_upper = u >= 0.5
        tail = np.subtract(1.0, u)
        np.minimum(u, tail, out=tail)
        return self._inverted(tail, is_upper)

    def _inverted(self, tail: FloatArray, is_upper: npt.NDArray[np.bool_]) -> FloatArray:
        """Values by the probability of less, at most a half, or of more."""
        bits = tail.view(np.int64) >> _SHIFT
        piece = bits - _FIRST
        few = np.flatnonzero(piece < 0)
        piece += is_upper * np.int64(_PIECES)
        bits <<= _SHIFT
        beyond = np.subtract(tail, bits.view(np.float64))
        value, part = np.empty(len(tail)), np.empty(len(tail))
        np.take(self._pieces[3], piece, out=value, mode="clip")
        for coefficient in self._pieces[2::-1]:
            value *= beyond
            value += np.take(coefficient, piece, out=part, mode="clip")
        for at in few:
            invert = self._isf if is_upper[at] else self._ppf
            value[at] = invert(np.maximum(tail[at : at + 1], _TINY))[0]
        return value


def _pieces(starts: FloatArray, quantile: Law, density: Law, sign: float) -> list[FloatArray]:
    """Coefficients, by ascending power, of the cubic pieces between the starts."""
    value = quantile(starts)
    width = np.diff(starts)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = sign / density(value)
        rise = np.diff(value) / width
        second = (3 * rise - 2 * slope[:-1] - slope[1:]) / width
        third = (slope[:-1] + slope[1:] - 2 * rise) / width**2
    return [value[:-1], slope[:-1], second, third]
