"""Reading numbers and distributions, with every problem noted at its place."""

import math
import re
from dataclasses import replace
from itertools import product
from typing import Any

from sim.model.distributions import Distribution
from sim.scenario.values.families import FAMILIES, INTERVAL, Role, family
from sim.scenario.values.numbers import (
    GREATEST,
    LEAST_LEVEL,
    SMALLEST,
    TAIL,
    Number,
    Quantity,
    Spread,
    Uncertain,
    quantiles,
    uncertain_in,
)
from sim.scenario.values.problems import Spot, choose, dotted
from sim.scenario.values.table import read_columns
from sim.scenario.values.units import EXPECTED, Kind, UnitError, parse_quantity, shown

TOO_WIDE = "spreads wider than numbers can hold"
CORNERS = 6  # uncertain parameters of one distribution that are tried at their extremes together


def read_number(raw: Any, quantity: Quantity, spot: Spot) -> Number | None:
    """The number that ``raw`` stands for; None, with the problems noted, if it is none."""
    if isinstance(raw, dict):
        return _read_uncertain(raw, quantity, spot)
    value = _read_plain(raw, quantity, spot)
    if value is None:
        return None
    if quantity.integer and not value.is_integer():
        spot.wrong(f"{shown(raw)} must be a whole number")
    elif fault := quantity.fault(value):
        spot.wrong(f"{shown(raw)} {fault}", quantity.remedy)
    return value


def read_spread(raw: Any, quantity: Quantity, spot: Spot, nested: bool = True) -> Spread | None:
    """The distribution that a mapping stands for; None, with the problems noted, if none.

    Parameters
    ----------
    quantity : Quantity
        What the values of the distribution are.
    nested : bool
        Whether its parameters may be uncertain.
    """
    named = _single_family(raw, spot)
    if named is None:
        return None
    name, given, spot = named
    before = len(spot.findings.found)
    if name == "mixture":
        parameters, written = {"parts": _read_parts(given, quantity, spot, nested)}, None
    else:
        parameters, written = _read_parameters(name, given, quantity, spot, nested)
    if len(spot.findings.found) > before:
        return None
    return _checked(Spread(name, parameters, written=written), spot)


def _read_plain(raw: Any, quantity: Quantity, spot: Spot) -> float | None:
    """A finite number with or without unit."""
    if isinstance(raw, str):
        try:
            value = parse_quantity(raw, quantity.kind)
        except UnitError as error:
            spot.wrong(str(error), _common_mistake(raw, quantity.kind))
            return None
    elif isinstance(raw, int | float) and not isinstance(raw, bool):
        value = float(raw)
    else:
        spot.wrong(f"{shown(raw)} must be {EXPECTED[quantity.kind]}")
        return None
    if not math.isfinite(value):
        spot.wrong(f"{shown(raw)} must be a finite number")
    elif value and not SMALLEST <= abs(value) <= GREATEST:
        spot.wrong(f"{shown(raw)} is too {'large' if abs(value) > 1 else 'close to 0'}")
    else:
        return value
    return None


_SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_INTERVAL = "write the number alone, or an interval {p5: 80, p95: 120}"
_PER = re.compile(r"\s*([\d._]+\s*[kKM]?)\s*(?:/|per\b)")
_TIME = r"(?:sec|min|hour|day|week|month|year)"
_ALONE = re.compile(rf"\s*([\d.,_]+(?:e\d+)?\s*[kKM]?)\s+(?!{_TIME})[a-z]", re.I)
_MISTAKES: tuple[tuple[Kind | None, re.Pattern[str], str], ...] = (
    ("duration", re.compile(r"m\s*$"), "minutes are written min"),
    ("duration", re.compile(r"\d:\d"), "as 1h30 or 90s"),
    ("duration", re.compile(r"month|year|quarter", re.I), "a month has 30.4d, a year 365d"),
    (None, re.compile(r"^\s*\d{1,3}(\.\d{3})*,\d+\s*$"), "a point is for decimals: 1234.5"),
    ("count", re.compile(r"\d\s+\d{3}(?!\d)"), "write numbers without spaces"),
    ("share", re.compile(r"^\s*\d+\s*/\s*\d+\s*$"), "divide: a third is 33.3%"),
    ("money", re.compile(r"\dc(t|ents?)?\s*$", re.I), "cents are fractions: 5c is 0.05"),
    (None, re.compile(r"^\s*(?:[~≈<>]|about\b|around\b|circa\b|ca\b|approx)", re.I), _INTERVAL),
    (None, re.compile(r"\d\s*[a-z%]*\s*(?:-|–|\.\.+|\bto\b)\s*\$?\d|±|\+/-", re.I), _INTERVAL),
    (None, re.compile(","), "write numbers without commas"),
    ("count", re.compile(r"\d\s*m\s*$"), "a million is written M"),
    ("money", re.compile("[€£¥]|EUR|GBP|CHF"), "all money is in USD: convert it"),
)


def _common_mistake(text: str, kind: Kind) -> str:
    for only, pattern, remedy in _MISTAKES:
        if only in (None, kind) and pattern.search(text):
            return remedy
    if kind != "bandwidth" and (per := _PER.match(text)):
        return f"the key says per what: write {per[1].strip()}"
    if kind == "count" and (alone := _ALONE.match(text)):
        return f"write the number alone: {alone[1].strip()}"
    return spelled(text) if kind == "count" else ""


def spelled(text: str) -> str:
    """What to write in place of a number in words; empty if it is none.

    Examples
    --------
    >>> spelled("three"), spelled("many")
    ('a whole number: write 3', '')
    """
    word = text.strip().casefold()
    return f"a whole number: write {_SPELLED.index(word)}" if word in _SPELLED else ""


def _read_uncertain(raw: dict[str, Any], quantity: Quantity, spot: Spot) -> Uncertain | None:
    if quantity.certain:
        spot.wrong(f"{shown(raw)} must be {EXPECTED[quantity.kind]}, not a distribution")
        return None
    spread = read_spread(raw, quantity, spot, nested=False)
    if spread is None:
        return None
    try:
        inside = quantity.within(spread.distribution({}))
    except ValueError as error:
        spot.wrong(str(error), positive_remedy(spread, quantity))
        return None
    return Uncertain(dotted(spot.path), spread, quantity, inside)


def positive_remedy(spread: Spread, quantity: Quantity) -> str:
    """What to do where an unbounded distribution stands for what must be positive."""
    unbounded = spread.name in ("normal", "interval")
    if unbounded and max(quantity.above, quantity.least) >= 0:
        return "use lognormal, whose values are always above 0"
    return ""


def _single_family(raw: Any, spot: Spot) -> tuple[str, Any, Spot] | None:
    """The family of a mapping such as ``{lognormal: ...}``, what it is given, and where."""
    if not isinstance(raw, dict) or not raw:
        spot.wrong(f"{shown(raw)} must be a distribution such as {{lognormal: {{p50: , p95: }}}}")
        return None
    if raw.keys() & INTERVAL.parameters.keys():
        return "interval", raw, spot
    unknown = [key for key in raw if key not in FAMILIES]
    for key in unknown:
        spot.below(key).wrong("unknown distribution", choose(key, [*FAMILIES, "p5", "p95"]))
    if len(raw) > 1 and not unknown:
        spot.wrong(f"names {len(raw)} distributions, must be one", "a mixture takes several")
    if unknown or len(raw) > 1:
        return None
    ((name, given),) = raw.items()
    return name, given, spot.below(name)


def _read_parameters(
    name: str, given: Any, quantity: Quantity, spot: Spot, nested: bool
) -> tuple[dict[str, Any], Any]:
    """Parameters of a family, and how they are written where that differs."""
    kind = family(name)
    if "values" in kind.parameters and isinstance(given, list):
        given = {"values": given}
    if name == "empirical" and isinstance(given, dict) and "csv" in given:
        return _read_table(given, spot)
    if not isinstance(given, dict):
        spot.wrong(f"{shown(given)} must be {kind.expected()}")
        return {}, None
    parameters = {}
    for key, raw in given.items():
        if role := kind.parameters.get(key):
            parameters[key] = _read_parameter(raw, role, quantity, spot.below(key), nested)
        else:
            remedy = choose(key, kind.parameters)
            if name == "interval" and key in family("lognormal").parameters:
                remedy = "name a distribution, such as {lognormal: {mean: 1000, p95: 2600}}"
            spot.below(key).wrong("unknown key", remedy)
    if parameters.keys() == given.keys() and not kind.determined_by(list(given)):
        found = ", ".join(given) or "nothing"
        spot.wrong(f"must be given by {kind.expected()}; found {found}")
    return parameters, None


def _read_parameter(raw: Any, role: Role, quantity: Quantity, spot: Spot, nested: bool) -> Any:
    if role in ("scales", "weights"):
        kind = quantity if role == "scales" else Quantity("factor", least=0)
        one = replace(kind, certain=True)
        if not isinstance(raw, list) or not raw:
            spot.wrong(f"{shown(raw)} must be a list of numbers")
            return []
        return [read_number(item, one, spot.below(i)) for i, item in enumerate(raw)]
    if role == "shape":
        return read_number(raw, Quantity("factor", least=0, certain=not nested), spot)
    least = 0.0 if nested else -math.inf  # only what is positive is nested: lengths, durations
    return read_number(raw, Quantity(quantity.kind, least=least, certain=not nested), spot)


def _read_parts(
    raw: Any, quantity: Quantity, spot: Spot, nested: bool
) -> list[tuple[Number | None, Spread | None]]:
    """Weights and components of a mixture."""
    if not isinstance(raw, list) or not raw:
        spot.wrong(f"{shown(raw)} must be a list of distributions, each with its weight")
        return []
    parts = []
    for index, item in enumerate(raw):
        below = spot.below(index)
        if not isinstance(item, dict) or "weight" not in item:
            below.wrong(f"{shown(item)} must be a distribution with its weight")
            continue
        weight = read_number(
            item["weight"],
            Quantity("factor", above=0, certain=not nested),
            below.below("weight"),
        )
        rest = {key: value for key, value in item.items() if key != "weight"}
        parts.append((weight, read_spread(rest, quantity, below, nested)))
    return parts


def _read_table(given: dict[str, Any], spot: Spot) -> tuple[dict[str, Any], Any]:
    """Values, and weights if asked for, of a CSV file."""
    keys = ("csv", "column", "weights_column")
    for key in given.keys() - set(keys):
        spot.below(key).wrong("unknown key", choose(key, keys))
    columns = [given.get("column"), given.get("weights_column")]
    if given.keys() - set(keys):
        return {}, None
    table = read_columns(given["csv"], columns if columns[1] else columns[:1], spot)
    if table is None:
        return {}, None
    file, values = table
    written = {"empirical": {**given, "csv": str(file)}}
    return dict(zip(("values", "weights"), values, strict=False)), written


def _checked(spread: Spread, spot: Spot) -> Spread | None:
    """The spread, once it could be built at the extremes of its uncertain parameters."""
    inputs = list(uncertain_in(spread))
    where = "where its uncertain parameters are extreme: " if inputs else ""
    distribution = None
    try:
        for draws in extremes(inputs):
            distribution = spread.distribution(draws)
            require_drawable(distribution)
    except ValueError as error:
        spot.wrong(f"{where}{error}")
        return None
    except (ArithmeticError, RuntimeError):
        spot.wrong(f"{where}{TOO_WIDE}")
        return None
    return spread if inputs else replace(spread, fixed=distribution)


def require_drawable(distribution: Distribution) -> None:
    """Raise ValueError if a sampler could draw what is no number."""
    levels = (LEAST_LEVEL, TAIL, 1 - TAIL, 1 - LEAST_LEVEL)
    if not all(map(math.isfinite, quantiles(distribution, levels))):
        raise ValueError(TOO_WIDE)


def extremes(inputs: list[Uncertain]) -> list[dict[str, float]]:
    """Draws with each input at either end of its range, in all combinations of the first few."""
    if not inputs:
        return [{}]
    levels = (TAIL, 0.5, 1 - TAIL)
    low, middle, high = zip(*(quantiles(u.distribution, levels) for u in inputs), strict=True)
    paths = [u.path for u in inputs]
    usual = dict(zip(paths, middle, strict=True))
    pairs = list(zip(low, high, strict=True))[:CORNERS]
    return [usual | dict(zip(paths, corner, strict=False)) for corner in product(*pairs)]
