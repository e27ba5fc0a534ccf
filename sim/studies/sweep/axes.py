"""What a sweep is over: keys of a scenario, each with the values or the range that it is to take.

Values are YAML, as for ``--set``, with commas between them; a comma within brackets, braces or
quotes parts nothing. A range is written ``low..high``, both ends in one unit; it takes whole
numbers where both ends are.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.errors import PeakfleetError
from sim.studies.separated import OPENING, QUOTES, separated

END = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(\s*\D*?)\s*")
DIGITS = 4  # of a drawn value: designs are to be read, and written down
OF_THE_STUDY = {"worlds": "--worlds", "seed": "--seed"}  # of all designs


@dataclass(frozen=True, slots=True)
class Range:
    """From where to where a key goes.

    Attributes
    ----------
    low, high : float
    unit : str
        As it was written behind both.
    whole : bool
        Whether it takes whole numbers only.
    """

    low: float
    high: float
    unit: str = ""
    whole: bool = False

    def at(self, place: float) -> str:
        """The value at a place in [0, 1), as it could be written.

        >>> Range(2, 4, whole=True).at(0.5), Range(0.5, 2.0, "s").at(0.25)
        ('3', '0.875s')
        """
        if self.whole:
            return f"{int(self.low + place * (self.high - self.low + 1.0))}{self.unit}"
        return f"{self.low + place * (self.high - self.low):.{DIGITS}g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Axis:
    """A key, and what it takes.

    Attributes
    ----------
    path : str
    values : tuple of str
        Two or more, as they were written; empty where it has a range.
    range : Range or None
    """

    path: str
    values: tuple[str, ...] = ()
    range: Range | None = None

    def at(self, place: float) -> str:
        """The value at a place in [0, 1); values have equal parts of it."""
        return self.range.at(place) if self.range else self.values[int(place * len(self.values))]

    def ends(self) -> tuple[str, ...]:
        """All values; of a range both ends."""
        return (self.range.at(0.0), self.range.at(1.0 - 1e-9)) if self.range else self.values


def read_axes(over: Iterable[str], drawn: bool = False) -> tuple[Axis, ...]:
    """Axes as they are written, ``path=a,b,c`` or ``path=low..high``.

    Parameters
    ----------
    over : iterable of str
    drawn : bool
        Whether designs are drawn, so that a range has a meaning.

    Raises
    ------
    PeakfleetError
        For the first of them that cannot be meant.

    Examples
    --------
    >>> [axis] = read_axes(["backends.large.replicas={min: 1, max: 4},{min: 2, max: 4}"])
    >>> axis.values
    ('{min: 1, max: 4}', '{min: 2, max: 4}')
    >>> read_axes(["backends.large.cold_start=30s..5min"], drawn=True)
    Traceback (most recent call last):
        ...
    sim.errors.PeakfleetError: --over backends.large.cold_start=30s..5min: both ends must have one \
unit, such as 0.5min..5min
    """
    axes = tuple(_axis(text, drawn) for text in over)
    if not axes:
        raise PeakfleetError(
            "sweep: nothing to sweep over; name a key and its values, such as"
            " --over backends.large.replicas=2,3,4"
        )
    for number, axis in enumerate(axes):
        for other in axes[:number]:
            _check_apart(other.path, axis.path)
    return axes


def short_names(paths: Sequence[str]) -> tuple[str, ...]:
    """Each path by as few of its last keys as tell it from the others.

    >>> short_names(["backends.a.replicas", "backends.a.router", "backends.b.replicas"])
    ('a.replicas', 'router', 'b.replicas')
    """
    found = []
    for path in paths:
        keys = path.split(".")
        endings = [".".join(keys[-count:]) for count in range(1, len(keys) + 1)]
        others = [f".{other}" for other in paths if other != path]
        alone = (each for each in endings if not any(o.endswith(f".{each}") for o in others))
        found.append(next(alone, path))
    return tuple(found)


def _axis(text: str, drawn: bool) -> Axis:
    path, equals, right = text.partition("=")
    path = path.strip()
    if not equals or not path or not right.strip():
        raise PeakfleetError(
            f"--over {text}: must be PATH=VALUE,VALUE, such as backends.large.replicas=2,3,4"
        )
    if path in OF_THE_STUDY:
        raise PeakfleetError(
            f"--over {text}: {path} is that of all designs, for they see the same worlds; set it by"
            f" {OF_THE_STUDY[path]}"
        )
    values = tuple(separated(right))
    if len(values) == 1 and ".." in right and right.strip()[:1] not in OPENING + QUOTES:
        found = _range(text, right)
        if not drawn:
            raise PeakfleetError(
                f"--over {text}: a range has as many values as are drawn of it, such as --lhs 24;"
                f" a grid takes values, such as {path}={found.at(0.0)},{found.at(1.0 - 1e-9)}"
            )
        return Axis(path, range=found)
    if "" in values:
        raise PeakfleetError(f"--over {text}: between two commas is no value")
    if len(values) == 1:
        raise PeakfleetError(
            f"--over {text}: one value is no choice; give two or more, or set it by"
            f" --set {path}={values[0]}"
        )
    twice = next((each for number, each in enumerate(values) if each in values[:number]), None)
    if twice is not None:
        raise PeakfleetError(f"--over {text}: {twice} is there twice")
    return Axis(path, values)


def _range(text: str, written: str) -> Range:
    low, _, high = written.partition("..")
    ends = END.fullmatch(low), END.fullmatch(high)
    if ends[0] is None or ends[1] is None:
        raise PeakfleetError(f"--over {text}: a range goes from number to number, such as 2..8")
    (first, unit), (last, other) = ends[0].groups(), ends[1].groups()
    if unit.strip() and unit.strip() != other.strip():
        one = (other or unit).strip()
        raise PeakfleetError(
            f"--over {text}: both ends must have one unit, such as 0.5{one}..5{one}"
        )
    if not float(first) < float(last):
        raise PeakfleetError(f"--over {text}: {first} must be below {last}")
    whole = first.lstrip("+-").isdigit() and last.lstrip("+-").isdigit() and not other
    return Range(float(first), float(last), other, whole)


def _check_apart(one: str, other: str) -> None:
    """Refuse a key that is there twice, or lies within another."""
    if one == other:
        raise PeakfleetError(f"--over {one}: is there twice; name all its values in one")
    inner, outer = sorted((one, other), key=len, reverse=True)
    if inner.startswith(f"{outer}."):
        raise PeakfleetError(
            f"--over {inner}: lies within {outer}, of which --over sets all; vary one of the two"
        )
