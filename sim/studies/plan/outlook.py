"""What is thought of the coming months, some of it with a spread.

Volume, prompts and prices change by a factor a year, compounding continuously from the first month
on; each factor is a number or a distribution over worlds, drawn beside the uncertain inputs of the
scenario, under a name of its own. Volume may be given as a curve, too: multiples month by month,
the last of which stays.

Hardware is refreshed all at once: from that month on every GPU is a new one, faster and at another
price, with the memory of the old. Retraining comes round every so many months at a fixed price.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.distributions import Constant, Distribution
from sim.model.uncertain import UncertainInput

FloatArray = npt.NDArray[np.float64]

PREFIX = "plan."
MOST_MONTHS = 120
SAME = Constant(1.0)
MOST_TIMES = 1000.0  # that any factor may be
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Refresh:
    """Hardware that takes the place of all there was before.

    Attributes
    ----------
    month : int
        From which on, counted from 0.
    speed : float
        Throughput of a GPU over that of today's.
    price : float
        Price of a GPU-hour over that of today's hardware in the same month.
    """

    month: int
    speed: float
    price: float

    def __post_init__(self) -> None:
        if self.month < 1 or not all(0 < f <= MOST_TIMES for f in (self.speed, self.price)):
            raise PeakfleetError(
                f"refresh ({self.month + 1}:{self.speed:g}:{self.price:g}) must be"
                " MONTH:SPEED:PRICE, a month from 2 on and two factors above 0 and at most"
                f" {MOST_TIMES:g}, such as 18:2:1.6"
            )


TODAY = Refresh(1, 1.0, 1.0)  # hardware before any refresh; its month means nothing


@dataclass(frozen=True, slots=True)
class Retraining:
    """Training or fine-tuning that is done again and again.

    Attributes
    ----------
    every : int
        Months between two of them; the first comes so many months from now.
    usd : float
        Of each.
    """

    every: int
    usd: float

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 < self.usd < math.inf:
            raise PeakfleetError(
                f"retraining ({self.every}:{self.usd:g}) must be MONTHS:USD, a number of months"
                " from 1 on and a price above 0, such as 6:5000"
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
    refreshes : tuple of Refresh
        In the order of their months.
    retraining : Retraining or None
    peak_factor, peak_days : float
        Volume of a peak day over that of a weekday, and how many of them a month has.
    """

    months: int = 24
    growth: Distribution = SAME
    curve: tuple[float, ...] = ()
    creep: Distribution = SAME
    price: Distribution = SAME
    refreshes: tuple[Refresh, ...] = ()
    retraining: Retraining | None = None
    peak_factor: float = 1.5
    peak_days: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.months <= MOST_MONTHS:
            raise PeakfleetError(f"months ({self.months}) must be from 1 to {MOST_MONTHS}")
        if not 0 <= self.peak_days <= 20 or not 1 <= self.peak_factor <= 100:
            raise PeakfleetError(
                f"peak days ({self.peak_days:g}) must be from 0 to 20 a month, and their factor"
                f" ({self.peak_factor:g}) from 1 to 100"
            )
        wrong = [each for each in self.curve if not 0 < each <= MOST_TIMES]
        if wrong:
            raise PeakfleetError(
                f"growth curve ({wrong[0]:g}) must be of multiples of today's volume, above 0 and"
                f" at most {MOST_TIMES:g}"
            )
        self._check_refreshes()

    def _check_refreshes(self) -> None:
        months = [each.month for each in self.refreshes]
        if months != sorted(set(months)):
            shown = ", ".join(str(month + 1) for month in months)
            raise PeakfleetError(
                f"refreshes (months {shown}) must be in the order of their months, each in one of"
                " its own"
            )
        if months and months[-1] >= self.months:
            raise PeakfleetError(
                f"refresh (month {months[-1] + 1}) lies beyond the {self.months} months of the"
                " plan; leave it out, or plan for longer with --months"
            )
        if self.retraining is not None and self.retraining.every >= self.months:
            raise PeakfleetError(
                f"retraining (every {self.retraining.every} months) never comes round in a plan of"
                f" {self.months} months; leave it out, or plan for longer with --months"
            )

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

    def hardware(self, month: float) -> Refresh:
        """What runs in a month."""
        past = [each for each in self.refreshes if each.month <= month]
        return past[-1] if past else TODAY

    @property
    def changes(self) -> tuple[int, ...]:
        """Months from which on there is new hardware."""
        return tuple(each.month for each in self.refreshes)

    def unrefreshed(self) -> "Outlook":
        """The same future of requests and prices, on today's hardware."""
        return replace(self, refreshes=(), retraining=None)

    @property
    def training_usd(self) -> FloatArray:
        """Price of retraining in each month: (months,)."""
        usd = np.zeros(self.months)
        if self.retraining is not None:
            usd[self.retraining.every :: self.retraining.every] = self.retraining.usd
        return usd


UNCHANGED = Outlook()
