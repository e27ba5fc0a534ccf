"""Who is unanswered at the end of a run counts: in latencies, in the SLO, in what is said of it."""

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest
from fleets import pool, profile

from sim.model.design import Design, Horizon
from sim.model.trace import Trace, TraceSource
from sim.model.workload import Slo, Workload
from sim.montecarlo.replication import replicate
from sim.montecarlo.sample import Sample
from sim.montecarlo.summary import slo_kept, summarise
from sim.report.table import render

ONE_BY_ONE = profile(max_num_seqs=1)  # a second for each token


def queue(n=60, tokens=30, slo=Slo(e2e_s=40.0), duration_s=60.0, engine=ONE_BY_ONE):  # noqa: B008
    """A request a second for one replica that is busy with each for so many seconds."""
    trace = Trace(np.arange(float(n)), np.ones(n, np.int32), np.full(n, tokens, np.int32))
    return Design(
        "queue",
        Horizon(datetime(2026, 1, 1), duration_s, 0.0, duration_s),
        (Workload("all", TraceSource(trace), "pool", slo),),
        (pool(engine),),
    )


def world(design):
    return replicate(SimpleNamespace(design=lambda draws: design, fidelity="exact"), 0, 0, {})


def summary(design):
    sample = Sample()
    sample.add(world(design))
    return summarise(sample, design, 0, interrupted=False)


def test_who_has_waited_longer_than_the_slo_allows_has_missed_it():
    """Of 60 one is answered in time, one late, and those of 2 to 19 s are too late already."""
    found = world(queue()).metrics
    assert (found["completed"], found["in_flight_end"]) == (2, 58)
    assert found["slo_attainment"] == pytest.approx(1 / 20)


def test_an_answer_whose_tokens_come_too_slowly_has_missed_its_slo_before_it_is_complete():
    """At 60 s an answer has been coming since 1 s: at least 0.59 s for each of its 100 tokens."""
    slow = queue(1, 101, Slo(tpot_s=0.5), engine=ONE_BY_ONE)
    assert world(slow).metrics["slo_attainment"] == 0.0
    still_open = replace(slow.workloads[0], slo=Slo(tpot_s=0.6))
    assert np.isnan(world(replace(slow, workloads=(still_open,))).metrics["slo_attainment"])


def test_percentiles_that_hang_on_the_unanswered_are_at_least_what_is_printed():
    found = summary(queue(slo=Slo()))
    e2e = found["metrics"]["e2e_p50_s"]
    assert e2e["p50"] == pytest.approx(30.0, abs=1.0)  # the age of the middle one
    assert "p50" in e2e["at_least"]
    assert "≥" in next(line for line in render(found).splitlines() if "whole answer p50" in line)
    assert not any(name.endswith("_at_least_from") for name in found["metrics"])


def test_of_what_nobody_knows_anything_of_nothing_is_printed():
    """One request without a first token: its time to it is at least 9 s, per token anything."""
    engine = profile(max_num_seqs=1, prefill_s_per_token=100.0)
    found = summary(queue(1, 50, Slo(), 9.0, engine))
    assert found["metrics"]["ttft_p50_s"]["p50"] == pytest.approx(9.0, rel=0.01)
    assert found["metrics"]["tpot_p50_s"]["p50"] is None
    assert "per output token" not in render(found)


def test_percentiles_that_the_unanswered_cannot_move_are_exact():
    """A thousand answers of three seconds each, and at the end two that are under way."""
    engine = profile(max_num_seqs=8)
    found = world(queue(1000, 3, duration_s=1000.0, engine=engine)).metrics
    assert found["in_flight_end"] == 2
    assert np.isnan(found["e2e_at_least_from"])
    assert found["e2e_p95_s"] == pytest.approx(3.0, rel=0.02)


def test_a_world_that_answers_nothing_or_overloads_is_none_in_which_the_slo_is_met():
    nothing = queue(3, 99, Slo(e2e_s=1e4))
    found = world(nothing)
    assert found.metrics["completed"] == 0
    assert np.isnan(found.metrics["slo_attainment"])
    assert summary(nothing)["slo_met_share"] == 0.0
    behind = queue(60, 30, Slo(e2e_s=1e4))
    found = world(behind)
    assert found.metrics["slo_attainment"] == 1.0
    assert found.verdict == "overloaded"
    assert summary(behind)["slo_met_share"] == 0.0
    assert summary(behind)["worlds"]["misses_slo"]["count"] == 1


def test_without_requests_nothing_is_missed():
    sample, design = Sample(), queue()
    figures = {"requests": 0.0, "completed": 0.0, "slo_attainment": float("nan")}
    named = {f"workloads.all.{name}": value for name, value in figures.items()}
    sample.add_row(0, "stable", named, {})
    assert slo_kept(sample, design).tolist() == [True]
