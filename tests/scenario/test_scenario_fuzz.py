"""Whatever a document says, it is simulated or refused with problems; nothing else happens."""

import copy
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_documents import (
    AZURE_TRACE,
    BACKENDS,
    CLIENTS,
    EVERYTHING,
    FLEETS,
    MINIMAL,
    QUICKSTART,
    TASKS,
)

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import parse_document

TEXTS = [
    MINIMAL,
    EVERYTHING,
    CLIENTS,
    FLEETS,
    TASKS,
    BACKENDS,
    QUICKSTART.read_text(),
    AZURE_TRACE.read_text(),
]
SAMPLE = AZURE_TRACE.with_name("azure_trace_sample.csv").read_text()

NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 0.5, 2, 24, 100_000, 1e-320, 1e308, 10**17]),
    st.integers(-10, 10**6),
    st.floats(),
)
LABELS = st.sampled_from(
    ["", " ", "x", "8%", "100k", "1h 30min", "-5s", "2.99 USD", "2026-11-23", "0001-01-01",
     "9999-12-31T23:59:59", "2026-11-23T00:00+01:00", "openai-sdk", "aws-standard",
     "session", "prefix", "hpa", "scheduled", "own", "mini", "gpu_pool", "managed_api", "edge",
     "gpt-4o", "openai", "anthropic-tier-1", "batch", "spot", "reserved_1y", "none", "07:00",
     "2 GB/s", "log.csv", ".", "\0", "a\nb", "é" * 99]
)  # fmt: skip
PERCENTILES = ("p5", "p50", "p90", "p95", "p99")
FAMILY_KEYS = st.sampled_from(
    [*PERCENTILES, "mean", "sd", "cv", "sigma", "low", "mode", "high", "minimum", "alpha", "a", "b"]
)
FAMILIES = st.sampled_from(
    ["lognormal", "normal", "gamma", "beta", "triangular", "uniform", "exponential", "pareto",
     "choice", "empirical", "mixture"]
)  # fmt: skip
PARAMETERS = st.one_of(
    st.dictionaries(FAMILY_KEYS, NUMBERS, max_size=3),
    st.lists(NUMBERS, max_size=3),
    st.fixed_dictionaries({"csv": LABELS, "column": LABELS}),
)
DISTRIBUTIONS = st.one_of(
    st.dictionaries(FAMILIES, PARAMETERS, min_size=1, max_size=2),
    st.fixed_dictionaries({"p5": NUMBERS, "p95": NUMBERS}),
    st.fixed_dictionaries({"mixture": st.lists(st.dictionaries(
        st.one_of(FAMILIES, st.just("weight")), st.one_of(PARAMETERS, NUMBERS)), max_size=3)}),
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, LABELS, DISTRIBUTIONS, PARAMETERS,
    st.lists(NUMBERS, min_size=24, max_size=24),
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "shape",
        "trace",
        "days",
        "duration",
        "csv",
        "kind",
        "price",
        "columns",
        "min",
        "max",
        "x",
        "",
        "client",
        "retries",
        "budget",
        "preset",
        "timeout",
        "patience",
        "gateway",
        "replica_limit",
        "hedge",
        "follow_ups",
        "calls_per_task",
        "parallel",
        "prefix_cache",
        "hit_rate",
        "max_concurrency",
        "blocks",
        "session",
        "route",
        "to",
        "share",
        "escalate",
        "fallback",
        "queue",
        "model",
        "provider",
        "input",
        "tier",
        "owned",
        "gpus",
        "purchase",
        "quota",
        "outages",
        "planned",
        "memory",
    ]
)


def paths(value, path=()):
    """Paths of everything in plain data."""
    entries = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return [path, *(at for key, item in entries for at in paths(item, (*path, key)))]


@st.composite
def mutated(draw):
    """A good document with one to three things changed, added or left out."""
    data = copy.deepcopy(parse_document(draw(st.sampled_from(TEXTS)), "good").data)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(paths(data)[1:]))
        parent = data
        for key in above:
            parent = parent[key]
        match draw(st.sampled_from(["change", "change", "add", "drop"])):
            case "change":
                parent[last] = draw(VALUES)
            case "add" if isinstance(parent, dict):
                parent[draw(KEYS)] = draw(VALUES)
            case _:
                del parent[last]
        if not data:
            break
    return data


def as_yaml(data):
    """JSON is YAML, but for its numbers that are none."""
    return json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf")


def load_or_refuse(content, overrides=()):
    """Load a document, make a design in some worlds, and do the same with its resolved form."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "azure_trace_sample.csv").write_text(SAMPLE[:2000].rpartition("\n")[0])
        (folder / "scenario.yaml").write_bytes(content)
        try:
            scenario = load_scenario(folder / "scenario.yaml", overrides)
        except ScenarioError as error:
            assert error.problems
            assert all(problem.line is None or problem.line >= 1 for problem in error.problems)
            assert len(str(error).splitlines()) == len(error.problems)
            return None
        (folder / "again.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
        again = load_scenario(folder / "again.yaml")
    assert again.document == scenario.document
    assert again.inputs == scenario.inputs
    for level in (0.01, 0.5, 0.99):
        u = np.array([level])
        scenario.design({i.path: float(i.distribution.ppf(u)[0]) for i in scenario.inputs})
    return scenario


@settings(max_examples=400)
@given(mutated())
def test_a_mutated_document_is_simulated_or_refused(data):
    load_or_refuse(as_yaml(data).encode())


@settings(max_examples=150)
@given(
    st.sampled_from(TEXTS),
    st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 15), st.binary(max_size=3) | st.text(
                "[]{}:,-#&*!|>'\"%@`\t\n \\?~0e.<=", max_size=3).map(str.encode)
        ),
        min_size=1, max_size=4,
    ),
)  # fmt: skip
def test_a_scrambled_file_is_simulated_or_refused(text, edits):
    content = bytearray(text.encode())
    for place, length, inserted in edits:
        start = int(place * len(content))
        content[start : start + length] = inserted
    load_or_refuse(bytes(content))


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from(["workloads", "chat", "arrivals", "events", "0", "shape", "replicas",
                              "backends", "large", "x", "", "slo", "horizon", "9" * 30, "-1"]),
             min_size=1, max_size=6),
    st.one_of(VALUES.map(as_yaml), st.text(max_size=10)),
)  # fmt: skip
def test_any_override_is_applied_or_refused(keys, value):
    load_or_refuse(MINIMAL.encode(), [f"{'.'.join(keys)}={value}"])


@pytest.mark.parametrize(
    "text",
    TEXTS[:7],
    ids=["minimal", "everything", "clients", "fleets", "tasks", "backends", "quickstart"],
)
def test_the_documents_that_mutation_begins_with_are_good(text):
    assert load_or_refuse(text.encode()) is not None
