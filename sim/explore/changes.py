"""What was moved on the page, as changes of the scenario."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.errors import PeakfleetError
from sim.explore.controls import Control
from sim.scenario.values.families import FAMILIES, INTERVAL, Family
from sim.scenario.values.units import Kind, UnitError, parse_quantity

MOST_TEXT = 500  # letters of a value
KINDS: tuple[Kind, ...] = ("count", "money", "duration", "factor")


def overrides(known: Iterable[Control], asked: Mapping[str, Any], data: Any) -> tuple[str, ...]:
    """Changes as ``--set`` has them, in the order of the controls.

    Parameters
    ----------
    known : iterable of Control
    asked : mapping
        New values, as text, by path.
    data : mapping
        The scenario as it is written: a distribution is moved as a whole.

    Raises
    ------
    PeakfleetError
        If a path is none of a control, or a value is no short text of one line.
    """
    by_path = {each.path: each for each in known}
    for path, value in asked.items():
        if path not in by_path:
            raise PeakfleetError(f"{path[:100]}: is not among the controls of this page")
        if not isinstance(value, str) or len(value) > MOST_TEXT or not value.isprintable():
            raise PeakfleetError(f"{path}: must be a text of one line, at most {MOST_TEXT} letters")
    return tuple(
        f"{path}={_written(each, asked[path].strip(), data)}"
        for path, each in by_path.items()
        if path in asked
    )


def _written(control: Control, value: str, data: Any) -> str:
    """A value as YAML."""
    if control.form == "choice":
        return json.dumps(value, ensure_ascii=False)
    before = _at(data, control.path.split("."))
    factor = _factor(control, value) if control.spread else None
    if factor is None:
        return value
    return json.dumps(scaled(before, factor), ensure_ascii=False)


def _factor(control: Control, value: str) -> float | None:
    """By what a distribution is moved; None where another is written, or no number at all."""
    for kind in KINDS:
        try:
            return parse_quantity(value, kind) / parse_quantity(control.shown, "count")
        except (UnitError, ZeroDivisionError):
            continue
    return None


def scaled(written: Any, factor: float) -> Any:
    """A distribution as it is written, with all its values times a factor.

    Examples
    --------
    >>> scaled({"lognormal": {"p50": "100k", "sigma": 0.3}}, 2.0)
    {'lognormal': {'p50': 200000.0, 'sigma': 0.3}}
    >>> scaled({"p5": 200, "p95": 4000}, 0.5)
    {'p5': 100.0, 'p95': 2000.0}
    """
    if not isinstance(written, dict):
        return _times(written, factor)
    if set(written) == set(INTERVAL.parameters):
        return _parameters(INTERVAL, written, factor)
    if "weight" in written:
        rest = {key: value for key, value in written.items() if key != "weight"}
        return {"weight": written["weight"], **scaled(rest, factor)}
    (name, given), *others = written.items()
    if others or name not in FAMILIES:
        raise PeakfleetError(f"a distribution ({name}) that cannot be moved; write another instead")
    if isinstance(given, list):
        move = scaled if name == "mixture" else _times
        return {name: [move(each, factor) for each in given]}
    return {name: _parameters(FAMILIES[name], given, factor)}


def _parameters(family: Family, given: Mapping[str, Any], factor: float) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    for key, value in given.items():
        role = family.parameters.get(key)
        if role == "scales":
            moved[key] = [_times(each, factor) for each in value]
        else:
            moved[key] = _times(value, factor) if role == "scale" else value
    if "csv" in given:
        raise PeakfleetError("a distribution of a file cannot be moved; write another instead")
    return moved


def _times(value: Any, factor: float) -> float:
    for kind in KINDS:
        try:
            return parse_quantity(str(value), kind) * factor
        except UnitError:
            continue
    raise PeakfleetError(f"{value!r} in a distribution cannot be moved; write another instead")


def _at(data: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
