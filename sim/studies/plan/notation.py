"""How factors and curves of a plan are written on a command line."""

import math
from pathlib import Path

from sim.errors import PeakfleetError
from sim.model.distributions import Constant, Distribution, LogNormal
from sim.model.input_file import InputFileError, is_file
from sim.model.input_file import text as file_text
from sim.studies.plan.outlook import MOST_TIMES, SAME

Z95 = 1.6448536269514722  # of the standard normal


def factor(text: str) -> Distribution:
    """A factor written as ``3``, or as ``2..6``: its p5 and p95.

    Examples
    --------
    >>> factor("3").mean(), round(float(factor("2..8").ppf([0.5])[0]), 6)
    (3.0, 4.0)
    """
    numbers = _numbers(text.split(".."))
    sound = len(numbers) in (1, 2) and all(0 < each <= MOST_TIMES for each in numbers)
    if not sound or (len(numbers) == 2 and not numbers[0] < numbers[1]):
        raise PeakfleetError(
            f"{text!r} must be a factor a year such as 3, or its p5 and p95 such as 2..6"
        )
    if len(numbers) == 1:
        return Constant(numbers[0])
    low, high = (math.log(each) for each in numbers)
    return LogNormal((low + high) / 2.0, (high - low) / (2.0 * Z95))


def growth(text: str) -> tuple[Distribution, tuple[float, ...]]:
    """Growth of the volume: a factor a year, or a curve of multiples month by month.

    A curve is a list such as ``1,1.1,1.3``, or a file with one multiple a line.

    Returns
    -------
    Distribution, tuple of float
        The factor a year, and the curve, which is empty where there is none.

    Examples
    --------
    >>> growth("1,1.1,1.3")[1]
    (1.0, 1.1, 1.3)
    """
    if "," in text:
        return SAME, _curve(text, "growth")
    path = Path(text)
    if not _numbers(text.split("..")) and is_file(path):
        return SAME, _curve(_read(path), text)
    try:
        return factor(text), ()
    except PeakfleetError:
        raise PeakfleetError(
            f"growth ({text!r}) must be a factor a year such as 3, its p5 and p95 such as 2..6,"
            " multiples of today's volume by the month such as 1,1.1,1.3, or a file of them, one"
            " a line"
        ) from None


def _read(path: Path) -> str:
    try:
        return file_text(path, "curve")
    except InputFileError as error:
        raise PeakfleetError(f"{path}: {error}") from None


def _curve(text: str, subject: str) -> tuple[float, ...]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    parts = [part.strip() for line in lines for part in line.split(",") if line.strip()]
    numbers = _numbers(parts)
    if not numbers:
        raise PeakfleetError(
            f"{subject}: a growth curve must be of numbers, multiples of today's volume by the"
            " month, such as 1,1.1,1.3, or one a line in a file"
        )
    return tuple(numbers)


def _numbers(parts: list[str]) -> list[float]:
    """The numbers that all the parts are; none if any is not."""
    try:
        return [float(part) for part in parts]
    except ValueError:
        return []
