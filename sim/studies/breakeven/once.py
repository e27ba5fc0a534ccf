"""What switching costs once: training, migration, months of two systems side by side.

It comes from the scenario's ``one_off``, and from what is stated beside it, for every side or for
one. It buys nothing that is there afterwards, so that its life is a matter of judgement: the
``life_months`` of the ``one_off``, or the term that is asked for. Where costs are set against each
other volume by volume, a month bears its part of it; what switching saves in a month is said
without it, and how many months of that saving pay for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.distributions import Constant, Distribution, interval
from sim.model.uncertain import UncertainInput
from sim.montecarlo.draws import draw_worlds
from sim.scenario import Scenario
from sim.scenario.values.units import UnitError, parse_quantity
from sim.studies.breakeven.outlay import Outlay
from sim.studies.breakeven.runs import MONTH_DAYS

FloatArray = npt.NDArray[np.float64]

EVERY: Final = ""  # side
TERM_MONTHS: Final = 24.0  # where nobody states how long, as long as a plan
MOST_USD: Final = 1e12
MOST_MONTHS: Final = 1200.0


@dataclass(frozen=True, slots=True, eq=False)
class Once:
    """What switching to each side costs once, in each world.

    Attributes
    ----------
    usd : dict of str to (worlds,) float64
        By side.
    months : (worlds,) float64
        For how long it serves.
    is_term : bool
        Whether that is a term that was asked for, within which machines have to pay, too.
    """

    usd: dict[str, FloatArray]
    months: FloatArray
    is_term: bool = False

    def per_day(self, side: str) -> FloatArray:
        """What a day bears of it: (worlds,)."""
        worlds = len(self.months)
        return np.asarray(self.usd.get(side, np.zeros(worlds)) / (self.months * MONTH_DAYS))

    def outlays(self, side: str, world: int) -> list[Outlay]:
        """What is paid in a world."""
        usd = float(self.usd[side][world])
        # No cost of a year contains a part of it.
        return [Outlay(usd, 0.0, float(self.months[world]) / 12)] if usd > 0 else []

    def life_years(self, paid: Sequence[Outlay], world: int) -> float:
        """Within which what is paid in a world has to be saved."""
        if self.is_term:
            return float(self.months[world]) / 12
        return max((each.years for each in paid), default=math.inf)

    @property
    def is_paid(self) -> bool:
        """Whether any switching costs anything."""
        return any(usd.any() for usd in self.usd.values())


def once(
    scenario: Scenario,
    sides: Sequence[str],
    worlds: Sequence[Mapping[str, float]],
    seed: int,
    stated: Mapping[str, Distribution],
    term_months: float | None = None,
) -> Once:
    """What switching costs once.

    Parameters
    ----------
    scenario : Scenario
        Whose ``one_off`` is paid whichever side is switched to.
    sides : sequence of str
        All but the reference.
    worlds : sequence of dict
        Values of the scenario's uncertain inputs.
    seed : int
    stated : mapping of str to Distribution
        Further costs, by side; of every side by ``EVERY``.
    term_months : float, optional
        In place of the life of the ``one_off``.
    """
    wrong = [side for side in stated if side not in (EVERY, *sides)]
    if wrong:
        raise PeakfleetError(
            f"switching cost: '{wrong[0]}' is no side to switch to (one of {', '.join(sides)})"
        )
    inputs = [UncertainInput(f"switching_cost.{side}", cost) for side, cost in stated.items()]
    drawn = draw_worlds(inputs, seed, len(worlds))
    named = {side: drawn[f"switching_cost.{side}"] for side in stated}
    paid = [scenario.design(dict(world)).one_off for world in worlds]
    shared = np.array([one.usd if one else 0.0 for one in paid]) + named.get(EVERY, 0.0)
    lives = np.array([one.life_months if one else TERM_MONTHS for one in paid])
    if term_months is not None:
        if not 0 < term_months <= MOST_MONTHS:
            raise PeakfleetError(f"term ({term_months:g} months) must be above 0, at most 1,200")
        lives = np.full(len(worlds), term_months)
    usd = {side: shared + named.get(side, 0.0) for side in sides}
    return Once(usd, lives, term_months is not None)


def switching_cost(text: str) -> tuple[str, Distribution]:
    """A side, and what switching to it costs: ``20k..60k`` (p5 and p95), or ``own=40k``.

    >>> side, cost = switching_cost("own=20k..80k")
    >>> side, round(float(cost.ppf([0.5])[0]))
    ('own', 40000)
    >>> switching_cost("40k USD")[0]
    ''
    """
    side, equals, amount = text.rpartition("=")
    ends = [each.strip() for each in amount.split("..")]
    try:
        values = [parse_quantity(each, "money") for each in ends]
    except UnitError:
        values = []
    sound = len(values) in (1, 2) and all(0 < each <= MOST_USD for each in values)
    if not sound or values != sorted(set(values)) or bool(equals) != bool(side.strip()):
        raise PeakfleetError(
            f"switching cost ({text!r}) must be an amount such as 40k, its p5 and p95 such as"
            " 20k..60k, or that of one side such as own=20k..60k"
        )
    if len(values) == 1:
        return side.strip(), Constant(values[0])
    return side.strip(), interval(values[0], values[1])
