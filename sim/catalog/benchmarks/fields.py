"""Fields of a benchmark's file, fetched by type: a wrong one is an error that says where it is."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.errors import MeasurementError, one_line

FloatArray = npt.NDArray[np.float64]

S, MS, US, NS = 1.0, 1e-3, 1e-6, 1e-9
UNITS: Mapping[str, float] = {
    "s": S, "sec": S, "second": S, "seconds": S, "s/token": S, "s/tok": S,
    "ms": MS, "millisecond": MS, "milliseconds": MS, "ms/token": MS, "ms/tok": MS,
    "us": US, "µs": US, "microseconds": US, "ns": NS, "nanoseconds": NS,
}  # fmt: skip
LARGEST = 1e15  # of a number in SI
LARGEST_COUNT = 1e12
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping of a file.

    Attributes
    ----------
    entries : mapping
        Of JSON, or text of a table.
    place : str
        Where it stands: the file, and the line or the path within it.
    """

    entries: Mapping[str, Any]
    place: str

    def __contains__(self, key: str) -> bool:
        return not _is_nothing(self.entries.get(key))

    def error(self, key: str, rule: str) -> MeasurementError:
        """The error for a field that breaks a rule."""
        shown = repr(self.entries.get(key))
        shown = f"{shown[:SHOWN]}…" if len(shown) > SHOWN else shown
        return MeasurementError(one_line(f"{self.place}: {key} ({shown}) {rule}"))

    def missing(self, key: str, remedy: str = "") -> MeasurementError:
        """The error for a field that is not there."""
        after = f" ({remedy})" if remedy else ""
        return MeasurementError(one_line(f"{self.place}: has no {key}{after}"))

    def number(self, key: str, unit: float = 1.0, least: float = 0.0) -> float | None:
        """A finite number of at least 0, or another least, in SI; None where there is none."""
        value = self.entries.get(key)
        if _is_nothing(value):
            return None
        found = _number(value)
        if found is None or not least <= found * unit <= LARGEST:
            raise self.error(key, f"must be a number of at least {least:g}")
        return found * unit

    def moment(self, key: str, unit: float = 1.0) -> float | None:
        """A time by a clock that may have begun later; None where there is none."""
        return self.number(key, unit, least=-LARGEST)

    def rate(self, key: str, finite: bool = True) -> float | None:
        """A number above 0, which may be infinite if so said; None where there is none."""
        value = self.entries.get(key)
        if _is_nothing(value):
            return None
        found = _number(value)
        if found is None or not 0 < found <= (LARGEST if finite else math.inf):
            raise self.error(key, f"must be a number above 0{'' if finite else ', or inf'}")
        return found

    def count(self, key: str) -> int | None:
        """A whole number of at least 0; None where there is none."""
        found = self.number(key)
        if found is None:
            return None
        if not found <= LARGEST_COUNT or found != int(found):
            raise self.error(key, "must be a whole number of at least 0")
        return int(found)

    def users(self, key: str) -> int | None:
        """A whole number of at least 1; None where there is none."""
        found = self.count(key)
        if found is not None and not 1 <= found <= 10_000_000:
            raise self.error(key, "must be a whole number of at least 1")
        return found

    def limits(self, low: str, high: str) -> tuple[float | None, float | None]:
        """Two numbers of which the first is not above the second; None where one is not there."""
        found = self.number(low), self.number(high)
        if found[0] is not None and found[1] is not None and found[0] > found[1]:
            raise self.error(low, f"must be at most {high} ({found[1]:g})")
        return found

    def text(self, key: str) -> str:
        """A short text on one line, empty where there is none."""
        value = self.entries.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        return one_line(value.strip()[:200]) if isinstance(value, str) else ""

    def part(self, *path: str) -> "Fields":
        """A mapping within, empty where there is none."""
        here = self
        for key in path:
            value = here.entries.get(key)
            if value is not None and not isinstance(value, dict):
                raise here.error(key, "must be an object")
            here = Fields(value or {}, f"{here.place}: {key}")
        return here

    def parts(self, key: str) -> Iterator["Fields"]:
        """The mappings of a list, none where there is no list."""
        value = self.entries.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.error(key, "must be a list")
        for index, item in enumerate(value):
            place = f"{self.place}: {key}[{index}]"
            if not isinstance(item, dict):
                raise MeasurementError(f"{place}: must be an object")
            yield Fields(item, place)

    def numbers(self, key: str, count: int | None = None, unit: float = 1.0) -> FloatArray | None:
        """A list of numbers of at least 0 in SI, NaN where one is null; None if there is no list.

        Parameters
        ----------
        key : str
        count : int or None
            How many there must be.
        unit : float
        """
        value = self.entries.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.error(key, "must be a list")
        if count is not None and len(value) != count:
            message = f"has {len(value)} entries where others have {count}"
            raise MeasurementError(f"{self.place}: {key} {message}")
        found = _plain_numbers(value)
        if found is None:
            found = np.array([self._entry(key, i, item) for i, item in enumerate(value)])
        return found * unit

    def _entry(self, key: str, index: int, item: Any) -> float:
        if item is None:
            return math.nan
        found = _number(item)
        if found is None or not 0 <= found <= LARGEST:
            shown = repr(item)[:SHOWN]
            rule = "must be a number of at least 0"
            raise MeasurementError(one_line(f"{self.place}: {key}[{index}] ({shown}) {rule}"))
        return found

    def day(self, key: str) -> str:
        """The ISO date at the head of a text, or of seconds since 1970; empty where there is none.

        >>> Fields({"date": "20261121-090728"}, "").day("date")
        '2026-11-21'
        """
        value = self.entries.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return day_of(float(value))
        if not isinstance(value, str):
            return ""
        digits = value.strip()[:10].replace("-", "")[:8]
        try:
            return datetime.strptime(digits, "%Y%m%d").date().isoformat()
        except ValueError:
            return ""


def _plain_numbers(values: list[Any]) -> FloatArray | None:
    """A list as an array; None unless all are numbers as they must be."""
    try:
        found = np.asarray(values)
    except (ValueError, OverflowError):
        return None
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        return None
    fine = (found >= 0) & (found <= LARGEST)
    return found.astype(np.float64) if fine.all() else None


def day_of(epoch_s: float) -> str:
    """The ISO date of seconds since 1970; empty for what is no time of this age.

    >>> day_of(1795251087.2), day_of(3.5)
    ('2026-11-21', '')
    """
    if not 1.5e9 < epoch_s < 4e9:
        return ""
    return datetime.fromtimestamp(epoch_s, UTC).date().isoformat()


def _is_nothing(value: Any) -> bool:
    """Whether a field says nothing: null, an empty cell, a dash, or NaN."""
    if isinstance(value, str):
        return value.strip().casefold() in ("", "-", "none", "null", "nan", "n/a")
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float | None:
    """A number, or the text of one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and (len(value) > SHOWN or "_" in value):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found
