"""Numbers of a scenario: plain, or as what is believed about them.

Two kinds of randomness meet in a scenario. Where a key stands for one number, a distribution says
that nobody knows it: each world draws it once (`Uncertain`). Where a key stands for a number that
every request has anew, a distribution is the answer itself (`Spread`), and its own parameters may
be uncertain in turn.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel

from sim.errors import Problem, ScenarioError
from sim.model.distributions import Clipped, Distribution
from sim.model.uncertain import UncertainInput
from sim.scenario.values.families import family
from sim.scenario.values.units import Kind, format_duration, shown

GREATEST = 1e15  # beyond it floats skip whole numbers, and no honest quantity lies there
SMALLEST = 1e-15  # but for 0
LEAST_LEVEL = 2.0**-53  # no sampler draws a quantile below this level, or above its complement
TAIL = 1e-3  # share of a distribution that may be cut off at either end to keep a key's range


LEAST_BYTES_PER_S = 1e6  # of a link or a disk: what is less lacks its unit
BANDWIDTH_REMEDY = "give it with its unit, such as 50 GB/s or 400 Gbit/s"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What the number of a key may be.

    Attributes
    ----------
    kind : str
        Which units it may have.
    above, least, most : float
        Bounds; ``above`` excludes itself.
    integer : bool
        Drawn values are rounded; a plain one must be a whole number.
    certain : bool
        No distribution makes sense here.
    remedy : str
        What to do about a value out of bounds; empty where there is nothing to add.
    """

    kind: Kind
    above: float = -math.inf
    least: float = -math.inf
    most: float = GREATEST
    integer: bool = False
    certain: bool = False
    remedy: str = ""

    def fault(self, value: float) -> str:
        """The rule that a value breaks; empty if none."""
        if not value - self.above >= SMALLEST:
            return f"must be greater than {self.text(self.above)}"
        if not value >= self.least:
            return f"must be at least {self.text(self.least)}"
        if not value <= self.most:
            return f"must be at most {self.text(self.most)}"
        return ""

    def text(self, value: float) -> str:
        """A value in words."""
        return format_duration(value) if self.kind == "duration" and value else shown(value)

    def within(self, distribution: Distribution) -> Distribution:
        """The distribution cut to the range of this quantity.

        Raises
        ------
        ValueError
            If more than `TAIL` of it lies outside.
        """
        levels = (LEAST_LEVEL, TAIL, 1 - TAIL, 1 - LEAST_LEVEL)
        low, tail_low, tail_high, high = quantiles(distribution, levels)
        for quantile, name in ((tail_low, "p0.1"), (tail_high, "p99.9")):
            if fault := self.fault(self.rounded(quantile)):
                raise ValueError(f"its {name} ({quantile:.4g}) {fault}")
        least = tail_low if low - self.above < SMALLEST else max(low, self.least)
        most = min(high, self.most)
        return distribution if (least, most) == (low, high) else Clipped(distribution, least, most)

    def rounded(self, value: float) -> float:
        """A drawn value as the key takes it."""
        return float(round(value)) if self.integer and math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A number that nobody knows: each world draws it once.

    Attributes
    ----------
    path : str
        Its name among the inputs of the scenario: where it stands.
    spread : Spread
        As written.
    quantity : Quantity
        What a drawn value may be.
    distribution : Distribution
        Cut to the range of the quantity.
    """

    path: str
    spread: "Spread"
    quantity: Quantity
    distribution: Distribution

    def value(self, draws: Mapping[str, float]) -> float:
        """The value in a world.

        Raises
        ------
        ScenarioError
            If it lies outside of the key's range, which a draw from ``distribution`` never does.
        """
        value = self.quantity.rounded(float(draws[self.path]))
        if fault := self.quantity.fault(value):
            raise ScenarioError([Problem("draw", None, self.path, f"{shown(value)} {fault}")])
        return value

    def input(self) -> UncertainInput:
        """The same to the eyes of a sampler."""
        return UncertainInput(self.path, self.distribution)

    def document(self) -> Any:
        """As plain data in SI units and USD."""
        return self.spread.document()


Number = float | Uncertain


def quantiles(distribution: Distribution, levels: Sequence[float]) -> list[float]:
    """Quantiles, infinite where numbers end, without a warning."""
    with np.errstate(all="ignore"):
        return [float(value) for value in distribution.ppf(np.array(levels))]


def known(number: Number, draws: Mapping[str, float]) -> float:
    """The value of a number in a world."""
    return number.value(draws) if isinstance(number, Uncertain) else number


def extent(number: Number) -> tuple[float, float]:
    """The least and the greatest value of a number in the worlds, but for its tails."""
    if not isinstance(number, Uncertain):
        return number, number
    low, high = quantiles(number.distribution, [TAIL, 1 - TAIL])
    return number.quantity.rounded(low), number.quantity.rounded(high)


def may_exceed(number: Number, limit: Number) -> bool:
    """Whether a number lies above its limit in some world."""
    return extent(number)[1] > extent(limit)[0]


def in_words(number: Number, text: Callable[[float], str] = shown) -> str:
    """A number as a message shows it beside another: its value, or the least and greatest.

    >>> in_words(7.0), in_words(90.0, format_duration)
    ('7', '90s')
    """
    low, high = extent(number)
    return text(low) if low == high else f"{text(low)} to {text(high)}"


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution as a scenario gives it.

    Attributes
    ----------
    name : str
        Of its family, or ``interval``.
    parameters : dict
        Numbers, lists of numbers, or for a mixture pairs of weight and Spread.
    fixed : Distribution or None
        What it always is; None if a parameter is uncertain.
    written : object
        How it stands in the document, if not as its parameters.
    """

    name: str
    parameters: dict[str, Any]
    fixed: Distribution | None = field(default=None, compare=False)
    written: Any = None

    def distribution(self, draws: Mapping[str, float]) -> Distribution:
        """The distribution in a world; ValueError if the draws admit none."""
        if self.fixed is not None:
            return self.fixed
        drawn = {key: _drawn(value, draws) for key, value in self.parameters.items()}
        return family(self.name).build(drawn)

    def document(self) -> Any:
        """As plain data in SI units and USD."""
        if self.written is not None:
            return self.written
        if self.name == "mixture":
            parts = self.parameters["parts"]
            return {"mixture": [{"weight": document_of(w), **s.document()} for w, s in parts]}
        given = {key: document_of(value) for key, value in self.parameters.items()}
        return given if self.name == "interval" else {self.name: given}


def document_of(value: Any) -> Any:
    """A value of a scenario as plain data: whole numbers without a fraction."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        return [document_of(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("T00:00:00")
    return value.document() if hasattr(value, "document") else value


def uncertain_in(value: Any) -> Iterator[Uncertain]:
    """The numbers that nobody knows among the parts of a value: a dataclass, a model, a list."""
    match value:
        case Uncertain():
            yield value
        case Spread():
            yield from uncertain_in(value.parameters)
        case list() | tuple():
            for item in value:
                yield from uncertain_in(item)
        case dict():
            yield from uncertain_in(list(value.values()))
        case BaseModel():
            yield from uncertain_in(dict(value))
        case _ if is_dataclass(value):
            yield from uncertain_in([getattr(value, part.name) for part in fields(value)])


def _drawn(value: Any, draws: Mapping[str, float]) -> Any:
    match value:
        case Uncertain():
            return value.value(draws)
        case Spread():
            return value.distribution(draws)
        case list() | tuple():
            return [_drawn(item, draws) for item in value]
    return value
