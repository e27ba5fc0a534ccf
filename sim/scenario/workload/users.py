"""Where the users of a workload are, and where their data may be."""

import math
from dataclasses import dataclass
from typing import Any, Final

from sim.scenario.values.fields import JsonSchema, Reads, number_schema
from sim.scenario.values.numbers import Quantity, document_of
from sim.scenario.values.problems import Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

SHARE: Final = Quantity("share", least=0, most=1, certain=True)
SUCH: Final = "such as {eu: 40%, us: 60%}"
ROUTINGS: Final = ("nearest", "cheapest", "cleanest", "night")
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Users:
    """Shares of the users by region, which make up all of them.

    Attributes
    ----------
    shares : tuple of (str, float)
    hours : tuple of 24 bools, or None
        The hours of the day, of UTC, in which requests are of this stream: of those of one region
        that are sent to others at other hours. None for all.
    """

    shares: tuple[tuple[str, float], ...]
    hours: tuple[bool, ...] | None = None

    @property
    def home(self) -> str:
        """The first region, of a stream that has one."""
        return self.shares[0][0]

    def document(self) -> Any:
        """As plain data."""
        return {name: document_of(share) for name, share in self.shares}


@dataclass(frozen=True, slots=True)
class Stay:
    """Regions that data may not leave, by the region of the users; of all of them under None."""

    within: tuple[tuple[str | None, tuple[str, ...]], ...]

    def of(self, home: str) -> tuple[str, ...] | None:
        """Where the data of users of a region may be; None for anywhere."""
        found = dict(self.within)
        return found.get(home, found.get(None))

    def document(self) -> Any:
        """A list, or a mapping."""
        plain = {home: list(names) for home, names in self.within}
        return plain.get(None, plain)


def users() -> Reads:
    """The name of a region, or shares by name."""
    share = {"type": "object", "additionalProperties": number_schema(SHARE), "minProperties": 1}
    return Reads(_read_users, lambda: {"anyOf": [{"type": "string", "minLength": 1}, share]})


def staying() -> Reads:
    """Names of regions, or such by the region of the users."""
    return Reads(_read_stay, _stay_schema)


def _read_users(raw: Any, spot: Spot) -> Users | None:
    if isinstance(raw, str) and raw.strip():
        return Users(((raw, 1.0),))
    if not isinstance(raw, dict) or not raw:
        spot.wrong(f"{shown(raw)} must be a region, or shares of regions", SUCH)
        return None
    read = {name: read_number(value, SHARE, spot.below(name)) for name, value in raw.items()}
    shares = {name: share for name, share in read.items() if isinstance(share, float)}
    total = math.fsum(shares.values())
    if not spot.findings and abs(total - 1.0) > 1e-6:
        spot.wrong(f"has shares of {100 * total:.6g}% together, must be 100%", SUCH)
    return Users(tuple(shares.items()))


def _read_stay(raw: Any, spot: Spot) -> Stay | None:
    if not isinstance(raw, dict):
        return Stay(((None, _names(raw, spot)),))
    if not raw:
        spot.wrong("is empty, must have at least one entry", "such as {eu: [eu]}")
    return Stay(tuple((home, _names(names, spot.below(home))) for home, names in raw.items()))


def _names(raw: Any, spot: Spot) -> tuple[str, ...]:
    names = raw if isinstance(raw, list) else [raw]
    if not names:
        spot.wrong("is empty, must have at least one entry", "such as [eu]")
    for index, name in enumerate(names):
        at = spot.below(index) if isinstance(raw, list) else spot
        if not isinstance(name, str) or not name.strip():
            at.wrong(f"{shown(name)} must be the name of a region")
        elif name in names[:index]:
            at.wrong(f"{shown(name)} is given twice", "remove one")
    return tuple(names)


def _stay_schema() -> JsonSchema:
    name = {"type": "string", "minLength": 1}
    some = {"anyOf": [name, {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}]}
    by_home = {"type": "object", "additionalProperties": some, "minProperties": 1}
    return {"anyOf": [*some["anyOf"], by_home]}
