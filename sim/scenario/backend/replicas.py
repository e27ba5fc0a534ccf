"""Replicas of a pool: ``6``, or the limits of its autoscaler, ``{min: 2, max: 40, initial: 6}``."""

import re
from dataclasses import dataclass
from typing import Any, Final

from sim.scenario.values.families import FAMILIES, INTERVAL
from sim.scenario.values.fields import JsonSchema, Reads, number_schema
from sim.scenario.values.numbers import Number, Quantity, document_of
from sim.scenario.values.problems import Spot, choose, nearest
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

# A range of numbers, or a word that asks for one.
_NO_NUMBER: Final = re.compile(r"\d\s*(?:-|–|\.\.+|to\b)\s*\d|^\s*auto", re.IGNORECASE)
MOST_REPLICAS: Final = 10_000
ONE: Final = Quantity("count", least=1, most=MOST_REPLICAS, integer=True)
ANY: Final = Quantity("count", least=0, most=MOST_REPLICAS, integer=True)
TEXTS: Final = {
    "min": "Fewest replicas; default 1, and 0 of keda, knative, scheduled and custom ones.",
    "max": "Most replicas.",
    "initial": "Replicas at the beginning; default as many as min, and one at least.",
}
LIMITS: Final = {"min": ANY, "max": ONE, "initial": ANY}


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas there are.

    Attributes
    ----------
    fixed : float, Uncertain or None
        Always as many.
    least, most, initial : float, Uncertain or None
        Limits of an autoscaler, and how many there are at the beginning.
    """

    fixed: Number | None = None
    least: Number | None = None
    most: Number | None = None
    initial: Number | None = None

    def document(self) -> Any:
        """As plain data."""
        if self.fixed is not None:
            return document_of(self.fixed)
        limits = zip(LIMITS, (self.least, self.most, self.initial), strict=True)
        return {key: document_of(value) for key, value in limits if value is not None}


def replica_limits() -> Reads:
    """A number of replicas, or a mapping of ``min``, ``max`` and ``initial``."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Replicas | None:
    if not _is_mapping_of_limits(raw):
        if isinstance(raw, list) or (isinstance(raw, str) and _NO_NUMBER.search(raw)):
            remedy = "limits are written {min: 2, max: 8}"
            spot.wrong(f"{shown(raw)} must be a whole number of replicas", remedy)
            return None
        fixed = read_number(raw, ONE, spot)
        return None if fixed is None else Replicas(fixed)
    limits: dict[str, Number | None] = {}
    for key, value in raw.items():
        if quantity := LIMITS.get(key):
            limits[key] = read_number(value, quantity, spot.below(key))
        else:
            spot.below(key).wrong("unknown key", choose(key, LIMITS))
    if "max" not in raw and not spot.findings:
        spot.wrong("has no max", "add max, such as max: 40")
    return Replicas(None, limits.get("min"), limits.get("max"), limits.get("initial"))


def _is_mapping_of_limits(raw: Any) -> bool:
    """Whether a mapping has a limit, or what may be meant as one, rather than a distribution."""
    if not isinstance(raw, dict) or raw.keys() & {*FAMILIES, *INTERVAL.parameters}:
        return False
    return any(nearest(key, LIMITS) for key in raw)


def _schema() -> JsonSchema:
    limits = {
        "type": "object",
        "properties": {
            key: {"description": TEXTS[key], **number_schema(quantity)}
            for key, quantity in LIMITS.items()
        },
        "required": ["max"],
        "additionalProperties": False,
    }
    return {"anyOf": [*number_schema(ONE)["anyOf"], limits]}
