"""The first world in the formats of others: kept with the results, the same bytes everywhere.

And ``metrics.prom``: well-formed, and saying what the log says.
"""

import math
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from export_worlds import ODD, each_world, rows_of, world
from hypothesis import given
from hypothesis import strategies as st
from scenario_documents import MINIMAL

from sim.engine.simulation import simulate
from sim.engine.state import histogram, status
from sim.model.routing import Leg, Routing
from sim.model.streams import Streams
from sim.montecarlo import exports, store
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.exports.files import files
from sim.montecarlo.exports.prometheus import REQUEST_BUCKETS, TTFT_BUCKETS, cumulative
from sim.montecarlo.replication import replicate
from sim.montecarlo.run import run
from sim.scenario import load_scenario


def test_the_same_world_gives_the_same_bytes_in_any_time_zone(monkeypatch):
    design, _, before = world("everything")
    try:
        monkeypatch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        outcome = simulate(design, Streams(3, 0))
        assert files(outcome, design, seed=3, world=0) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_first_world_is_exported_and_kept_with_the_results(tmp_path):
    path = tmp_path / "minimal.yaml"
    path.write_text(MINIMAL.replace("100k", "300"))
    scenario = load_scenario(path)
    drawn = draw_worlds(scenario.inputs, 0, 2)
    first, second = (
        replicate(scenario, 0, at, {path: float(v[at]) for path, v in drawn.items()}).exports
        for at in (0, 1)
    )
    assert tuple(first) == exports.FILES
    assert second is None
    result = run(scenario, 2, jobs=1)
    assert result.exports == first
    store.save(result, tmp_path / "results")
    read = {name: (tmp_path / "results" / name).read_bytes() for name in exports.FILES}
    assert read == {name: text.encode() for name, text in first.items()}
    sums = sum(float(row["EffectiveCost"]) for row in rows_of(first[exports.COSTS]))
    assert sums == pytest.approx(result.replications["cost_usd"][0], abs=0.01)


# Prometheus ---------------------------------------------------------------------------------------

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})\{{((?:{LABEL})(?:,{LABEL})*)\}} (\S+)")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parse(text):
    """Samples by metric: {name: (type, {(sample name, sorted labels): value})}.

    Anything but help, type and samples of one metric after the other, each sample once, is refused.
    """
    assert text.endswith("\n")
    metrics = {}
    lines = iter(text.removesuffix("\n").split("\n"))
    for line in lines:
        if line.startswith("# HELP "):
            name = re.fullmatch(rf"# HELP ({NAME}) \S.*", line)[1]
            kind = re.fullmatch(rf"# TYPE {name} (counter|gauge|histogram)", next(lines))[1]
            assert name not in metrics
            metrics[name] = (kind, {})
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        assert match[1] in {name + suffix for suffix in suffixes}
        pairs = [
            (label, re.sub(r"\\.", lambda escape: UNESCAPED[escape[0]], value))
            for label, value in re.findall(LABEL, match[2])
        ]
        assert len(dict(pairs)) == len(pairs)
        key = (match[1], tuple(sorted(pairs)))
        assert key not in metrics[name][1]
        metrics[name][1][key] = float(match[match.re.groups])
    return metrics


def parsed(name):
    return parse(world(name)[2][exports.METRICS])


def values(name, metric, **labels):
    """Samples of a metric that have some labels."""
    own = parsed(name)[f"vllm:{metric}"][1]
    return [v for (_, pairs), v in own.items() if set(labels.items()) <= set(pairs)]


@each_world
def test_prometheus_text_is_parsed_back_and_well_formed(name):
    design, _, _ = world(name)
    for metric, (kind, samples) in parsed(name).items():
        assert metric.startswith("vllm:")
        assert metric.endswith("_total") == (kind == "counter")
        assert samples
        for (_, pairs), value in samples.items():
            labels = dict(pairs)
            assert {"engine", "model_name"} <= set(labels)
            assert value >= 0
            assert set(labels["engine"].split("+")) <= {b.name for b in design.backends}
            if kind == "counter":
                assert value == int(value)


@each_world
def test_histograms_are_cumulative_whole_numbers_up_to_their_count(name):
    histograms = {m: s for m, (kind, s) in parsed(name).items() if kind == "histogram"}
    assert len(histograms) == 4
    for metric, samples in histograms.items():
        series = {}
        for (sample, pairs), value in samples.items():
            rest = tuple(pair for pair in pairs if pair[0] != "le")
            series.setdefault(rest, {})[sample.removeprefix(metric), dict(pairs).get("le")] = value
        for own in series.values():
            edges = [float(le) for suffix, le in own if suffix == "_bucket"]
            counts = [value for (suffix, _), value in own.items() if suffix == "_bucket"]
            assert edges == sorted(edges)
            assert edges[-1] == math.inf
            assert counts == sorted(counts)
            assert all(count == int(count) for count in counts)
            assert counts[-1] == own["_count", None]


@pytest.mark.parametrize(
    ("metric", "buckets", "since", "until"),
    [
        ("time_to_first_token_seconds", TTFT_BUCKETS, "arrival_s", "first_token_s"),
        ("e2e_request_latency_seconds", REQUEST_BUCKETS, "arrival_s", "finish_s"),
    ],
)
def test_buckets_count_the_requests_of_the_log(metric, buckets, since, until):
    """Exactly, but for those within one of our buckets (1.6 %) of the edge."""
    _, outcome, _ = world("everything")
    log = outcome.requests[outcome.requests["status"] == status.COMPLETED]
    engines = {0: f"own+{ODD}+phone+flat", 1: "rented"}
    for workload, engine in engines.items():
        own = log[log["workload"] == workload]
        latency_s = own[until] - own[since]
        assert len(own) > 1000
        for edge in buckets:
            (count,) = values("everything", metric, engine=engine, le=repr(edge))
            near = np.count_nonzero(np.abs(latency_s / edge - 1) <= 0.016)
            assert abs(count - np.count_nonzero(latency_s <= edge)) <= near
        (total_s,) = (
            value
            for (name, pairs), value in parsed("everything")[f"vllm:{metric}"][1].items()
            if name.endswith("_sum") and dict(pairs)["engine"] == engine
        )
        assert total_s == pytest.approx(latency_s.sum())


def test_counters_and_gauges_say_what_the_log_says():
    design, outcome, _ = world("everything")
    log = outcome.requests[outcome.requests["status"] == status.COMPLETED]
    for index, backend in enumerate(design.backends):
        own = log[log["backend"] == index]
        for metric, field in (
            ("prompt_tokens_total", "prompt_tokens"),
            ("generation_tokens_total", "output_tokens"),
            ("prefix_cache_hits_total", "cached_tokens"),
        ):
            assert values("everything", metric, engine=backend.name) == [own[field].sum()]
        answers = values("everything", "request_success_total", engine=backend.name)
        assert sum(answers) == len(own)
        (shortened,) = values(
            "everything", "request_success_total", engine=backend.name, finished_reason="length"
        )
        assert shortened == own["degraded"].sum()
    last = outcome.ledger.pools[:, -1]
    for index, pool in enumerate(design.pools):
        (running,) = values("everything", "num_requests_running", engine=pool.name)
        (waiting,) = values("everything", "num_requests_waiting", engine=pool.name)
        assert (running, waiting) == (last["running"][index], last["waiting"][index])
        (usage,) = values("everything", "kv_cache_usage_perc", engine=pool.name)
        assert 0 <= usage <= 1
    assert values("everything", "num_requests_running", engine="phone")
    assert not values("everything", "num_requests_waiting", engine="phone")


def test_preemptions_are_told_where_they_are_known():
    """Each pool has a workload of its own: all of a workload's are its pool's."""
    _, outcome, _ = world("everything")
    preemptions = outcome.ledger.workloads["preemptions"].sum(axis=1)
    assert preemptions[1] > 0
    assert values("everything", "num_preemptions_total", engine="own") == [preemptions[0]]
    assert values("everything", "num_preemptions_total", engine="rented") == [preemptions[1]]


def test_preemptions_of_pools_that_share_a_workload_are_not_told():
    design, _, _ = world("everything")
    both = Routing((Leg("own"), Leg("rented")))
    chat, *others = design.workloads
    shared = replace(design, workloads=(replace(chat, routing=both), *others))
    text = files(simulate(shared, Streams(3, 0)), shared, 3, 0)[exports.METRICS]
    assert "vllm:num_preemptions_total" not in parse(text)


def test_the_parser_refuses_what_is_not_the_format():
    text = world("quiet")[2][exports.METRICS]
    for broken in (
        text.removesuffix("\n"),
        text.replace("# TYPE", "# KIND", 1),
        text.replace('engine="rented"', "engine=rented", 1),
        text.replace("_bucket{", "{", 1),
        text + text,
    ):
        with pytest.raises((AssertionError, TypeError)):
            parse(broken)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 5, 10**12]),
    st.lists(st.floats(1e-6, 1e7), min_size=1, max_size=20, unique=True).map(sorted),
)
def test_any_histogram_is_counted_between_its_own_edges(seed, most, edges):
    """Never fewer than lie in whole buckets below an edge, never more than begin below it."""
    counts = np.random.default_rng(seed).integers(1, most + 1, histogram.BUCKETS)
    bounds = histogram.edges_s()
    for edge, below in zip(edges, cumulative(counts, edges), strict=True):
        assert counts[bounds[1:] <= edge].sum() <= below <= counts[bounds[:-1] < edge].sum()
    assert cumulative(counts, edges) == sorted(cumulative(counts, edges))


def test_names_that_a_spreadsheet_would_run_are_quoted_in_the_bill(tmp_path):
    path = tmp_path / "minimal.yaml"
    path.write_text(MINIMAL.replace("100k", "300"))
    scenario = load_scenario(path, ["name='=cmd()'", "horizon.days=0.05", "horizon.warm_up=0"])
    drawn = {path: float(v[0]) for path, v in draw_worlds(scenario.inputs, 0, 2).items()}
    rows = rows_of(replicate(scenario, 0, 0, drawn).exports[exports.COSTS])
    assert rows and {row["x_Scenario"] for row in rows} == {"'=cmd()"}
    assert {row["BillingAccountName"] for row in rows} == {"'=cmd()"}
