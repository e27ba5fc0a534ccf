"""Outlines of JSON, read as JSON Schema.

A line is a key, its type, its unit, its meaning; the keys inside it are indented below it:

    oracle: object? -- The fleet that follows the load.
      replicas_{p5,p95}: number? [replicas] -- Over worlds.

- A key with braces stands for several; ``<...>`` for any other; one with ``?`` may be missing.
- Types are ``text``, ``flag``, ``whole``, ``number``, ``interval`` (two numbers), ``estimate`` (a
  figure over worlds), ``share`` (the key, and its interval as ``KEY_ci``), ``metrics`` (estimates
  by the name of their metric), ``object``, ``list``, ``map`` (from any name), ``anything``, ``like
  NAME`` of a shared definition, and ``list of`` or ``map of`` any of these. ``?`` behind a type: or
  null.
- A number has a unit, always.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Schema = dict[str, Any]

LINE = re.compile(
    r"(?P<indent> *)(?P<key>[\w{},]+|<\w+>)(?P<optional>\?)?: (?P<type>[a-z]+)(?P<null>\?)?"
    r"(?: (?P<rest>[a-z_ ]+?)(?P<inner_null>\?)?)?(?: \[(?P<unit>[^\]]+)\])?(?: -- (?P<text>.+))?"
)
STEP = 2
NUMBERS = ("whole", "number", "interval", "estimate", "share")
PLAIN: dict[str, Schema] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "interval": {
        "type": "array",
        "items": {"type": ["number", "null"]},
        "minItems": 2,
        "maxItems": 2,
    },
    "anything": {},
}


@dataclass(slots=True)
class Line:
    """A line of an outline, with those below it."""

    keys: tuple[str, ...]
    is_optional: bool
    type: str
    is_nullable: bool
    of: str
    is_inner_nullable: bool
    unit: str
    text: str
    below: "list[Line]" = field(default_factory=list)


def read(text: str) -> list[Line]:
    """The lines at the top of an outline; raises ValueError where it breaks the rules."""
    top: list[Line] = []
    levels: list[list[Line]] = [top]
    for number, written in enumerate(text.splitlines(), 1):
        found = LINE.fullmatch(written)
        if found is None:
            raise ValueError(f"line {number}: {written!r} is no line of an outline")
        line = _line(found)
        if {line.type, line.of} & set(NUMBERS) and not line.unit:
            raise ValueError(f"line {number}: {written.strip()!r} has no unit")
        level = len(found["indent"]) // STEP
        levels[level].append(line)
        levels[level + 1 :] = [line.below]
    return top


def schema_of(lines: list[Line]) -> Schema:
    """The schema of an object with these keys."""
    properties: Schema = {}
    required: list[str] = []
    others: Schema | bool = False
    for line in lines:
        for key in line.keys:
            schemas = dict(_described(key, line))
            if key.startswith("<"):
                others = schemas[key]
                continue
            properties |= schemas
            required += [] if line.is_optional else list(schemas)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": others,
    }


def _line(found: re.Match[str]) -> Line:
    rest = found["rest"] or ""
    return Line(
        tuple(_expanded(found["key"])),
        bool(found["optional"]),
        found["type"],
        bool(found["null"]),
        rest.removeprefix("of "),
        bool(found["inner_null"]),
        found["unit"] or "",
        found["text"] or "",
    )


def _expanded(key: str) -> Iterator[str]:
    """A key with braces as all that it stands for.

    >>> list(_expanded("at_{p5,p95}_s"))
    ['at_p5_s', 'at_p95_s']
    """
    parts = re.split(r"\{([^}]+)\}", key)
    for chosen in product(*(part.split(",") for part in parts[1::2])):
        yield "".join(a + b for a, b in zip(parts[::2], (*chosen, ""), strict=True))


def _described(key: str, line: Line) -> Iterator[tuple[str, Schema]]:
    about = {
        **({"description": line.text} if line.text else {}),
        **({"unit": line.unit} if line.unit else {}),
    }
    if line.type == "share":
        yield key, about | {"type": ["number", "null"]}
        text = f"95 % interval of {key}; null where that is unknown."
        yield f"{key}_ci", about | {"description": text} | _or_null(PLAIN["interval"])
        return
    schema = _typed(line)
    yield key, about | (_or_null(schema) if line.is_nullable else schema)


def _typed(line: Line) -> Schema:
    if line.type == "like":
        return _named(line.of)
    if line.type == "object":
        return schema_of(line.below)
    if line.type not in ("list", "map"):
        return _named(line.type)
    inner = schema_of(line.below) if line.below else _named(line.of)
    if line.is_inner_nullable:
        inner = _or_null(inner)
    if line.type == "list":
        return {"type": "array", "items": inner}
    return {"type": "object", "additionalProperties": inner}


def _named(name: str) -> Schema:
    return PLAIN.get(name, {"$ref": f"#/$defs/{name}"})


def _or_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}
