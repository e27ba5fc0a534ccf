"""Shares of worlds, and what they tell of a probability.

So many of n independent worlds have a property; the probability behind that has the interval of
Clopper and Pearson (1934), which holds it with at least the stated confidence, whatever it is. It
is two-sided at 95 %, also where all worlds have the property or none has: of 200 in 200, "at least
98.2 %". Worlds of a Latin hypercube are more even than independent ones, so it errs on the wide
side. Below 40 worlds the count itself is said ("5 of 6 worlds"), for so coarse a share misleads.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.special import betaincinv

Interval = tuple[float, float]

CONFIDENCE = 0.95
NAN = float("nan")
COUNTED_BELOW = 40  # worlds; fewer are counted out, not said as a share


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some worlds have a property.

    Attributes
    ----------
    count, worlds : int
        Those that have it, of how many.

    Examples
    --------
    >>> Share(186, 200).words(), Share(200, 200).words()
    ('93 % of worlds (89 … 96.1 %)', 'all 200 worlds (at least 98.2 %)')
    >>> Share(0, 200).words(), Share(5, 6).words()
    ('none of 200 worlds (at most 1.8 %)', '5 of 6 worlds (36 … 99.6 %)')
    """

    count: int
    worlds: int

    @classmethod
    def of(cls, holds: npt.ArrayLike) -> "Share":
        """From whether each world has it: (worlds,) bool."""
        found = np.asarray(holds, np.bool_)
        return cls(int(found.sum()), len(found))

    @property
    def value(self) -> float:
        """The share; NaN of no worlds."""
        return self.count / self.worlds if self.worlds else NAN

    @property
    def interval(self) -> Interval:
        """Two-sided 95 % interval of the probability; NaN of no worlds."""
        return share_interval(self.count, self.worlds)

    def as_json(self) -> dict[str, Any]:
        """As a part of an answer."""
        return {
            "count": self.count,
            "of": self.worlds,
            "share": self.value,
            "share_ci": list(self.interval),
        }

    def words(self) -> str:
        """The worlds and the interval, to follow upon "in"."""
        many = "world" if self.worlds == 1 else "worlds"
        if self.count in (0, self.worlds):
            which = "none of" if self.count == 0 else "all" if self.worlds > 1 else "the"
            said = f"{which} {self.worlds:,} {many}"
        elif self.worlds < COUNTED_BELOW:
            said = f"{self.count} of {self.worlds} {many}"
        else:
            said = f"{percent(self.value)} of worlds"
        return f"{said} {self.bounds()}".rstrip()

    def bounds(self) -> str:
        """The interval in brackets; empty of no worlds.

        >>> Share(12, 12).bounds(), Share(3, 12).bounds()
        ('(at least 74 %)', '(5 … 57 %)')
        """
        if not self.worlds:
            return ""
        low, high = self.interval
        if self.count == self.worlds:
            return f"(at least {_ending(low)} %)"
        if self.count == 0:
            return f"(at most {_ending(high)} %)"
        return f"({_ending(low)} … {_ending(high)} %)"


def spread_over(worlds: int) -> tuple[float, float, str]:
    """Between which quantiles a figure over so many worlds is shown, and in which words.

    Nine tenths of many worlds lie between their p5 and p95, and a further one does so about as
    often. Of few it does not (of 6 in 73 %): all of them are shown, and nothing is said of others.

    >>> spread_over(200), spread_over(6)
    ((0.05, 0.95, 'in 90 % of worlds'), (0.0, 1.0, 'over 6 worlds'))
    """
    if worlds < COUNTED_BELOW:
        return 0.0, 1.0, f"over {worlds} world{'' if worlds == 1 else 's'}"
    return 0.05, 0.95, "in 90 % of worlds"


def percent(share: float) -> str:
    """A share of worlds: never rounded to none or all where it is neither; a dash of NaN.

    >>> percent(0.934), percent(0.9996), percent(0.005), percent(0.0), percent(1.0)
    ('93 %', '99.96 %', '0.5 %', '0 %', '100 %')
    """
    return "–" if math.isnan(share) else f"{_rounded(share, 0)} %"


def percent_beside(share: float, asked: float) -> str:
    """A share beside one that is asked, with as many digits as tell the two apart.

    >>> percent_beside(0.9496, 0.95), percent_beside(0.95, 0.95), percent_beside(0.99999, 0.95)
    ('94.96 %', '95 %', '100 %')
    >>> percent_beside(0.94996, 0.95), percent_beside(0.99899, 0.999)
    ('94.996 %', '99.899 %')
    """
    limit = percent(asked)
    if share == asked or math.isnan(share):
        return percent(share)
    texts = [percent(round(share, 4)), *(f"{_rounded(share, digits)} %" for digits in range(1, 12))]
    apart = (text for text in texts if float(text[:-2]) != float(limit[:-2]))
    return next(apart, f"{100 * share!r} %")


@lru_cache(maxsize=65_536)
def share_at_least(count: int, n: int, error: float) -> float:
    """Lower limit of a share of which ``count`` of ``n`` were seen (Clopper and Pearson, 1934).

    The share is below it with a chance of at most ``error``.

    >>> round(share_at_least(59, 59, 0.05), 4)
    0.9505
    """
    return 0.0 if count == 0 else float(betaincinv(count, n - count + 1, error))


@lru_cache(maxsize=65_536)
def share_at_most(count: int, n: int, error: float) -> float:
    """Upper limit of a share: it is above with a chance of at most ``error``."""
    return 1.0 if count == n else float(betaincinv(count + 1, n - count, 1.0 - error))


def share_interval(count: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's interval of a share; NaN of none."""
    if n == 0:
        return NAN, NAN
    tail = (1.0 - confidence) / 2.0
    return share_at_least(count, n, tail), share_at_most(count, n, tail)


def unseen_share(worlds: int, error: float = 1.0 - CONFIDENCE) -> float:
    """What happens in a larger share of all worlds is among these, but for a chance of ``error``.

    >>> round(1 / unseen_share(200))
    67
    """
    return float(-math.expm1(math.log(error) / worlds)) if worlds else 1.0


def _ending(share: float) -> str:
    """An end of an interval in percent: one digit more within 5 % of none or all."""
    return _rounded(share, 0 if 0.05 <= share <= 0.95 else 1)


def _rounded(share: float, digits: int) -> str:
    """In percent, with as many digits as keep it from none and all."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}"
    texts = (f"{100 * share:.{more}f}" for more in range(digits, digits + 6))
    text = next((each for each in texts if 0 < float(each) < 100), f"{100 * share:g}")
    return text.removesuffix(".0")
