"""What of a scenario can be moved on the page: its main numbers, as far as it has them.

Volume, SLO and retries of each workload; replicas, model and GPU, and price of each backend. Where
a number is a distribution its median is moved, and all of it in proportion.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from sim.catalog import api_models, profile_names
from sim.catalog.hardware import gpus, models
from sim.model.client import RETRIES
from sim.scenario import Scenario
from sim.scenario.values.units import Kind, UnitError, parse_quantity

VOLUMES: Final[dict[str, tuple[str, Kind]]] = {  # of arrivals: label, kind
    "requests_per_day": ("requests a day", "count"),
    "requests_per_second": ("requests a second", "count"),
    "users": ("users", "count"),
    "usd_per_month": ("bill, USD a month", "money"),
}
SLOS: Final = {
    "ttft_p95": "first token p95, s",
    "tpot_p95": "per output token p95, s",
    "e2e_p95": "whole answer p95, s",
}
LIMITS: Final = {"min": "fewest replicas", "max": "most replicas", "initial": "replicas at first"}
AROUND: Final = 10.0  # a slider goes from a tenth to the tenfold
FEWEST_AT_MOST: Final = 8  # replicas that a slider reaches at least

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that can be moved.

    Attributes
    ----------
    path : str
        Of its key, with dots.
    group, label : str
        Whose it is, and what.
    form : {"number", "choice", "text"}
    shown : str
        Its value: of a distribution the median.
    low, high : float
        Where a slider ends; 0 where there is none.
    whole : bool
        Whether only whole numbers make sense.
    choices : tuple of str
        What may be chosen, or is suggested.
    spread : str
        The distribution as it is written; empty where there is none.
    """

    path: str
    group: str
    label: str
    form: Literal["number", "choice", "text"]
    shown: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    choices: tuple[str, ...] = ()
    spread: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the page's script has it."""
        return asdict(self)


def controls(data: Mapping[str, Any], scenario: Scenario) -> list[Control]:
    """All controls of a scenario.

    Parameters
    ----------
    data : mapping
        As it is written.
    scenario : Scenario
        The same, loaded.
    """
    return [*_Reader(scenario).controls(data)]


class _Reader:
    def __init__(self, scenario: Scenario) -> None:
        self._medians = {
            each.path: float(each.distribution.ppf(np.array([0.5]))[0]) for each in scenario.inputs
        }

    def controls(self, data: Mapping[str, Any]) -> Iterator[Control]:
        for name, workload in _mappings(data.get("workloads")):
            yield from self._workload(name, workload)
        for name, backend in _mappings(data.get("backends")):
            yield from self._backend(name, backend)

    def _workload(self, name: str, workload: Mapping[str, Any]) -> Iterator[Control]:
        at, name = ("workloads", name), f"workload {name}"
        arrivals = _mapping(workload.get("arrivals"))
        for key, (label, kind) in VOLUMES.items():
            yield from self._number(arrivals, (*at, "arrivals", key), name, label, kind)
        trace = _mapping(arrivals.get("trace"))
        if trace:
            place = (*at, "arrivals", "trace", "rate_scale")
            given = {"rate_scale": 1, **trace}
            yield from self._number(given, place, name, "times the trace", "factor")
        slo = _mapping(workload.get("slo"))
        for key, label in SLOS.items():
            yield from self._number(slo, (*at, "slo", key), name, label, "duration")
        client = _mapping(workload.get("client"))
        yield from self._retries((*at, "client", "retries"), name, client)

    def _retries(self, place: Place, name: str, client: Mapping[str, Any]) -> Iterator[Control]:
        given = client.get("retries")
        if isinstance(given, dict):
            place = (*place, "max_retries" if "max_retries" in given else "preset")
            given = given.get(place[-1])
        if _is_plain(given):
            counts = ("0", "1", "2", "3", "5")
            known = counts if place[-1] == "max_retries" else (*RETRIES, *counts)
            yield Control(_dotted(place), name, "retries", "text", _text(given), choices=known)

    def _backend(self, name: str, backend: Mapping[str, Any]) -> Iterator[Control]:
        at, name = ("backends", name), f"backend {name}"
        replicas = backend.get("replicas")
        if isinstance(replicas, dict) and set(replicas) & set(LIMITS):
            for key, label in LIMITS.items():
                place = (*at, "replicas", key)
                yield from self._number(replicas, place, name, label, "count", whole=True)
        else:
            own = (*at, "replicas")
            yield from self._number(backend, own, name, "replicas", "count", whole=True)
        yield from self._served_by(at, name, backend)
        price = _mapping(backend.get("price"))
        paid = (*at, "price", "usd_per_gpu_hour")
        yield from self._number(price, paid, name, "USD a GPU-hour", "money")

    def _served_by(self, at: Place, name: str, backend: Mapping[str, Any]) -> Iterator[Control]:
        service = backend.get("service")
        if isinstance(service, str):
            yield _choice((*at, "service"), name, "model and GPU", service, profile_names())
        known: dict[str, Iterable[str]] = {"model": models(), "gpu": gpus()}
        for key, names in known.items():
            given = _mapping(service).get(key)
            if isinstance(given, str):
                yield _choice((*at, "service", key), name, key, given, names)
        model = backend.get("model")
        if isinstance(model, str):
            yield _choice((*at, "model"), name, "model", model, api_models())

    def _number(
        self,
        holder: Mapping[str, Any],
        place: Place,
        group: str,
        label: str,
        kind: Kind,
        whole: bool = False,
    ) -> Iterator[Control]:
        """A slider for a number that the holder has; none where it is not told."""
        given = holder.get(place[-1])
        path = _dotted(place)
        value = self._medians.get(path, math.nan)
        if _is_plain(given):
            try:
                value = parse_quantity(str(given), kind)
            except UnitError:
                return
        if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not whole):
            return
        low, high = value / AROUND, value * AROUND
        if whole:
            low, high = 0.0 if value == 0.0 else 1.0, float(max(4 * value, FEWEST_AT_MOST))
        spread = "" if _is_plain(given) else _text(given)
        shown = _compact(value) if spread or kind in ("duration", "money") else _text(given)
        yield Control(path, group, label, "number", shown, low, high, whole, spread=spread)


def _choice(place: Place, group: str, label: str, given: str, known: Iterable[str]) -> Control:
    names = tuple(known)
    chosen = names if given in names else (given, *names)
    return Control(_dotted(place), group, label, "choice", given, choices=chosen)


def _compact(value: float) -> str:
    """A number as it is typed, which the page's script does alike.

    >>> _compact(26210.0), _compact(3e6), _compact(0.05)
    ('26.21k', '3M', '0.05')
    """
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= 10 * size or (unit == "M" and value >= size):
            return f"{value / size:.6g}{unit}"
    return f"{value:.6g}"


def _dotted(place: Place) -> str:
    return ".".join(place)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Named parts, but those whose names a path cannot have."""
    for name, part in _mapping(value).items():
        if isinstance(part, Mapping) and "." not in str(name):
            yield str(name), part


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _text(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
