"""How replicas come and go: the keys, and the life cycle that they make."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from sim.catalog import model as catalogue_model
from sim.errors import CatalogError
from sim.model import lifecycle as model
from sim.model.distributions import Distribution
from sim.model.lifecycle import NOTHING, Alternation, WeightLoad
from sim.model.profile import ServiceProfile
from sim.scenario.backend.replicas import MOST_REPLICAS, Replicas
from sim.scenario.values.fields import JsonSchema, Reads, number, number_schema, one_of
from sim.scenario.values.numbers import (
    BANDWIDTH_REMEDY,
    LEAST_BYTES_PER_S,
    Number,
    Quantity,
    document_of,
    in_words,
    known,
    may_exceed,
)
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path, Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.varied import DURATION, LONGEST_S, Varied, read_varied, schema_of, varied

Draws = Mapping[str, float]

SPELL: Final = Quantity("duration", above=0, most=LONGEST_S)
SIZE: Final = Quantity("size", above=0, most=1e15)
BANDWIDTH: Final = Quantity(
    "bandwidth", least=LEAST_BYTES_PER_S, most=1e15, remedy=BANDWIDTH_REMEDY
)
TIMES: Final = ("node", "image_pull", "engine_start", "graph_capture")
TEXTS: Final = {
    "duration": "From the request for a replica to its serving.",
    "node": "Until there is a machine, which is not billed yet; default 0.",
    "image_pull": "Until the container's image is there; default 0.",
    "engine_start": "Until the engine has started; default 0.",
    "graph_capture": "Until the engine has compiled and captured its graphs; default 0.",
    "weights": "Bytes that are loaded, with load_bandwidth; default none.",
    "load_bandwidth": "Bytes a second at which weights are loaded.",
    "deadline": "When a start is given up and tried again; default never.",
}
PARTS: Final = (*TIMES, "weights", "load_bandwidth")
WHOLE: Final = "duration"


@dataclass(frozen=True, slots=True)
class ColdStart:
    """From the request for a replica to its serving.

    Attributes
    ----------
    whole : Varied or None
        As one figure.
    times, load_bandwidth, weights
        Put together from its parts.
    deadline : Number or None
        When a replica is killed that has not started, counted from its running node.
    """

    whole: Varied | None = None
    times: dict[str, Varied] = field(default_factory=dict)
    load_bandwidth: Varied | None = None
    weights: Number | None = None
    deadline: Number | None = None

    def document(self) -> Any:
        """As plain data."""
        if self.whole is not None and self.deadline is None:
            return self.whole.document()
        others = {
            WHOLE: self.whole,
            "weights": self.weights,
            "load_bandwidth": self.load_bandwidth,
            "deadline": self.deadline,
        }
        parts = {**self.times, **{key: part for key, part in others.items() if part is not None}}
        return {key: document_of(part) for key, part in parts.items()}


class Standby(Model):
    """Loaded replicas that serve nobody, are paid for, and become ready in seconds."""

    replicas: Annotated[Number, number("count", least=1, most=MOST_REPLICAS, integer=True)]
    """How many at most."""
    wake: Annotated[Varied, varied()]
    """How long one takes to become ready."""
    kind: Annotated[str, one_of("warm", "asleep")] = "warm"
    """A warm pool is full at the start and filled up again; asleep are those no longer wanted."""


class Capacity(Model):
    """How many replicas are to be had at all."""

    limit: Annotated[Number, number("count", least=1, most=MOST_REPLICAS, integer=True)] | None = (
        None
    )
    """Replicas that can be had at once; further ones are waited for. Default unlimited."""
    available: Annotated[Varied, varied(SPELL)] | None = None
    """How long new ones are to be had, between outages."""
    outage: Annotated[Varied, varied(SPELL)] | None = None
    """How long none is to be had; those that run are not touched. Default there is no outage."""


def starting_time() -> Reads:
    """A duration, a distribution, or a mapping of parts."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> ColdStart | None:
    if not isinstance(raw, dict):
        return _as_one_figure(raw, spot)
    deadline = raw.get("deadline")
    if deadline is not None:
        deadline = read_number(deadline, SPELL, spot.below("deadline"))
    raw = {key: value for key, value in raw.items() if key != "deadline"}
    if raw.keys() == {WHOLE}:
        cold = _as_one_figure(raw[WHOLE], spot.below(WHOLE))
    elif raw.keys() & set(PARTS):
        cold = _put_together(raw, spot)
    elif raw:
        cold = _as_one_figure(raw, spot)
    else:
        cold = None
        spot.wrong("has a deadline and no time", "add the time itself, such as duration: 3min")
    return None if cold is None else replace(cold, deadline=deadline)


def _as_one_figure(raw: Any, spot: Spot) -> ColdStart | None:
    whole = read_varied(raw, DURATION, spot)
    return None if whole is None else ColdStart(whole)


def _put_together(raw: Mapping[str, Any], spot: Spot) -> ColdStart:
    if WHOLE in raw:
        spot.below(WHOLE).wrong(
            "is the whole time, beside parts of it", "leave out one or the other"
        )
    for key in raw.keys() - {*PARTS, WHOLE}:
        spot.below(key).wrong("unknown key", choose(key, PARTS))
    times = {key: read_varied(raw[key], DURATION, spot.below(key)) for key in TIMES if key in raw}
    bandwidth, weights = raw.get("load_bandwidth"), raw.get("weights")
    if weights is not None and bandwidth is None:
        spot.below("weights").wrong("has no load_bandwidth beside it", "add load_bandwidth: 2 GB/s")
    return ColdStart(
        None,
        {key: time for key, time in times.items() if time is not None},
        None
        if bandwidth is None
        else read_varied(bandwidth, BANDWIDTH, spot.below("load_bandwidth")),
        None if weights is None else read_number(weights, SIZE, spot.below("weights")),
    )


def _schema() -> JsonSchema:
    deadline = {"description": TEXTS["deadline"], **number_schema(SPELL)}
    parts = {
        "type": "object",
        "properties": {
            **{key: {"description": TEXTS[key], **schema_of("duration")} for key in TIMES},
            "weights": {"description": TEXTS["weights"], **number_schema(SIZE)},
            "load_bandwidth": {"description": TEXTS["load_bandwidth"], **schema_of("bandwidth")},
            "deadline": deadline,
        },
        "minProperties": 1,
        "additionalProperties": False,
    }
    whole = {
        "type": "object",
        "properties": {
            WHOLE: {"description": TEXTS[WHOLE], **schema_of("duration")},
            "deadline": deadline,
        },
        "required": [WHOLE],
        "additionalProperties": False,
    }
    return {"anyOf": [schema_of("duration"), whole, parts]}


def resolved(
    cold: ColdStart | None, profile: ServiceProfile, path: Path, findings: Findings
) -> ColdStart | None:
    """The cold start with the size of the model's weights from the catalogue."""
    if cold is None or cold.load_bandwidth is None or cold.weights is not None:
        return cold
    try:
        weight_bytes = catalogue_model(profile.model).weight_bytes(profile.precision)
    except CatalogError:
        message = f"has no weights, and the catalogue does not know the model '{profile.model}'"
        findings.add((*path, "cold_start"), message, "add weights, such as weights: 140 GB")
        return cold
    return replace(cold, weights=weight_bytes)


def check_capacity(
    capacity: Capacity | None, replicas: Replicas, path: Path, findings: Findings
) -> None:
    """Note outages without a time in between, and more replicas than there can be."""
    if capacity is None:
        return
    path = (*path, "capacity")
    if (capacity.available is None) != (capacity.outage is None):
        other = "outage" if capacity.outage is None else "available"
        findings.add(path, f"has no {other} beside it", f"add {other}")
    for name in ("fixed", "least", "initial"):
        count = getattr(replicas, name)
        if count is not None and capacity.limit is not None and may_exceed(count, capacity.limit):
            key = {"fixed": "replicas", "least": "min of replicas", "initial": "initial"}[name]
            most = in_words(capacity.limit)
            message = f"{most} must be at least {key} ({in_words(count)})"
            findings.add((*path, "limit"), message)
            return


def compiled(
    cold: ColdStart | None,
    standby: Standby | None,
    capacity: Capacity | None,
    drain_limit: Number | None,
    draws: Draws,
) -> model.Lifecycle:
    """The life cycle in a world."""
    limit = None if capacity is None else capacity.limit
    infinite = float("inf")
    return model.Lifecycle(
        cold_start=model.ColdStart() if cold is None else _cold_start(cold, draws),
        standby=None if standby is None else _standby(standby, draws),
        capacity_limit=infinite if limit is None else known(limit, draws),
        capacity_outages=None if capacity is None else _outages(capacity, draws),
        drain_limit_s=infinite if drain_limit is None else known(drain_limit, draws),
    )


def _cold_start(cold: ColdStart, draws: Draws) -> model.ColdStart:
    deadline_s = math.inf if cold.deadline is None else known(cold.deadline, draws)
    if cold.whole is not None:
        return model.ColdStart.whole(cold.whole.distribution(draws), deadline_s)
    times: dict[str, Distribution] = {
        key: time.distribution(draws) for key, time in cold.times.items()
    }
    weights = None
    if cold.load_bandwidth is not None and cold.weights is not None:
        bandwidth = cold.load_bandwidth.distribution(draws)
        weights = WeightLoad(known(cold.weights, draws), bandwidth)
    return model.ColdStart.composed(
        node=times.get("node", NOTHING),
        image_pull=times.get("image_pull", NOTHING),
        weights=weights,
        engine_start=times.get("engine_start", NOTHING),
        graph_capture=times.get("graph_capture"),
        deadline_s=deadline_s,
    )


def _standby(standby: Standby, draws: Draws) -> model.Standby:
    wake = standby.wake.distribution(draws)
    return model.Standby(int(known(standby.replicas, draws)), wake, standby.kind == "warm")


def _outages(capacity: Capacity, draws: Draws) -> Alternation | None:
    if capacity.available is None or capacity.outage is None:
        return None
    return Alternation(
        on=capacity.available.distribution(draws), off=capacity.outage.distribution(draws)
    )
