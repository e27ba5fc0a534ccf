import json

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from scenario_documents import (
    AZURE_TRACE,
    BACKENDS,
    CLIENTS,
    EVERYTHING,
    FLEETS,
    MINIMAL,
    QUICKSTART,
    SHIPPED,
    TASKS,
    written,
)

from sim.cli.schema import schema as schema_command
from sim.scenario import load_scenario
from sim.scenario.json_schema import json_schema
from sim.scenario.text.yaml_file import parse_document
from sim.scenario.values.families import FAMILIES

TEXTS = {
    "minimal": MINIMAL,
    "everything": EVERYTHING,
    "clients": CLIENTS,
    "fleets": FLEETS,
    "tasks": TASKS,
    "backends": BACKENDS,
    **{path.stem: path.read_text() for path in sorted(SHIPPED.glob("*.yaml"))},
}


@pytest.fixture(scope="module")
def schema():
    return json_schema()


def errors(schema, text, **changes):
    data = parse_document(text, "scenario.yaml").data | changes
    return [error.message for error in Draft202012Validator(schema).iter_errors(data)]


def test_the_schema_is_valid_json_schema_2020_12(schema):
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_leads_somewhere(schema):
    references = set()

    def collect(value):
        if isinstance(value, dict):
            references.update([value["$ref"]] if "$ref" in value else [])
            value = list(value.values())
        for item in value if isinstance(value, list) else []:
            collect(item)

    collect(schema)
    assert references
    assert references <= {f"#/$defs/{name}" for name in schema["$defs"]}
    assert "x-definition" not in json.dumps(schema)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_good_scenarios_validate(schema, text):
    assert errors(schema, text) == []


@pytest.mark.parametrize("path", [QUICKSTART, AZURE_TRACE], ids=lambda path: path.stem)
def test_resolved_documents_validate(schema, path):
    assert errors(schema, load_scenario(path).to_yaml()) == []


def test_a_resolved_document_of_backends_validates(schema, tmp_path):
    assert errors(schema, load_scenario(written(tmp_path, BACKENDS)).to_yaml()) == []


@pytest.mark.parametrize(
    "override",
    [
        "worlds: 0",
        "worlds: 1.5",
        "name: ''",
        "colour: red",
        "horizon: {days: 1 parsec}",
        "horizon: {days: {p5: 1, p95: 2}}",
        "horizon: null",
        "backends: {}",
        "backends: {large: {kind: gpu_pool, service: x}}",
        "backends: {large: {kind: pool, service: x, replicas: 1}}",
        "backends: {large: {kind: gpu_pool, service: x, replicas: 0}}",
        "backends: {large: {kind: gpu_pool, service: x, replicas: {lognormal: {p51: 1}}}}",
        "backends: {'my pool': {kind: gpu_pool, service: x, replicas: 1}}",
        "workloads: {chat: {arrivals: {requests_per_day: 1, requests_per_second: 1}}}",
        "workloads: {chat: {arrivals: {shape: flat}}}",
        "workloads: {chat: {arrivals: {requests_per_day: 1, shape: [1, 2]}}}",
        "workloads: {chat: {arrivals: {users: 1}, slo: {ttft_95: 3}}}",
        "workloads: {chat: {arrivals: {users: 1}, prompt_tokens: {lognormal: {mean: 1}}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {timeout: 0}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {retries: openai}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {retries: {budget: lots}}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {retries: {after: [timeouts]}}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {patience: {exponential: {men: 1}}}}}",
        "workloads: {chat: {arrivals: {users: 1}, client: {hedge: 0}}}",
        "workloads: {chat: {arrivals: {users: 1}, follow_ups: 3.5}}",
        "workloads: {chat: {arrivals: {users: 1}, follow_ups: {think_time: 3s}}}",
        "workloads: {chat: {arrivals: {users: 1}, follow_ups: {calls_per_task: {poisson: 3}}}}",
        "workloads: {chat: {arrivals: {users: 1}, prefix_cache: {hit_rate: 1.5}}}",
        "workloads: {chat: {arrivals: {users: 1}, response_cache: {}}}",
        "workloads: {chat: {arrivals: {users: 1}, max_concurrency: 0.5}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, router: cache}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, prefix_cache: {blocks: 3}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, gateway: {max_queue: -1}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: {min: 1}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, autoscaler: fast}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, autoscaler: {tolerance: 1}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, cold_start: {nodes: 3min}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, spot: {notice: 2min}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, price: []}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, price: [{gpus: -1}]}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, price: {owned: {years: 4}}}}",
        "backends: {a: {kind: gpu_pool, service: x, replicas: 1, speculative_decoding: {x: 2}}}",
        "backends: {a: {kind: managed_api, replicas: 1}}",
        "backends: {a: {kind: managed_api, price: {input: cheap}}}",
        "backends: {a: {kind: managed_api, quota: anthropic-tier-9}}",
        "backends: {a: {kind: managed_api, quota: {cached_is_free: maybe}}}",
        "backends: {a: {kind: managed_api, outages: {planned: [{start: 1h}]}}}",
        "backends: {a: {kind: managed_api, ttft_by_hour: [1, 2]}}",
        "backends: {a: {kind: edge, ttft: 1s}}",
        "backends: {a: {kind: edge, ttft: 1s, tokens_per_second: 30, capable_share: 0}}",
        "workloads: {chat: {arrivals: {users: 1}, route: []}}",
        "workloads: {chat: {arrivals: {users: 1}, route: [{share: 1}]}}",
        "workloads: {chat: {arrivals: {users: 1}, route: [{to: a, escalate: {to: b}}]}}",
        "workloads: {chat: {arrivals: {users: 1}, fallback: {after: [failure]}}}",
        "workloads: {chat: {arrivals: {users: 1}, overflow: 50}}",
        "workloads: {chat: {arrivals: {users: 1}, value_per_outcome: 1}}",
        "one_off: {cost: 3}",
    ],
)
def test_wrong_scenarios_do_not_validate(schema, override):
    assert errors(schema, MINIMAL, **parse_document(override, "override").data)


def test_every_key_of_the_document_is_described(schema):
    undescribed = [
        f"{name}.{key}"
        for name, definition in schema["$defs"].items()
        if name[0].isupper()
        for form in (definition, *definition.get("anyOf", ()))
        for key, entry in form.get("properties", {}).items()
        if not entry.get("description")
    ]
    assert undescribed == []


def test_every_family_is_offered_where_numbers_may_be_uncertain(schema):
    offered = {
        key for form in schema["$defs"]["uncertain_count"]["anyOf"] for key in form["properties"]
    }
    assert offered == {*FAMILIES, "p5", "p95"}


def test_the_command_prints_the_schema(schema):
    result = CliRunner().invoke(schema_command)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema


def test_a_scenario_may_name_its_schema_in_a_comment(tmp_path):
    text = f"# yaml-language-server: $schema=scenario.schema.json\n{MINIMAL}"
    assert load_scenario(written(tmp_path, text)).name == "minimal"
