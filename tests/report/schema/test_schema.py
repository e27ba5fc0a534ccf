"""The published schemas of answers: real answers keep to them, and every figure has a unit."""

import copy
import json

import jsonschema
import pytest
from answer_schemas import check_answer
from small_answers import SCENARIO

import sim
from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.report.figures import BY_METRIC
from sim.report.schema import ANSWERS, answer_schema
from sim.report.schema.answers import metrics_schema
from sim.report.schema.outline import read, schema_of
from sim.studies.bench import Bench
from sim.studies.unfinished import unfinished

TROUBLED = (  # two workloads, a cache, a deadline that is missed, a spike, a budget that is spent
    "workloads.more={arrivals: {requests_per_second: 40}, prompt_tokens: 2000, output_tokens: 400,"
    " route: own, slo: {e2e_p95: 1s}, value_per_task: 0.001 USD,"
    " client: {timeout: 3s, retries: 2}}",
    "workloads.night={arrivals: {requests_per_second: 0.1}, prompt_tokens: 100, output_tokens: 20,"
    " route: api, deadline: 1min}",
    "backends.api.budget={usd: 0.01, per: day}",
    "horizon.end=drained",
    "backends.own.replicas=1",
)

DEAR = "llama-3.3-70b/h200-sxm/tp8/fp8/vllm@9"  # is dropped by its price


def answers():
    """Those of odd cases; tests of the studies and of ``sim`` have the others."""
    shop = sim.Scenario.load(SCENARIO)
    thresholds = ["slo_met >= 95%", "cost_usd:p95 < 1"]
    troubled = sim.run(shop, *TROUBLED, worlds=2, jobs=1, thresholds=thresholds)
    assert {"more", "night"} <= {each["name"] for each in troubled.summary["worst_workloads"]}
    assert troubled.summary["causes"]
    assert troubled.summary["ending"]
    yield "run", troubled.summary
    users = "workloads.chat.arrivals={users: 8, think_time: 20s}"
    yield "run", sim.run(shop, users, worlds=2, jobs=1).summary
    other = {"services": [DEAR], "probability": 0.39, "worlds": 9}
    yield "size", sim.size(shop, jobs=1, **other).summary
    broken = {"growth": [1, 2], "worlds": 6, "spike": None, "budget": 9e3, "probability": 0.5}
    stressed = sim.stress(shop, *TROUBLED[3:4], jobs=1, **broken).summary
    assert any(stressed["first_breaks"].values())
    yield "stress", stressed
    bench = Bench(1)
    bench.run(shop.loaded, 2, about="the fleet")
    yield "unfinished", unfinished("size", "Shop", bench).as_json()


def test_answers_of_odd_cases_keep_to_their_schemas_and_every_key_is_in_them():
    for name, answer in answers():
        check_answer(name, answer)


def test_the_answer_of_diff_keeps_to_its_schema(tmp_path, capsys):
    folders = []
    for replicas in ("1", "2"):
        (tmp_path / "shop.yaml").write_text(SCENARIO)
        folders.append(str(tmp_path / replicas))
        arguments = ["--set", f"backends.own.replicas={replicas}", "--out", folders[-1]]
        options = ["--worlds", "2", "--jobs", "1", "--quiet", "--no-report"]
        assert main(["run", str(tmp_path / "shop.yaml"), *arguments, *options]) == 0
    capsys.readouterr()
    assert main(["diff", *folders, "--json"]) == 0
    check_answer("diff", json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    "table",
    ["profiles", "profiles llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
     "profiles computed/qwen3-32b/l40s/tp2/fp8", "prices", "prices --gpu h100-sxm", "apis", "gpus",
     "models", "shapes", "formats"],
)  # fmt: skip
def test_tables_of_the_catalogue_keep_to_their_schema(table, capsys):
    assert main(["catalog", *table.split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    check_answer("catalog", found)
    rows = found if isinstance(found, list) else [found]
    assert rows
    with pytest.raises(jsonschema.ValidationError):
        check_answer("catalog", [*rows, {**rows[0], "surprise": 1}])


def test_an_answer_with_a_key_more_less_or_of_another_kind_is_refused():
    answer = sim.run(SCENARIO, worlds=2, jobs=1).summary
    check_answer("run", answer)
    spoilt = {
        "more": lambda d: d["metrics"].update(cost_eur=d["metrics"]["cost_usd"]),
        "less": lambda d: d["worlds"]["falls_behind"].pop("share_ci"),
        "kind": lambda d: d.update(horizon_s="5min"),
        "null": lambda d: d.update(scenario=None),
        "interval": lambda d: d["metrics"]["cost_usd"].update(p50_ci=[1]),
    }
    for spoil in spoilt.values():
        other = copy.deepcopy(answer)
        spoil(other)
        with pytest.raises(jsonschema.ValidationError):
            check_answer("run", other)


def leaves(schema, path=""):
    """Every schema of a value, with where it is."""
    if isinstance(schema, dict):
        for key, each in schema.get("properties", {}).items():
            yield f"{path}.{key}", each
            yield from leaves(each, f"{path}.{key}")
        for key in ("items", "additionalProperties"):
            yield from leaves(schema.get(key), f"{path}.{key}")
        for each in (*schema.get("anyOf", []), *schema.get("$defs", {}).values()):
            yield from leaves(each, path)


def is_number(schema):
    kinds = schema.get("type", [])
    return bool({"number", "integer"} & set([kinds] if isinstance(kinds, str) else kinds))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_figure_has_a_unit_and_a_meaning(name):
    schema = answer_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    schema["$defs"].pop("estimate", None)  # whose unit stands where it is used
    figures = 0
    for path, each in leaves(schema):
        assert each.get("description") or "$ref" in each or "anyOf" in each, path
        if is_number(each) or each.get("$ref", "").endswith("/estimate"):
            assert each["unit"], path
            figures += 1
    assert figures > 1


def test_every_metric_that_is_printed_is_in_the_schema_with_its_unit():
    known = metrics_schema()["properties"]
    assert set(BY_METRIC) <= set(known)
    units = {"usd": "USD", "seconds": "s", "share": "share of "}
    for metric, figure in BY_METRIC.items():
        assert known[metric]["unit"].startswith(units.get(figure.kind, "")), metric
    for metric, about in known.items():
        assert ("usd" in metric.split("_")) == about["unit"].startswith("USD"), metric
        assert metric.endswith("_s") == (about["unit"] == "s"), metric
        assert not metric.endswith("_share") or about["unit"].startswith("share of"), metric


def test_the_command_prints_them(capsys):
    assert main(["schema", "--results", "size"]) == 0
    assert json.loads(capsys.readouterr().out) == answer_schema("size")
    assert main(["schema", "--results", "all"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == list(ANSWERS)
    assert main(["schema", "--results", "siz"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(PeakfleetError, match="no answer is called 'x'"):
        answer_schema("x")


def test_an_outline_is_read_as_it_is_written():
    text = (
        "a_{low,high}?: number? [s] -- Ends.\n"
        "b: list of object?\n"
        "  <x>: whole [GPUs]\n"
        "c: share [share of worlds] -- Some.\n"
    )
    found = schema_of(read(text))
    assert found["required"] == ["b", "c", "c_ci"]
    low = {"description": "Ends.", "unit": "s", "type": ["number", "null"]}
    assert found["properties"]["a_low"] == low
    inner = found["properties"]["b"]["items"]
    assert inner["type"] == ["object", "null"]
    assert inner["additionalProperties"] == {"unit": "GPUs", "type": "integer"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: number -- No unit.", "line 1: 'a: number -- No unit.' has no unit"),
        ("a: text\nb: list of whole", "line 2"),
        ("a = 3", "is no line of an outline"),
    ],
)
def test_an_outline_that_breaks_the_rules_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read(text)
