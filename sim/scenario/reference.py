"""What each key of a scenario is: its meaning, what it takes, its bounds, default and an example.

All of it is read from the JSON Schema, and so from the texts, types and rules in the source.
"""

import difflib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sim.errors import PeakfleetError
from sim.scenario.json_schema import EXAMPLES, json_schema
from sim.scenario.values.units import EXPECTED, Kind, parse_quantity

Schema = dict[str, Any]
FEW = 3  # paths that a hint names
OF_A_PART = 2  # parts of the path of a workload or backend
NAMED = "<name>"  # stands for a name that the author of a scenario chooses
TEXT_DEFAULT = re.compile(r"\bdefaults? (?:is )?((?:[^;.]|\.\d)+)")
TEXT_EXAMPLE = re.compile(r"such as (?=[\[{])|such as ([\w./:-]*\w)(?=[;,.)]|$)")
BELOW_NAME = re.compile(r"\{[\w-]+: (\{.*\})\}")
CLOSES = {"{": "}", "[": "]"}
KIND = re.compile(r"^(varied|uncertain|maybe)?_?(\w+?)(?:_text|_value)?$")
BELIEVED = "what is believed of it, such as {p5: …, p95: …}"
DIFFERS = "how it differs from case to case, such as {lognormal: {p50: …, p95: …}}"
# Examples of numbers, of which the first is taken that is within the bounds of a key.
NUMBERS: dict[Kind, list[str]] = EXAMPLES | {
    "count": ["100k", "100", "4", "1"],
    "factor": ["1.5", "0.5"],
    "duration": ["90s", "2s", "50ms"],
}


class Inside(NamedTuple):
    """What stands at a key."""

    schema: Schema
    required: bool
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """A key of a scenario."""

    path: str
    """From the top of the document, with dots; `NAMED` where the author gives names."""
    text: str
    """Its meaning."""
    takes: tuple[str, ...]
    """What may be written there: one form or several."""
    bounds: str
    """Between what its number lies; empty if it has none."""
    default: str
    """What holds without it, or ``required``."""
    example: str
    """A value."""
    below: tuple[str, ...]
    """Names of the keys inside it."""
    kinds: tuple[str, ...]
    """The kinds of the part around it that have it; empty if all have."""


def key_at(path: str) -> Key:
    """The key at a path such as ``backends.large.autoscaler``; an empty one is the document.

    Raises
    ------
    PeakfleetError
        If there is none; near names are named.
    """
    at, found = "", Inside(_root(), True, ())
    for part in path.split(".") if path else ():
        if not part:
            raise PeakfleetError(f"{path}: has an empty part; write names between single dots")
        inside = _inside(found.schema)
        name = part if part in inside else NAMED
        if name not in inside:
            near = difflib.get_close_matches(part, inside, 3, 0.6)
            near = near or stands_at(at.split("."), part) or sorted(inside)
            where = f"below {at}" if at else "in a scenario"
            hint = f"did you mean {' or '.join(near[:12])}?" if near else "nothing is"
            raise PeakfleetError(f"{path}: there is no key {part} {where}; {hint}")
        at = f"{at}.{part}" if at else part
        found = inside[name]
    return _key(at, found, bool(path) and name == NAMED)


def keys_named(name: str) -> list[Key]:
    """All keys of that name, wherever they stand, or that end so: ``trace.rate_scale``."""
    return [each for each in all_keys() if each.path.endswith(f".{name}")] if name else []


def stands_at(block: Sequence[str], name: str) -> list[str]:
    """Paths of keys of that name inside the block where it was looked for.

    The nearest of them, and none where they are many. In a workload or backend, or at the top,
    those elsewhere are named if there are none inside; names that the author has given stand in
    them.

    Examples
    --------
    >>> stands_at(["workloads", "chat"], "retries")
    ['workloads.chat.client.retries']
    >>> stands_at(["workloads", "chat"], "autoscaler")
    ['backends.NAME.autoscaler', 'variants.NAME.autoscaler']
    """
    paths = [each.path.split(".") for each in all_keys()]
    for depth in (len(block), 0) if len(block) <= OF_A_PART else (len(block),):
        around = block[:depth]
        inside = [path for path in paths if path[-1] == name and _begins(path, around)]
        if inside:
            least = min(map(len, inside))
            found = [".".join([*around, *p[depth:]]) for p in inside if len(p) == least]
            if ".".join([*block, name]) in found:  # of another kind of what the block is
                return []
            return [path.replace(NAMED, "NAME") for path in found] if len(found) <= FEW else []
    return []


def _begins(path: Sequence[str], block: Sequence[str]) -> bool:
    """Whether a path of the reference leads into a block of a document."""
    if len(path) <= len(block):
        return False
    return all(here in (there, NAMED) for here, there in zip(path, block, strict=False))


@cache
def all_keys() -> tuple[Key, ...]:
    """Every key of a scenario, each part of the document where it is first met."""
    return tuple(_walk("", _root(), set()))


def _walk(at: str, schema: Schema, seen: set[str]) -> Iterator[Key]:
    for name, found in _inside(schema).items():
        path = f"{at}.{name}" if at else name
        yield _key(path, found, name == NAMED)
        inside = _inside(found.schema)
        part = json.dumps({key: each.schema for key, each in inside.items()})
        if part not in seen:
            seen.add(part)
            yield from _walk(path, found.schema, seen)


@cache
def _root() -> Schema:
    return json_schema()


def _key(path: str, found: Inside, is_named: bool) -> Key:
    schema = found.schema
    text = " ".join(str(schema.get("description") or _whole(schema).get("description", "")).split())
    forms = [form for form in _forms(schema) if form.get("type") != "null"]
    numbers = ("number", "integer") if any(map(_kind_of, forms)) else ()
    said = [each for form in forms if form.get("type") not in numbers for each in _takes(form)]
    return Key(
        path=path,
        text=text,
        takes=tuple(dict.fromkeys(said)),
        bounds=_bounds(forms),
        default=_default(schema, text, found.required),
        example=_example_of_named(schema, text) if is_named else _example(schema, text),
        below=tuple(_inside(schema)),
        kinds=found.kinds,
    )


def _whole(schema: Schema) -> Schema:
    """A schema with what its reference says; its own words go first."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix("#/$defs/")
    return {**_root()["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}}


def _kind_of(schema: Schema) -> tuple[str, Kind] | None:
    """Of a reference to a number with a unit: how it is meant, and of what kind it is."""
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    found = KIND.match(name)
    if name == "token_lengths":
        return "varied", "count"
    kind = next((each for each in EXPECTED if found and each == found[2]), None)
    return (found[1] or "", kind) if found and kind else None


def _forms(schema: Schema) -> Iterator[Schema]:
    """What a schema takes, one form after the other."""
    if _kind_of(schema):
        yield schema
        return
    whole = _whole(schema)
    nested = [*whole.get("anyOf", []), *whole.get("oneOf", [])]
    if nested and not all(set(form) == {"required"} for form in nested):
        for form in nested:
            yield from _forms(form)
    else:
        yield whole


def _inside(schema: Schema) -> dict[str, Inside]:
    """The keys inside a schema, of all its forms and of the items of its lists."""
    found: dict[str, Inside] = {}
    forms = [form for form in _forms(schema) if not _kind_of(form)]
    names = dict.fromkeys(name for form in forms for name in form.get("properties", {}))
    for name in names:
        found[name] = _merged(name, [form for form in forms if name in form.get("properties", {})])
        if len(found[name].kinds) == len(forms):
            found[name] = found[name]._replace(kinds=())
    for form in forms:
        if isinstance(form.get("additionalProperties"), dict):
            text = {"description": schema.get("description", "")}
            found.setdefault(NAMED, Inside(text | form["additionalProperties"], False, ()))
        if isinstance(form.get("items"), dict):
            found |= {k: v for k, v in _inside(form["items"]).items() if k not in found}
    return found


def _merged(name: str, forms: list[Schema]) -> Inside:
    """A key as all forms have it that have it."""
    schemas = [form["properties"][name] for form in forms]
    kinds = tuple(filter(None, map(_kind_named, forms)))
    required = all(name in form.get("required", []) for form in forms)
    different = [each for at, each in enumerate(schemas) if each not in schemas[:at]]
    if len(different) == 1:
        return Inside(different[0], required, kinds)
    texts = dict.fromkeys(each.get("description", "") for each in different)
    return Inside({"description": " ".join(texts), "anyOf": different}, required, kinds)


def _kind_named(form: Schema) -> str:
    """The kind that a form is for, where its key ``kind`` has one value only."""
    kinds = form.get("properties", {}).get("kind", {}).get("enum", [])
    return str(kinds[0]) if len(kinds) == 1 else ""


def _takes(form: Schema) -> list[str]:
    """One form in words, or in two where it is a number or a distribution of it."""
    if kind := _kind_of(form):
        how, what = kind
        expected = EXPECTED[what]
        return {"uncertain": [BELIEVED], "varied": [expected, DIFFERS]}.get(how, [expected])
    if "enum" in form:
        return ["one of " + ", ".join(map(str, form["enum"]))]
    if "const" in form:
        return [str(form["const"])]
    if form.get("type") == "array":
        items = [each for inner in _forms(form.get("items", {})) for each in _takes(inner)]
        return ["a list, each " + " or ".join(dict.fromkeys(items))]
    if form.get("type") == "object" or "properties" in form:
        return ["names, each with keys" if "properties" not in form else "the keys below"]
    words = {"integer": "a whole number", "number": "a number", "string": "text"}
    words["boolean"] = "true or false"
    return [words[form["type"]]] if form.get("type") in words else []


def _bounds(forms: list[Schema]) -> str:
    """Between what the number of a key lies."""
    words = {"exclusiveMinimum": "above", "minimum": "at least", "maximum": "at most"}
    words["exclusiveMaximum"] = "below"
    for form in forms:
        said = [f"{word} {form[rule]:,.12g}" for rule, word in words.items() if rule in form]
        if said:
            return ", ".join(said)
    return ""


def _default(schema: Schema, text: str, required: bool) -> str:
    if required:
        return "required"
    found = TEXT_DEFAULT.search(text)
    if "default" in schema and not found:
        return _written(schema["default"])
    said = found[1].strip() if found else "none"
    return "none (may be left out)" if said.split()[0] == "none" else said


def _example(schema: Schema, text: str) -> str:
    """A value: the one of the text, else one that fits the first form that has one."""
    found = TEXT_EXAMPLE.search(text)
    if found:
        return found[1] or _bracketed(text[found.end() :])
    if schema.get("examples"):
        return _written(schema["examples"][0])
    forms = list(_forms(schema))
    whole = any(form.get("type") == "integer" for form in forms)
    least = max((form["minimum"] for form in forms if "minimum" in form), default=-math.inf)
    most = min((form["maximum"] for form in forms if "maximum" in form), default=math.inf)
    for form in sorted(forms, key=lambda form: _kind_of(form) is None):
        kind = _kind_of(form)
        value = _number(form, whole, least, most) if kind else _value_of(form)
        if value:
            return value
    return "…"


def _example_of_named(schema: Schema, text: str) -> str:
    """What stands at a name that is given by the author, of a text that has it with its name."""
    said = TEXT_EXAMPLE.search(text)
    inner = said and BELOW_NAME.fullmatch(said[1] or _bracketed(text[said.end() :]))
    return inner[1] if inner else _example(schema, "")


def _bracketed(text: str) -> str:
    """The beginning of a text, up to the bracket that closes its first."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in CLOSES) - (letter in CLOSES.values())
        if depth == 0:
            return text[: at + 1]
    return text


def _number(form: Schema, whole: bool, least: float, most: float) -> str:
    """A number with its unit, within its bounds, or how it differs."""
    found = _kind_of(form)
    assert found is not None
    how, kind = found
    if how == "varied":
        tokens = form["$ref"].endswith("token_lengths")
        of_kind = {"duration": ("20s", "90s"), "count": ("900", "4000") if tokens else ("3", "8")}
        middle, high = of_kind.get(kind, ("1", "2"))
        return f"{{lognormal: {{p50: {middle}, p95: {high}}}}}"
    if whole and least <= 4 <= most:
        return "4"
    fitting = [each for each in NUMBERS[kind] if least <= parse_quantity(each, kind) <= most]
    return (fitting or NUMBERS[kind][-1:])[0]


def _value_of(form: Schema) -> str:
    if form.get("examples"):
        return _written(form["examples"][0])
    if "enum" in form or "const" in form:
        return str(form.get("const", form.get("enum", [""])[0]))
    if form.get("type") == "array":
        items = [_example(form.get("items", {}), "")] * max(form.get("minItems", 1), 1)
        return f"[{', '.join(items)}]"
    if "properties" in form:
        one_of = form.get("anyOf", [{}])[0].get("required", [])  # of several, the first
        chosen = [*form.get("required", []), *one_of] or list(form["properties"])[:1]
        inner = [f"{name}: {_example(form['properties'][name], '')}" for name in chosen]
        return "{" + ", ".join(inner) + "}"
    if isinstance(form.get("additionalProperties"), dict):
        return f"{{name: {_example(form['additionalProperties'], '')}}}"
    least = form.get("minimum", form.get("exclusiveMinimum", 0) + 1)
    whole = 4 if least <= 4 <= form.get("maximum", math.inf) else least
    plain = {"integer": str(whole), "number": f"{least:g}", "boolean": "true", "string": "text"}
    return plain.get(str(form.get("type")), "")


def _written(value: object) -> str:
    """A value as one writes it in YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
