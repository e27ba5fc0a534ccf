"""The schema of each command's answer."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from sim.errors import PeakfleetError
from sim.report.schema.outline import Line, Schema, read, schema_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CATALOG = "catalog"  # of whose tables an answer is one
ANSWERS: Final = {
    "run": "sim run --json, summary.json",
    "size": "sim size --json, answer.json",
    "most_users": "sim size --most-users --json, answer.json",
    "mix": "sim size --json of a backend with variants, answer.json",
    "stress": "sim stress --json, answer.json",
    "compare": "sim compare --json, answer.json",
    "sweep": "sim sweep --json, answer.json",
    "risk": "sim risk --json, answer.json",
    "diff": "sim diff --json",
    "breakeven": "sim breakeven --json, answer.json",
    "plan": "sim plan --json, answer.json",
    "sensitivity": "sim sensitivity --json, answer.json",
    "calibrate": "sim calibrate --json",
    "workload": "sim calibrate --workload --json",
    "validate": "sim validate --json",
    "trace": "sim trace --json",
    CATALOG: "sim catalog TABLE --json",
    "unfinished": "a study that was ended before its answer, --json",
}
LEVELS = ("p5", "p50", "p95")


def answer_schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of an answer, one of ``ANSWERS``.

    Every figure has its meaning as ``description`` and its unit as ``unit``.
    """
    if name not in ANSWERS:
        raise PeakfleetError(f"no answer is called {name!r} (one of {', '.join(ANSWERS)})")
    whole = schema_of(_outline(name))
    if name == CATALOG:
        whole = {"anyOf": [*whole["properties"].values()]}
    definitions = {"estimate": _estimate(), "metrics": metrics_schema()}
    definitions["compare"] = schema_of(_outline("compare"))
    definitions |= {line.keys[0]: _definition(line) for line in _outline("shared")}
    used = _used(whole, definitions)
    about = {"$schema": DIALECT, "title": f"Peakfleet: {ANSWERS[name]}"}
    return about | whole | {"$defs": {key: definitions[key] for key in definitions if key in used}}


def metrics_schema() -> Schema:
    """Estimates by the names of their metrics, each with its unit."""
    known = {
        line.keys[0]: {"$ref": "#/$defs/estimate", "description": line.text, "unit": line.unit}
        for line in _outline("metrics")
    }
    return {"type": "object", "properties": known, "additionalProperties": False}


@cache
def _outline(name: str) -> list[Line]:
    return read(files("sim.report.schema").joinpath(f"{name}.outline").read_text("utf-8"))


def _definition(line: Line) -> Schema:
    schema = schema_of(line.below) | {"description": line.text}
    return schema | {"type": ["object", "null"]} if line.is_nullable else schema


def _estimate() -> Schema:
    """A figure as its distribution over worlds; its unit stands where it is used."""
    number = {"type": ["number", "null"]}
    interval = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    text = "95 % interval; an end is null where too few worlds tell it."
    intervals = {f"{level}_ci": interval | {"description": text} for level in (*LEVELS[1:], "mean")}
    figures = {
        "mean": number | {"description": "Mean over worlds."},
        "sd": number | {"description": "Standard deviation over worlds."},
        **{level: number | {"description": f"{level} over worlds."} for level in LEVELS},
        **intervals,
    }
    worlds = {"type": "integer", "description": "Worlds in which it is defined.", "unit": "worlds"}
    bounds = {
        "type": "array",
        "items": {"enum": [*figures]},
        "description": "Which of these are lower bounds.",
    }
    return {
        "description": "A figure over worlds; null is undefined, or infinite.",
        "type": "object",
        "properties": {**figures, "n": worlds, "at_least": bounds},
        "required": [*figures, "n"],
        "additionalProperties": False,
    }


def _used(schema: Schema, definitions: dict[str, Schema]) -> set[str]:
    """Names of the definitions that a schema refers to, and those refer to."""
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found
