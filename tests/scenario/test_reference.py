"""What ``sim explain`` says of the keys: all of it there, and every example a valid one."""

import io
import re
from datetime import date

import jsonschema
import pytest
from ruamel.yaml import YAML

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.scenario.json_schema import json_schema
from sim.scenario.reference import NAMED, all_keys, key_at
from sim.scenario.values.units import EXPECTED, UNITS, parse_quantity

ROOT = json_schema()
KEYS = {key.path: key for key in all_keys()}


def schema_of(path: str) -> dict:
    """The schema at a path, with all definitions, found otherwise than by the reference."""
    root, definitions = ROOT, ROOT["$defs"]

    def inside(schema, name):
        if "$ref" in schema:
            yield from inside(definitions[schema["$ref"].removeprefix("#/$defs/")], name)
        for form in (*schema.get("anyOf", []), *schema.get("oneOf", [])):
            yield from inside(form, name)
        if isinstance(schema.get("items"), dict):
            yield from inside(schema["items"], name)
        if name in schema.get("properties", {}):
            yield schema["properties"][name]
        elif name == NAMED and isinstance(schema.get("additionalProperties"), dict):
            yield schema["additionalProperties"]

    found = [root]
    for name in path.split("."):
        found = [inner for schema in found for inner in inside(schema, name)]
    return {"anyOf": found, "$defs": definitions}


def plain(value):
    """As the loader has it: a date is text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, date) else value


@pytest.mark.parametrize("path", KEYS)
def test_each_key_has_a_meaning_a_form_a_default_and_a_valid_example(path):
    key = KEYS[path]
    assert len(key.text) > 5
    assert key.takes
    assert key.default
    value = YAML(typ="safe", pure=True).load(io.StringIO(f"x: {key.example}"))["x"]
    jsonschema.Draft202012Validator(schema_of(path)).validate(plain(value))


COUNTED = (  # what a number without a unit is a number of
    r"(?i)\b(requests?|tokens?|gpus?|ranks?|worlds?|how many|1, or 2|longest prompt"
    r"|higher goes first|random numbers)\b"
)


def test_every_number_has_a_unit_or_says_what_it_counts():
    bare = {"a number", "a whole number"}
    numbers = [key for key in KEYS.values() if bare & set(key.takes) and "text" not in key.takes]
    assert len(numbers) > 10
    for key in numbers:
        assert re.search(COUNTED, key.text), key.path


def test_examples_of_numbers_lie_within_their_bounds():
    """A text with a unit has no bounds in the schema, so a validator does not see them."""
    seen = 0
    for key in KEYS.values():
        bounds = re.findall(r"(above|at least|below|at most) (-?[\d,.e+]+)", key.bounds)
        if not bounds or not re.match(r"[\d.]+ ?[\w%/]*$", key.example):
            continue
        value = (
            max(
                parse_quantity(key.example, kind)
                for kind in UNITS
                if any(EXPECTED[kind] == form for form in key.takes) or not key.takes
            )
            if any(form in EXPECTED.values() for form in key.takes)
            else float(key.example)
        )
        for word, number in bounds:
            bound = float(number.replace(",", ""))
            assert {"above": value > bound, "at least": value >= bound}.get(word, value <= bound)
        seen += 1
    assert seen > 100


def test_no_key_of_the_schema_is_missing():
    """Each part of the document is walked once: all its keys are among those of some path."""
    named = {path.rpartition(".")[2] for path in KEYS}
    definitions = json_schema()["$defs"]
    parts = [each for name, each in definitions.items() if name[0].isupper()]
    forms = [form for part in parts for form in (part, *part.get("anyOf", []))]
    assert {key for form in forms for key in form.get("properties", {})} <= named
    assert len(KEYS) > 150


def test_a_key_says_unit_bounds_default_and_example():
    key = key_at("backends.large.autoscaler.sync_period")
    assert key.takes[0] == "a duration such as 90s, 15min, 2h or 7d"
    assert key.bounds == "above 0, at most 86,400"
    assert key.default == "15s, of knative 2s"
    assert key_at("worlds").default == "200"
    assert key_at("workloads").default == "required"
    assert key_at("backends.x.spot").default == "none (may be left out)"
    assert key_at("cluster").example == "{gpus: 24}"
    team = "{usd: 500, per: month, backends: [small, large]}"
    assert key_at("budgets.team").example == team
    assert key_at("budgets").example == f"{{team: {team}}}"
    assert key_at("cluster.pools.chat.quota").example == "4"
    assert key_at("budgets.team.backends").example == "[small, large]"
    assert key_at("backends.x.quota").kinds == ("managed_api",)
    assert key_at("backends.x.quality").kinds == ()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("backends.large.autoscalr", "no key autoscalr below backends.large; did you mean autosc"),
        ("wrlds", "no key wrlds in a scenario; did you mean worlds"),
        ("workloads..slo", "has an empty part"),
        ("horizon.", "has an empty part"),
        ("worlds.more", "no key more below worlds; nothing is"),
        ("backends.large.autoscaler.zzz", "did you mean"),
    ],
)
def test_an_unknown_key_is_told_with_near_ones(path, said):
    with pytest.raises(PeakfleetError, match=re.escape(said)):
        key_at(path)


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_the_command_fits_the_terminal(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    assert main(["explain", "backends.large.autoscaler"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= max(int(width), 60)
    assert "target_concurrency" in said


def test_the_command_prints_the_top_and_all_of_it(capsys):
    assert main(["explain"]) == 0
    assert "required; Streams of requests by name." in capsys.readouterr().out
    assert main(["explain", "--all"]) == 0
    document = capsys.readouterr().out
    assert document.startswith("# Keys of a scenario")
    assert all(f"## `{path}`" in document for path in KEYS)


def test_the_command_refuses_an_unknown_key(capsys):
    assert main(["explain", "backends.large.autoscalr"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_pattern_of_durations_is_quick_and_right():
    pattern = json_schema()["$defs"]["duration_text"]["pattern"]
    for text in ("90", "90s", "-90s", "1h 30min", "1h30", " 1.5 h ", "1e3 s"):
        assert re.match(pattern, text), text
    for text in ("", "s", "1 2s", "1h 2 3", "1x", "1" * 1_000 + "x"):
        assert not re.match(pattern, text), text
