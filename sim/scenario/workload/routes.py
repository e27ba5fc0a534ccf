"""Which backends serve a workload: the keys of routes, and the routing that they make."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from sim.model import routing as model
from sim.scenario.values.fields import JsonSchema, Reads, number, number_schema, some_of
from sim.scenario.values.numbers import (
    Number,
    Quantity,
    document_of,
    extent,
    in_words,
    known,
    may_exceed,
)
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown
from sim.scenario.workload.client import CAUSES

Draws = Mapping[str, float]

SHARE: Final = Quantity("factor", least=0, most=1e6)
PART: Final = Quantity("share", least=0, most=1)
TOKENS: Final = Quantity("count", least=0, most=model.LONGEST_PROMPT, integer=True)
SUCH: Final = "such as {to: small, share: 70%}"


@dataclass(frozen=True, slots=True)
class Leg:
    """A backend that requests begin with, as a scenario gives it."""

    to: str
    share: Number | None = None
    least: Number | None = None
    most: Number | None = None
    escalates_to: str = ""
    escalation_share: Number | None = None

    def document(self) -> Any:
        """As plain data."""
        leg: dict[str, Any] = {"to": self.to}
        if self.share is not None:
            leg["share"] = document_of(self.share)
        limits = {"min": self.least, "max": self.most}
        if prompts := {key: document_of(n) for key, n in limits.items() if n is not None}:
            leg["prompt_tokens"] = prompts
        if self.escalates_to:
            leg["escalate"] = {"share": document_of(self.escalation_share), "to": self.escalates_to}
        return leg


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests begin."""

    legs: tuple[Leg, ...]

    def document(self) -> Any:
        """The name of the backend, or a list."""
        if self.legs == (Leg(self.legs[0].to),):
            return self.legs[0].to
        return [leg.document() for leg in self.legs]


@dataclass(frozen=True, slots=True)
class Fallback:
    """Where attempts go that came to nothing."""

    to: tuple[str, ...]
    after: tuple[str, ...] = CAUSES
    orders: tuple[tuple[str, tuple[str, ...]], ...] = ()  # from each backend, where they differ

    def document(self) -> Any:
        """A list of names, or with the causes beside it."""
        names = list(self.to)
        return names if self.after == CAUSES else {"to": names, "after": list(self.after)}


class Overflow(Model):
    """When a queue is too long to wait in."""

    queue: Annotated[Number, number("count", least=1, most=1e9)]
    """Requests waiting in a pool from which on attempts go on to the fallback at once."""


class Degradation(Model):
    """Shorter answers while a queue is long."""

    queue: Annotated[Number, number("count", least=1, most=1e9)]
    """Requests waiting in a pool from which on answers are shortened."""
    output_share: Annotated[Number, number("share", above=0, most=1)]
    """What is left of their tokens."""
    quality_loss: Annotated[Number, number("factor", least=0, most=1e6)] | None = None
    """Points of quality that such an answer is worse; default 0."""


def route() -> Reads:
    """The name of a backend, or a list of them with shares and conditions."""
    return Reads(_read_route, _route_schema)


def fallback() -> Reads:
    """The name of a backend, a list of names, or a mapping of ``to`` and ``after``."""
    return Reads(_read_fallback, _fallback_schema)


def reached(routing: model.Routing) -> tuple[str, ...]:
    """Names of the backends that requests may come to, each once."""
    legs = [name for leg in routing.legs for name in (leg.to, leg.escalates_to) if name]
    return tuple(dict.fromkeys((*legs, *routing.fallback, *routing.onward)))


def reached_of(route: Route, fallback: Fallback | None) -> tuple[str, ...]:
    """The same of the keys."""
    legs = [name for leg in route.legs for name in (leg.to, leg.escalates_to) if name]
    return tuple(dict.fromkeys((*legs, *(() if fallback is None else fallback.to))))


def compiled(
    route: Route,
    fallback: Fallback | None,
    overflow: Overflow | None,
    degradation: Degradation | None,
    draws: Draws,
) -> model.Routing | None:
    """The routing in a world; None for all to one backend."""
    plain = isinstance(route.document(), str)
    if plain and fallback is None and overflow is None and degradation is None:
        return None
    to, after = ((), CAUSES) if fallback is None else (fallback.to, fallback.after)
    return model.Routing(
        tuple(_leg(leg, draws) for leg in route.legs),
        to,
        after_rejection="rejection" in after,
        after_failure="failure" in after,
        after_timeout="timeout" in after,
        degradation=None if degradation is None else _degradation(degradation, draws),
        overflow_queue=math.inf if overflow is None else known(overflow.queue, draws),
        orders=() if fallback is None else fallback.orders,
    )


def _leg(leg: Leg, draws: Draws) -> model.Leg:
    least = 0 if leg.least is None else int(known(leg.least, draws))
    most = model.LONGEST_PROMPT if leg.most is None else int(known(leg.most, draws))
    escalated = leg.escalation_share
    return model.Leg(
        leg.to,
        1.0 if leg.share is None else known(leg.share, draws),
        least,
        max(least, most),
        leg.escalates_to,
        0.0 if escalated is None else known(escalated, draws),
    )


def _degradation(degradation: Degradation, draws: Draws) -> model.Degradation:
    loss = degradation.quality_loss
    return model.Degradation(
        known(degradation.queue, draws),
        known(degradation.output_share, draws),
        0.0 if loss is None else known(loss, draws),
    )


def _read_route(raw: Any, spot: Spot) -> Route | None:
    if not isinstance(raw, list):
        return Route((Leg(_name(raw, spot)),))
    if not raw:
        spot.wrong("is empty, must have at least one entry", SUCH)
        return None
    legs = [_read_leg(item, spot.below(index)) for index, item in enumerate(raw)]
    if spot.findings:
        return None
    if all(leg.share is not None and extent(leg.share)[1] <= 0 for leg in legs):
        spot.wrong("has shares that are all 0", "give one that is above 0")
    return Route(tuple(legs))


def _read_leg(raw: Any, spot: Spot) -> Leg:
    if isinstance(raw, str):
        return Leg(_name(raw, spot))
    found = _mapping(
        raw,
        {
            "to": _name,
            "share": lambda value, below: read_number(value, SHARE, below),
            "prompt_tokens": _read_limits,
            "escalate": _read_escalation,
        },
        ("to",),
        spot,
    )
    least, most = found.get("prompt_tokens") or (None, None)
    share, to = found.get("escalate") or (None, "")
    return Leg(found.get("to", ""), found.get("share"), least, most, to, share)


def _read_limits(raw: Any, spot: Spot) -> tuple[Number | None, Number | None]:
    limits = _mapping(
        raw,
        dict.fromkeys(("min", "max"), lambda value, at: read_number(value, TOKENS, at)),
        (),
        spot,
    )
    least, most = limits.get("min"), limits.get("max")
    if least is not None and most is not None and may_exceed(least, most):
        spot.below("max").wrong(f"{in_words(most)} must be at least min ({in_words(least)})")
    return least, most


def _read_escalation(raw: Any, spot: Spot) -> tuple[Number | None, str]:
    reads = {"share": lambda value, at: read_number(value, PART, at), "to": _name}
    found = _mapping(raw, reads, ("share", "to"), spot)
    return found.get("share"), found.get("to", "")


def _read_fallback(raw: Any, spot: Spot) -> Fallback | None:
    if not isinstance(raw, dict):
        return Fallback(_names(raw, spot))
    reads = {"to": _names, "after": some_of(*CAUSES).read}
    found = _mapping(raw, reads, ("to",), spot)
    after = found.get("after") or CAUSES
    return Fallback(found.get("to", ()), tuple(cause for cause in CAUSES if cause in after))


def _names(raw: Any, spot: Spot) -> tuple[str, ...]:
    if not isinstance(raw, list):
        return (_name(raw, spot),)
    if not raw:
        spot.wrong("is empty, must have at least one entry")
    for index, name in enumerate(raw):
        if _name(name, spot.below(index)) and name in raw[:index]:
            spot.below(index).wrong(f"{shown(name)} is given twice", "remove one")
    return tuple(raw)


def _name(raw: Any, spot: Spot) -> str:
    if isinstance(raw, str) and raw.strip():
        return raw
    spot.wrong(f"{shown(raw)} must be the name of a backend")
    return ""


def _mapping(
    raw: Any,
    reads: Mapping[str, Callable[[Any, Spot], Any]],
    required: tuple[str, ...],
    spot: Spot,
) -> dict[str, Any]:
    """The values of a mapping by key, each read at its place."""
    if not isinstance(raw, dict):
        spot.wrong(f"{shown(raw)} must be a mapping", f"keys: {', '.join(reads)}")
        return {}
    for key in required:
        if key not in raw:
            spot.below(key).wrong("is missing")
    for key in raw.keys() - reads.keys():
        spot.below(key).wrong("unknown key", choose(key, reads))
    return {key: reads[key](raw[key], spot.below(key)) for key in reads if key in raw}


def _route_schema() -> JsonSchema:
    tokens = {**number_schema(TOKENS)}
    leg = {
        "type": "object",
        "properties": {
            "to": {**_NAME, "description": "Backend that requests begin with."},
            "share": {
                **number_schema(SHARE),
                "description": "Its share of the requests, relative to the others'; default 1.",
            },
            "prompt_tokens": {
                "type": "object",
                "description": "Lengths of prompts that it is for.",
                "properties": {
                    "min": {"description": "Least tokens of a prompt; default 0.", **tokens},
                    "max": {"description": "Most tokens of a prompt; default any.", **tokens},
                },
                "additionalProperties": False,
            },
            "escalate": {
                "type": "object",
                "description": "Answers that are not good enough, and who is asked again.",
                "properties": {
                    "share": {
                        "description": "Share of the answers that are not good enough.",
                        **number_schema(PART),
                    },
                    "to": {"description": "Backend that is asked again.", **_NAME},
                },
                "required": ["share", "to"],
                "additionalProperties": False,
            },
        },
        "required": ["to"],
        "additionalProperties": False,
    }
    legs = {"type": "array", "items": {"anyOf": [_NAME, leg]}, "minItems": 1}
    return {"anyOf": [_NAME, legs]}


def _fallback_schema() -> JsonSchema:
    names = {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}
    full = {
        "type": "object",
        "properties": {
            "to": {
                "description": "Backend that is asked next, or several, in this order.",
                "anyOf": [_NAME, names],
            },
            "after": {
                "description": "What makes a request go on; default all of it.",
                **some_of(*CAUSES).schema(),
            },
        },
        "required": ["to"],
        "additionalProperties": False,
    }
    return {"anyOf": [_NAME, names, full]}


_NAME: Final[JsonSchema] = {"type": "string", "minLength": 1}
