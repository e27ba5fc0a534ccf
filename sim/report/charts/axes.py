"""Axes of amounts: where they begin and end, where ticks are, and how those are written.

Ticks are chosen here, not by the browser: at round figures in the unit that a person would choose
("0.5 s", "2 min", "20k"), few enough for a phone.
"""

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from sim.report.figures import ABSENT, Figure, Kind, scale

MOST_TICKS = 6
LOST = 0.05  # of a value by rounding, from which on it has a unit of its own
DECADES = 2.0  # from the least to the greatest value, beyond which an axis is logarithmic
LEAST_SPAN = 0.2  # of the middle: less would make chance look like a difference
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
TIMES = (  # ticks of a logarithmic axis of time
    *(f * 10.0**n for n in range(-6, 1) for f in (1, 2, 5)),
    *(10.0, 20.0, 30.0, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 5 * HOUR, 10 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY),
)
ROUND_TIMES = (
    *(10.0**n for n in range(-6, 2)),
    MINUTE,
    10 * MINUTE,
    HOUR,
    10 * HOUR,
    DAY,
    10 * DAY,
)
CLOCK = {  # steps of a linear axis of time, from the first on
    "s": (10, 20, 30, 60, 120, 300, 600),
    "min": (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600),
    "d": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    "h": (1, 2, 3, 6, 12, 24, 48, 120, 240, 480, 1200, 2400),
}
PLAIN = "format({}, ',.6~r')"


@dataclass(frozen=True, slots=True)
class Unit:
    """What numbers at ticks are counted in.

    Attributes
    ----------
    size : float
        In the unit of the figure.
    name : str
        That is written after each.
    """

    size: float
    name: str


AXIS_TIMES = (  # up to which value an axis is in which unit
    (1.0, Unit(1e-3, " ms")),
    (300.0, Unit(1.0, " s")),
    (5 * HOUR, Unit(MINUTE, " min")),
    (20 * DAY, Unit(HOUR, " h")),
    (math.inf, Unit(DAY, " d")),
)


def amounts(
    kind: Kind,
    values: Iterable[float],
    title: str,
    *,
    zero: bool = True,
    log: bool | None = False,
    room: float = 0.0,
    beside_names: bool = False,
) -> dict[str, Any]:
    """Scale, axis and title of a channel that shows amounts.

    Parameters
    ----------
    kind : {"usd", "seconds", "share", "count", "rate"}
    values : iterable of float
        All that is to be seen; what is not finite is left out.
    zero : bool
        Begin at 0.
    log : bool or None
        On a logarithmic axis, where all are above 0; None where they span more than ``DECADES``.
    room : float
        To leave at both ends, as a share of the span.
    beside_names : bool
        Whether names take room beside the axis: then its title ends where it does.
    """
    known = np.array([float(value) for value in values])
    known = known[np.isfinite(known)]
    if (is_wide(known) if log is None else log) and known.size and known.min() > 0:
        domain, ticks, label = _logarithmic(kind, float(known.min()), float(known.max()), room)
        span = alt.Scale(type="log", domain=domain, nice=False)
    else:
        domain, ticks, label = _linear(kind, *_ends(known, zero, room))
        span = alt.Scale(domain=domain, nice=False, zero=False)
    anchor: Any = "end" if beside_names else alt.Undefined
    axis = alt.Axis(
        values=ticks, labelExpr=label, labelOverlap=True, labelSeparation=4, titleAnchor=anchor
    )
    return {"scale": span, "axis": axis, "title": _wrapped(title)}


def is_wide(values: np.ndarray) -> bool:
    """Whether values span so much that the small ones would vanish on a linear axis.

    >>> is_wide(np.array([1.0, 90.0])), is_wide(np.array([1.0, 110.0])), is_wide(np.array([0.0]))
    (False, True, False)
    """
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() > known.min() * 10.0**DECADES)


def ticks_of(
    kind: Kind, low: float, high: float, most: int = MOST_TICKS
) -> tuple[list[float], Unit]:
    """Round figures from at most ``low`` to at least ``high``, and their unit.

    >>> ticks_of("seconds", 0.0, 1.4)
    ([0.0, 0.5, 1.0, 1.5], Unit(size=1.0, name=' s'))
    >>> ticks_of("usd", 12_260.0, 14_900.0)
    ([12000.0, 13000.0, 14000.0, 15000.0], Unit(size=1.0, name=''))
    """
    unit = unit_of(kind, max(abs(low), abs(high)))
    step = _step((high - low) / unit.size, most, kind, unit) * unit.size
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [float(f"{n * step:.12g}") for n in range(first, max(last, first + 1) + 1)]
    if unit.name == " ms" and ticks[-1] >= 1.0:
        unit = Unit(1.0, " s")
    return ticks, unit


def unit_of(kind: Kind, largest: float) -> Unit:
    """The unit in which all numbers of an axis are read.

    >>> unit_of("seconds", 0.7).name, unit_of("seconds", 2000.0).name, unit_of("usd", 90_000.0)
    (' ms', ' min', Unit(size=1000.0, name='k'))
    """
    if kind == "seconds":
        return next(unit for limit, unit in AXIS_TIMES if largest < limit)
    if kind == "share":
        return Unit(0.01, " %")
    for size, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if largest >= 20.0 * size:
            return Unit(size, name)
    return Unit(1.0, "")


def amount(kind: Kind, value: float, unit: str = "") -> str:
    """A value in words.

    >>> amount("seconds", 0.5864), amount("usd", 34912.4), amount("count", 3.0, "replicas")
    ('586 ms', '34,912 USD', '3 replicas')
    >>> amount("seconds", float("nan"))
    '–'
    """
    if not math.isfinite(value):
        return ABSENT
    chosen = scale(Figure("", "", kind, unit or ("USD" if kind == "usd" else "")), value)
    text = chosen.text(value)
    return f"{_trimmed(text) if kind != 'usd' else text} {chosen.unit}".rstrip()


def between(kind: Kind, low: float, high: float, unit: str = "") -> str:
    """Two values in one unit; each in its own where the lower one would be lost in the other's.

    >>> between("seconds", 33.12, 57.4), between("usd", 0.0042, 0.0151), between("share", 1.0, 1.0)
    ('33.1 to 57.4 s', '0.00420 to 0.01510 USD', '100 %')
    >>> between("seconds", 0.41, 3900.0), between("seconds", 0.0, 3900.0)
    ('410 ms to 65 min', '0 to 65 min')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{amount(kind, low, unit)} to {amount(kind, high, unit)}"
    whole = amount(kind, high, unit)
    chosen = scale(Figure("", "", kind, unit or ("USD" if kind == "usd" else "")), high)
    if abs(round(low / chosen.size, chosen.decimals) * chosen.size - low) > LOST * abs(low):
        return f"{amount(kind, low, unit)} to {whole}"
    first = _trimmed(chosen.text(low)) if kind != "usd" else chosen.text(low)
    last = whole.removesuffix(chosen.unit).rstrip()
    return whole if first == last else f"{first} to {whole}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ends(known: np.ndarray, zero: bool, room: float) -> tuple[float, float]:
    """Where a linear axis is to begin and end, before it is rounded."""
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
        spare = room * (high - low)
        low, high = low - (spare if low < 0.0 else 0.0), high + spare
        return (low, high) if high > low else (0.0, 1.0)
    least = LEAST_SPAN * abs(low + high) / 2
    spare = max(room * (high - low), (least - (high - low)) / 2, 0.0)
    begin, end = low - spare, high + spare
    if low >= 0.0:
        begin = max(begin, 0.0)
    return (begin, end) if end > begin else (begin, begin + 1.0)


def _linear(kind: Kind, low: float, high: float) -> tuple[list[float], list[float], str]:
    ticks, unit = ticks_of(kind, low, high)
    step = (ticks[1] - ticks[0]) / unit.size
    decimals = next((n for n in range(9) if abs(round(step, n) - step) < 1e-9 * step), 9)
    label = f"format(datum.value / {unit.size!r}, ',.{decimals}f') + '{unit.name}'"
    if unit.name.isalpha():  # thousands, of which nothing has none
        label = f"datum.value == 0 ? '0' : {label}"
    return [ticks[0], ticks[-1]], ticks, label


def _step(span: float, most: int, kind: Kind, unit: Unit) -> float:
    """The least round step that makes at most so many ticks, as clocks have them for times."""
    power = 10.0 ** math.floor(math.log10(span / most))
    steps = [factor * power * ten for ten in (1, 10, 100) for factor in (1, 2, 2.5, 5)]
    if kind == "seconds":
        rounds = CLOCK.get(unit.name.strip(), ())
        steps = [step for step in steps if not rounds or step < rounds[0]] + list(rounds)
    if kind == "count" and unit.size == 1.0:
        steps = [step for step in steps if step >= 1.0 and step.is_integer()] or [1.0]
    enough = (step for step in sorted(steps) if span / step <= most - 1 + 1e-9)
    return next(enough, power * 1000)


def _logarithmic(
    kind: Kind, low: float, high: float, room: float
) -> tuple[list[float], list[float], str]:
    """Ticks at powers of ten, between them where there are few."""
    ends = low / (1.05 + room), high * (1.05 + room)
    if kind == "seconds":
        grids: list[tuple[float, ...]] = [ROUND_TIMES, TIMES]
    else:
        powers = range(math.floor(math.log10(ends[0])), math.ceil(math.log10(ends[1])) + 1)
        grids = [
            tuple(factor * 10.0**power for power in powers for factor in factors)
            for factors in ((1,), (1, 3), (1, 2, 5))
        ]
    inside = [[tick for tick in grid if ends[0] <= tick <= ends[1]] for grid in grids]
    ticks = next((each for each in inside if len(each) >= 4), inside[-1])
    if len(ticks) < 3:
        found, _ = ticks_of("rate" if kind == "count" else kind, *ends)
        ticks = [tick for tick in found if ends[0] <= tick <= ends[1]] or [low]
    every = -(-len(ticks) // (MOST_TICKS + 1))
    return list(ends), [float(f"{tick:.12g}") for tick in ticks[::every]], _label(kind)


def _label(kind: Kind) -> str:
    """Each number in a unit of its own, as an expression of Vega."""
    steps: tuple[tuple[float, float, str], ...]
    match kind:
        case "seconds":
            steps = (
                (DAY, DAY, " d"), (HOUR, HOUR, " h"), (MINUTE, MINUTE, " min"), (1.0, 1.0, " s"),
                (0.0, 1e-3, " ms"),
            )  # fmt: skip
        case "share":
            steps = ((0.0, 0.01, " %"),)
        case _:
            steps = ((1e9, 1e9, "bn"), (1e6, 1e6, "M"), (1e4, 1e3, "k"), (0.0, 1.0, ""))
    *some, (_, size, name) = steps
    text = f"{PLAIN.format(f'datum.value / {size!r}')} + '{name}'"
    for least, size, name in reversed(some):
        number = PLAIN.format(f"datum.value / {size!r}")
        text = f"datum.value >= {least * 0.9999!r} ? {number} + '{name}' : {text}"
    return text


def _wrapped(title: str, longest: int = 42) -> str | list[str]:
    """A title over several lines where it is longer than a phone is wide."""
    lines = textwrap.wrap(title, longest)
    return title if len(lines) <= 1 else lines
