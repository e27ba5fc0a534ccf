"""``benchmark_report.json`` keeps the schema of llm-d's v0.2.1, and says what the metrics say."""

import functools
import json

import jsonschema
import pytest
from export_worlds import each_world, words, world

from sim.engine.state import status
from sim.montecarlo import exports
from sim.montecarlo.exports.files import files
from sim.montecarlo.metrics import metrics


def closed(required, **properties):
    """An object without any other keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


TEXT, NUMBER, COUNT = {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0}
ANY = {"type": "object"}
TIME = {"type": "string", "format": "date-time", "pattern": "T.*Z$"}
UNITS = words("count percent fraction ms s s/token ms/token tokens/s queries/s")
QUANTILES = words("p0p1 p1 p5 p10 p25 p50 p75 p90 p95 p99 p99p9")
STATISTICS = closed(
    "units mean",
    units={"enum": UNITS},
    **dict.fromkeys(["mean", "mode", "stddev", "min", "max", *QUANTILES], NUMBER),
)
LENGTH = closed(
    "distribution value",
    distribution={"enum": ["fixed", "gaussian", "uniform", "other"]},
    value={"type": "number", "minimum": 0},
)
GENERIC = {
    "type": "object",
    "properties": {"kind": {"const": "generic"}, "tool": TEXT, "tool_version": TEXT},
    "required": ["kind", "tool", "tool_version"],
}
INFERENCE_ENGINE = closed(
    "kind tool tool_version role replicas model accelerator",
    kind={"const": "inference_engine"},
    tool=TEXT,
    tool_version=TEXT,
    role={"enum": ["replica", "prefill", "decode"]},
    replicas={"type": "integer", "minimum": 1},
    model=closed("name", name=TEXT),
    accelerator=closed(
        "model count parallelism",
        model=TEXT,
        count=COUNT,
        parallelism=closed("", **dict.fromkeys(words("tp dp dp_local workers ep pp"), COUNT)),
    ),
)
NATIVE = closed("", args=ANY, envars=ANY, config={})
COMPONENT = closed(
    "metadata standardized native",
    metadata=closed("label cfg_id", label=TEXT, cfg_id=TEXT, schema_version=TEXT),
    standardized={"oneOf": [GENERIC, INFERENCE_ENGINE]},
    native=NATIVE,
)
LOAD = closed(
    "metadata standardized native",
    metadata=closed("", cfg_id=TEXT, description=TEXT, schema_version=TEXT),
    standardized=closed(
        "tool tool_version source input_seq_len",
        tool=TEXT,
        tool_version=TEXT,
        source={"enum": ["random", "sampled", "unknown"]},
        input_seq_len=LENGTH,
        output_seq_len=LENGTH,
        rate_qps={"type": "number", "exclusiveMinimum": 0},
        multi_turn=closed("", enabled={"type": "boolean"}, max_turns=LENGTH),
    ),
    native=NATIVE,
)
LATENCIES = words(
    """time_to_first_token normalized_time_per_output_token time_per_output_token
inter_token_latency request_latency"""
)
THROUGHPUTS = words("input_token_rate output_token_rate total_token_rate request_rate")
AGGREGATE = closed(
    "",
    requests=closed(
        "total",
        total=COUNT,
        failures=COUNT,
        incomplete=COUNT,
        input_length=STATISTICS,
        output_length=STATISTICS,
    ),
    latency=closed("", **dict.fromkeys(LATENCIES, STATISTICS)),
    throughput=closed("", **dict.fromkeys(THROUGHPUTS, STATISTICS)),
)
RESOURCES = words(
    """kv_cache_usage cache_hit_rate gpu_utilization power_consumption running_requests
waiting_requests preemptions"""
)
OBSERVABILITY = {
    "type": "object",
    "properties": {
        "components": {
            "type": "array",
            "items": closed(
                "component_label",
                component_label=TEXT,
                aggregate=closed("", **dict.fromkeys(RESOURCES, STATISTICS)),
            ),
        },
        "drop_rate": STATISTICS,
        "replica_status": closed("", aggregate_ready_replicas=STATISTICS),
    },
}
SESSIONS = closed("total", total=COUNT, succeeded=COUNT, failed=COUNT, session_duration=STATISTICS)
SCHEMA = closed(
    "version run scenario results",
    version={"const": "0.2.1"},
    run=closed(
        "uid",
        uid=TEXT,
        time=closed("", start=TIME, end=TIME, duration={"pattern": r"^PT[\d.]+S$"}),
        description=TEXT,
        keywords={"type": "array", "items": TEXT},
    ),
    scenario=closed("", stack={"type": "array", "items": COMPONENT}, load=LOAD),
    results=closed(
        "",
        request_performance=closed("", aggregate=AGGREGATE),
        session_performance=closed("", sessions=SESSIONS),
        observability=OBSERVABILITY,
    ),
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def report_of(name):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(world(name)[2][exports.BENCHMARK_REPORT], parse_constant=refuse)


@each_world
def test_the_benchmark_report_keeps_its_schema(name):
    report = report_of(name)
    assert [error.message for error in VALIDATOR.iter_errors(report)] == []
    assert report["run"]["keywords"] == ["simulated"]
    labels = [component["metadata"]["label"] for component in report["scenario"]["stack"]]
    assert labels == [backend.name for backend in world(name)[0].backends]


@pytest.mark.parametrize("where", ["", "run", "scenario.load", "results"])
def test_a_key_that_the_schema_does_not_know_is_noticed(where):
    report = report_of("everything")
    functools.reduce(dict.__getitem__, filter(None, where.split(".")), report)["more"] = 1
    assert not VALIDATOR.is_valid(report)


@pytest.mark.parametrize("name", ["everything", "16 days", "quiet"])
def test_the_benchmark_report_says_what_the_metrics_say(name):
    design, outcome, _ = world(name)
    report, figures = report_of(name), metrics(outcome, design)
    aggregate = report["results"]["request_performance"]["aggregate"]
    requests = aggregate["requests"]
    assert requests["total"] == figures["requests"]
    assert requests["incomplete"] == figures["in_flight_end"]
    assert requests["total"] == (
        figures["completed"] + requests["failures"] + requests["incomplete"]
    )
    ours = {
        "time_to_first_token": "ttft",
        "time_per_output_token": "tpot",
        "request_latency": "e2e",
    }
    for key, metric in ours.items():
        if name == "quiet":
            assert key not in aggregate["latency"]
            continue
        assert aggregate["latency"][key]["mean"] == pytest.approx(figures[f"{metric}_mean_s"])
        for percentile in ("p50", "p95", "p99"):
            expected = figures[f"{metric}_{percentile}_s"]
            assert aggregate["latency"][key][percentile] == expected
    throughput = aggregate["throughput"]
    duration_s = design.horizon.duration_s
    assert throughput["request_rate"]["mean"] == figures["completed"] / duration_s
    assert throughput["output_token_rate"]["mean"] == figures["output_tokens"] / duration_s
    extra = report["results"]["observability"]["peakfleet"]
    assert extra["cost"]["effective_usd"] == pytest.approx(figures["cost_usd"])
    for backend in design.backends:
        expected = figures[f"backends.{backend.name}.cost_usd"]
        assert extra["cost"]["backends"][backend.name]["effective_usd"] == pytest.approx(expected)
    for workload in design.workloads:
        own = extra["workloads"][workload.name]
        assert own["requests"]["total"] == figures[f"workloads.{workload.name}.requests"]


def test_time_between_tokens_is_weighted_by_tokens():
    _, outcome, _ = world("everything")
    done = outcome.requests[outcome.requests["status"] == status.COMPLETED]
    gaps = done["output_tokens"].sum() - len(done)
    between_s = (done["finish_s"] - done["first_token_s"]).sum()
    latency = report_of("everything")["results"]["request_performance"]["aggregate"]["latency"]
    assert latency["inter_token_latency"]["mean"] == pytest.approx(between_s / gaps)


def test_the_times_of_the_report_are_those_of_the_horizon():
    assert report_of("everything")["run"]["time"] == {
        "start": "2026-11-30T10:30:00Z",
        "end": "2026-12-01T16:30:00Z",
        "duration": "PT108000S",
    }


def test_worlds_have_identities_of_their_own():
    design, outcome, _ = world("quiet")
    texts = [files(outcome, design, seed, 0)[exports.BENCHMARK_REPORT] for seed in (3, 4)]
    first, second = (json.loads(text)["run"]["uid"] for text in texts)
    assert first == report_of("quiet")["run"]["uid"] != second
