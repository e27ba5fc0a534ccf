"""What is asked from Python, looked at before the work: a slip is one clear line, not a traceback.

A text stands for a list of one where a list of texts is asked for.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sim.errors import PeakfleetError
from sim.python.wording import python_words

P = ParamSpec("P")
R = TypeVar("R")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The function, its arguments looked at by their names; those left out are not."""
    asked = signature(function)

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = asked.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            parameter = asked.parameters[name]
            check = _flag if parameter.annotation is bool else CHECKS.get(name)
            if check is not None and value is not parameter.default:
                bound.arguments[name] = check(name, value)
        with python_words():
            return function(*bound.args, **bound.kwargs)

    return called


def place(name: str, value: object, wanted: str) -> Path:
    """A path that was given; none is the current folder by mistake."""
    if not isinstance(value, str | os.PathLike) or not str(value).strip():
        raise refused(name, value, wanted)
    return Path(value)


def refused(name: str, value: object, wanted: str) -> PeakfleetError:
    """The error for what cannot be meant."""
    return PeakfleetError(f"{name} ({_shown(value)}) must be {wanted}")


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise refused(name, value, "a text")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else None
    if found is None or not all(isinstance(each, str) for each in found):
        raise refused(name, value, "a text, or a list of texts")
    return found


def _conditions(name: str, value: object) -> object:
    """As a list, each of which is read as a threshold."""
    if isinstance(value, str):
        return (value,)
    if value is None or not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise refused(name, value, "conditions such as 'slo_met >= 95%'")
    return tuple(value)


def _number(name: str, value: object) -> object:
    if not isinstance(value, Real) or isinstance(value, bool) or math.isnan(value):
        raise refused(name, value, "a number")
    return value  # as it was given: an error tells 2 from 2.0


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise refused(name, value, "True or False")
    return bool(value)


def _number_or_none(name: str, value: object) -> object:
    return value if value is None else _number(name, value)


def _number_or_flag(name: str, value: object) -> object:
    return value if isinstance(value, bool) else _number(name, value)


def _share(name: str, value: object) -> object:
    if not isinstance(value, str | Real) or isinstance(value, bool):
        raise refused(name, value, "a share such as '95%' or 0.95")
    return value


def _seed(name: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
        raise refused(name, value, "a whole number from 0 on")
    return int(value)


def _whole(name: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise refused(name, value, "a whole number")
    return int(value)


def _told(name: str, value: object) -> object:
    if not callable(value):
        raise refused(name, value, "something to be called with a text, such as print")
    return value


def _factors(name: str, value: object) -> object:
    """A number, a text as the command takes it, or a list of either."""
    if isinstance(value, str | Real) and not isinstance(value, bool):
        return value
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else None
    if found is None or any(
        isinstance(each, bool) or not isinstance(each, str | Real) for each in found
    ):
        raise refused(name, value, "a number, or a list of numbers")
    if not found:
        raise refused(
            name, value, "a number, or a list of one or more (leave it out for its default)"
        )
    return found


def _costs(name: str, value: object) -> object:
    return value if isinstance(value, Mapping) else _factors(name, value)


def _rows(length: int, wanted: str) -> Callable[[str, object], object]:
    """Rows of so many numbers each."""

    def check(name: str, value: object) -> object:
        rows: list[Any] = (
            [*value] if isinstance(value, Iterable) and not isinstance(value, str) else [None]
        )
        for row in rows:
            if not isinstance(row, tuple | list) or len(row) != length:
                raise refused(name, value, wanted)
            for each in row:
                _number(name, each)
        return rows

    return check


def _pair(name: str, value: object) -> object:
    _rows(2, "a pair of months and USD, such as (6, 20000)")(name, [value])
    return value


def _months(name: str, value: object) -> object:
    is_all = isinstance(value, str) and value == "all"
    if is_all or (isinstance(value, Integral) and not isinstance(value, bool)):
        return value
    raise refused(name, value, "a number of months, or 'all'")


def _over(name: str, value: object) -> object:
    if isinstance(value, Mapping) and value:
        return value
    raise refused(name, value, "keys with their values, {'backends.large.replicas': [2, 3, 4]}")


def _variants(name: str, value: object) -> object:
    return value if isinstance(value, Mapping) else _texts(name, value)


CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("metric", "cost", "latency", "backend", "against", "cluster"), _text),
    **dict.fromkeys(("metrics", "services", "gpus"), _texts),
    **dict.fromkeys(
        ("term", "miss_cost", "spike_minutes", "peak_days", "on_demand", "budget"), _number
    ),
    **dict.fromkeys(("probability", "attainment", "error", "equal_within", "precision"), _share),
    **dict.fromkeys(("reserved", "spot", "spot_share"), _share),
    **dict.fromkeys(("growth", "prompt_growth", "miss_growth", "retry_growth"), _factors),
    **dict.fromkeys(("creep", "price", "volumes"), _factors),
    "months": _whole,
    "over": _over,
    "peak": _number_or_flag,
    "refresh": _rows(3, "rows of month, speed and price, such as [(13, 1.8, 1.3)]"),
    "retrain": _pair,
    "seed": _seed,
    "simulate": _months,
    "spike": _number_or_none,
    "switching_cost": _costs,
    "tell": _told,
    "thresholds": _conditions,
    "variants": _variants,
}
