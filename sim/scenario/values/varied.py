"""Values that differ from one request or replica to the next: durations, bandwidths."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.model.distributions import Constant, Distribution
from sim.scenario.values.fields import Reads, reference
from sim.scenario.values.numbers import Number, Quantity, Spread, document_of, known, uncertain_in
from sim.scenario.values.problems import Spot
from sim.scenario.values.reading import extremes, positive_remedy, read_number, read_spread
from sim.scenario.values.units import Kind

LONGEST_S = 3660 * 86_400.0
DURATION = Quantity("duration", least=0, most=LONGEST_S)


@dataclass(frozen=True, slots=True)
class Varied:
    """Values of one quantity, and how they differ.

    Attributes
    ----------
    usual : float, Uncertain or Spread
        One value for all (unknown where uncertain), or how they differ.
    quantity : Quantity
        What a value may be.
    """

    usual: Number | Spread
    quantity: Quantity = DURATION

    def distribution(self, draws: Mapping[str, float]) -> Distribution:
        """The values in a world, in SI units; ValueError if there are none such."""
        if isinstance(self.usual, Spread):
            return self.quantity.within(self.usual.distribution(draws))
        return Constant(known(self.usual, draws))

    def document(self) -> Any:
        """As plain data."""
        return document_of(self.usual)


def varied(quantity: Quantity = DURATION) -> Reads:
    """A number, or a distribution of the values."""
    return Reads(
        lambda raw, spot: read_varied(raw, quantity, spot), lambda: schema_of(quantity.kind)
    )


def schema_of(kind: Kind) -> dict[str, Any]:
    """JSON Schema of values of a kind that differ."""
    return reference(f"varied_{kind}")


def read_varied(raw: Any, quantity: Quantity, spot: Spot) -> Varied | None:
    """The values that ``raw`` stands for; None, with the problems noted, if none."""
    if not isinstance(raw, dict):
        number = read_number(raw, quantity, spot)
        return None if number is None else Varied(number, quantity)
    spread = read_spread(raw, quantity, spot)
    if spread is None:
        return None
    read = Varied(spread, quantity)
    for draws in extremes(list(uncertain_in(spread))):
        try:
            read.distribution(draws)
        except ValueError as error:
            spot.wrong(str(error), positive_remedy(spread, quantity))
            return None
    return read
