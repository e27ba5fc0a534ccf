"""What is thought of the coming months, some of it with a spread.

Volume, prompts and prices change by a factor a year, compounding continuously from the first month
on; each factor is a number or a distribution over worlds, drawn beside the uncertain inputs of the
scenario, under a name of its own. Volume may be given as a curve, too: multiples month by month,
the last of which stays.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sim.errors import PeakfleetError
from sim.model.distributions import Constant, Distribution, LogNormal
from sim.model.uncertain import UncertainInput

PREFIX = "plan."
Z95 = 1.6448536269514722  # of the standard normal
MOST_MONTHS = 120
SAME = Constant(1.0)
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Refresh:
    """Hardware that takes the place of the old one.

    Attributes
    ----------
    month : int
        From which on, counted from 0.
    speed : float
        Factor on the throughput of a GPU.
    price : float
        Factor on the price of a GPU-hour.
    """

    month: int
    speed: float
    price: float

    def __post_init__(self) -> None:
        if self.month < 1 or not self.speed > 0 or not self.price > 0:
            raise PeakfleetError(
                f"refresh ({self.month}:{self.speed:g}:{self.price:g}) must be MONTH:SPEED:PRICE,"
                " a month from 1 on and two factors above 0"
            )


@dataclass(frozen=True, slots=True)
class Outlook:
    """The coming months.

    Attributes
    ----------
    months : int
    growth : Distribution
        Factor on the volume, a year.
    curve : tuple of float
        Multiples of the volume month by month, in place of the growth; empty for none.
    creep : Distribution
        Factor on the length of prompts, a year.
    price : Distribution
        Factor on the prices of GPUs on demand, on spot, and of tokens, a year; 0.8 is a fifth off.
    refresh : Refresh or None
    peak_factor, peak_days : float
        Volume of a peak day over that of a weekday, and how many of them a month has.
    """

    months: int = 24
    growth: Distribution = SAME
    curve: tuple[float, ...] = ()
    creep: Distribution = SAME
    price: Distribution = SAME
    refresh: Refresh | None = None
    peak_factor: float = 1.5
    peak_days: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.months <= MOST_MONTHS:
            raise PeakfleetError(f"months ({self.months}) must be from 1 to {MOST_MONTHS}")
        if not 0 <= self.peak_days <= 20 or not 0 < self.peak_factor <= 100:
            raise PeakfleetError(
                f"peak days ({self.peak_days:g}) must be from 0 to 20 a month, and their factor"
                f" ({self.peak_factor:g}) above 0 and at most 100"
            )
        if any(not factor > 0 for factor in self.curve):
            raise PeakfleetError("multiples of a growth curve must be above 0")

    @property
    def inputs(self) -> tuple[UncertainInput, ...]:
        """What is drawn for every world."""
        laws = {"growth": self.growth, "creep": self.creep, "price": self.price}
        return tuple(UncertainInput(PREFIX + name, law) for name, law in laws.items())

    def volume(self, month: float, values: Mapping[str, float]) -> float:
        """Multiple of today's volume."""
        if self.curve:
            return self.curve[min(int(month), len(self.curve) - 1)]
        return float(values[PREFIX + "growth"] ** (month / 12.0))

    def prompt(self, month: float, values: Mapping[str, float]) -> float:
        """Multiple of today's prompts."""
        return float(values[PREFIX + "creep"] ** (month / 12.0))

    def speed(self, month: float) -> float:
        """Throughput of a GPU over today's."""
        return self.refresh.speed if self.refreshed(month) and self.refresh else 1.0

    def refreshed(self, month: float) -> bool:
        """Whether the new hardware is there."""
        return self.refresh is not None and month >= self.refresh.month


UNCHANGED = Outlook()


def factor(text: str) -> Distribution:
    """A factor written as ``3``, or as ``2..6``: its p5 and p95.

    Examples
    --------
    >>> factor("3").mean(), round(float(factor("2..8").ppf([0.5])[0]), 6)
    (3.0, 4.0)
    """
    parts = text.split("..")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    sound = len(numbers) in (1, 2) and all(0 < each <= 1000 for each in numbers)
    if not sound or (len(numbers) == 2 and not numbers[0] < numbers[1]):
        raise PeakfleetError(
            f"{text!r} must be a factor a year such as 3, or its p5 and p95 such as 2..6"
        )
    if len(numbers) == 1:
        return Constant(numbers[0])
    low, high = (math.log(each) for each in numbers)
    return LogNormal((low + high) / 2.0, (high - low) / (2.0 * Z95))
