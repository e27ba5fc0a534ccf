"""Traces whose requests wait for the answers before them."""

from datetime import datetime

import numpy as np
import pytest
from fleets import pool, profile
from scenario_documents import MINIMAL, written

from sim.catalog.logs import TraceColumns, read_trace
from sim.engine.simulation import simulate
from sim.errors import ScenarioError, TraceError
from sim.model.design import Design, Horizon
from sim.model.streams import Streams
from sim.model.trace import BLOCK_REQUESTS, Trace, TraceSource
from sim.model.trace_loops import with_closed_sessions
from sim.model.workload import Slo, Workload
from sim.scenario import load_scenario
from sim.studies.traffic import traffic

AIPERF = """\
{"session_id": "conv-1", "timestamp": 0, "input_length": 600, "output_length": 40, "hash_ids": [1]}
{"session_id": "conv-1", "delay": 2500, "input_length": 300, "output_length": 60, "hash_ids": [1]}
{"session_id": "conv-2", "timestamp": 1500, "input_length": 400, "output_length": 20}
{"session_id": "conv-2", "delay": 4000, "input_length": 450, "output_length": 30, "hash_ids": [3]}
"""
BY_COLUMNS = TraceColumns("at", "in", "out", session="who", delay="wait")


def trace_of(tmp_path, text, layout="auto"):
    return read_trace(str(written(tmp_path, text, "trace.txt")), layout)


def log_of(trace, engine=profile(), **options):  # noqa: B008 (frozen)
    """Requests of a replay on one replica, whose steps take 1 s."""
    source = TraceSource(trace, **options)
    design = Design(
        "replay",
        Horizon(datetime(2026, 1, 5), 1000.0, 0.0, 1000.0, end_limit_s=1e5),
        (Workload("chat", source, "pool", Slo()),),
        (pool(engine),),
    )
    return simulate(design, Streams(0, 0), record_requests=True).requests


def test_turns_of_aiperf_come_their_delay_after_the_answer_before(tmp_path):
    trace = trace_of(tmp_path, AIPERF)
    log = log_of(trace)
    by_output = {row.output_tokens: row for row in log}
    assert by_output[40].arrival_s == 0.0
    assert by_output[60].arrival_s == by_output[40].finish_s + 2.5
    assert by_output[20].arrival_s == 1.5
    assert by_output[30].arrival_s == by_output[20].finish_s + 4.0


def test_turns_without_times_have_no_rate_to_fit(tmp_path):
    with pytest.raises(TraceError, match=r"have no times, and so no rate \(replay it instead\)"):
        traffic(trace_of(tmp_path, AIPERF))


def test_turns_stand_together_whatever_the_order_of_the_lines(tmp_path):
    lines = AIPERF.splitlines()
    mixed = "\n".join(lines[i] for i in (2, 0, 3, 1))
    trace = trace_of(tmp_path, mixed)
    assert trace.output_tokens.tolist() == [40, 60, 20, 30]
    assert trace.arrival_s.tolist() == [0.0, 0.0, 1.5, 1.5]
    assert trace.delay_s.tolist() == pytest.approx([np.nan, 2.5, np.nan, 4.0], nan_ok=True)


def test_a_session_may_begin_again_at_a_time_of_its_own(tmp_path):
    text = AIPERF.replace('"delay": 2500', '"timestamp": 700')
    assert np.isnan(trace_of(tmp_path, text).delay_s).tolist() == [True, True, True, False]


def test_the_turn_after_a_failed_one_takes_its_place(tmp_path):
    trace = trace_of(tmp_path, AIPERF.replace('"output_length": 40', '"output_length": 0'))
    assert trace.dropped == 1
    assert trace.output_tokens.tolist() == [60, 20, 30]
    assert np.isnan(trace.delay_s).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"timestamp": 1500', '"delay": 7', "trace.txt:3: delay (7) has neither a timestamp nor"),
        ('"delay": 2500', '"delay": -1', "trace.txt:2: delay (-1.0) must be a number, at least 0"),
        ('"delay": 2500', '"delay": "x"', "trace.txt:2: delay ('x') must be a number, at least 0"),
        ('"delay": 2500', '"pause": 2500', "trace.txt:2: timestamp (None) must be there"),
        ('"session_id": "conv-2", "delay"', '"delay"', "trace.txt:4: delay (4000) has neither"),
    ],
)  # fmt: skip
def test_what_is_no_delay_is_refused_with_its_line(tmp_path, old, new, expected):
    assert old in AIPERF
    with pytest.raises(TraceError) as caught:
        trace_of(tmp_path, AIPERF.replace(old, new))
    assert expected in str(caught.value)


def test_delays_are_read_from_named_columns_of_csv(tmp_path):
    text = "at,who,in,out,wait\n0,a,5,2,\n,a,6,3,0.5\n1,b,7,4,\n"
    trace = trace_of(tmp_path, text, BY_COLUMNS)
    assert trace.prompt_tokens.tolist() == [5, 6, 7]
    assert trace.delay_s.tolist() == pytest.approx([np.nan, 0.5, np.nan], nan_ok=True)


def test_closed_sessions_wait_the_recorded_gap_after_each_answer():
    """At 2 s for each answer the turns recorded at 0, 5 and 6 s come at 0, 7 and 10 s."""
    trace = Trace(
        np.array([0.0, 3.0, 5.0, 6.0, 8.0]),
        np.ones(5, np.int32),
        np.full(5, 2, np.int32),
        session=np.array([0, -1, 0, 0, 1]),
    )
    log = log_of(with_closed_sessions(trace))
    assert log.arrival_s.tolist() == [0.0, 3.0, 7.0, 8.0, 10.0]
    assert log_of(trace).arrival_s.tolist() == trace.arrival_s.tolist()


@pytest.mark.parametrize("rate_scale", [1.0, 3.0])
def test_copies_of_a_session_wait_for_their_own_answers_and_speed_shortens_delays(rate_scale):
    """No two turns of a session overlap; the gap between them is the delay over the speed."""
    rng = np.random.default_rng(5)
    n, turns = 200, 4
    trace = with_closed_sessions(
        Trace(
            np.repeat(np.sort(rng.uniform(0, 50, n)) - 0.0, turns) * 0.0
            + np.concatenate([[0.0], np.sort(rng.uniform(0, 50, n * turns - 1))]),
            np.ones(n * turns, np.int32),
            rng.integers(1, 9, n * turns, dtype=np.int32),
            session=rng.permutation(np.repeat(np.arange(n), turns)),
        )
    )
    blocks = list(
        TraceSource(trace, rate_scale=rate_scale, speed=2.0).blocks("chat", Streams(0, 0), 0, 1e3)
    )
    sent = sum(len(block.arrival_s) for block in blocks)
    assert sent == pytest.approx(rate_scale * n * turns)
    for block in blocks:
        user, then_s = block.loop
        ends = np.flatnonzero(np.diff(user, append=-2) != 0)
        assert np.isnan(then_s[ends]).all()
        assert np.isfinite(np.delete(then_s, ends)).all()
    log = log_of(trace, rate_scale=rate_scale, speed=2.0)
    assert len(log) == sent


def test_a_session_is_never_taken_apart_by_the_blocks_of_a_replay():
    n = BLOCK_REQUESTS + 10
    delay_s = np.full(n, 0.0)
    delay_s[[0, 5]] = np.nan
    trace = Trace(
        np.where(np.arange(n) < 5, 0.0, 1.0), np.ones(n, np.int32), np.ones(n, np.int32),
        session=(np.arange(n) >= 5).astype(np.int64), delay_s=delay_s,
    )  # fmt: skip
    sizes = [len(b.arrival_s) for b in TraceSource(trace).blocks("chat", Streams(0, 0), 0, 9)]
    assert sorted(sizes) == [5, n - 5]


def test_closed_sessions_are_asked_for_in_a_scenario(tmp_path):
    timed = AIPERF.replace('"delay"', '"timestamp"')
    (tmp_path / "turns.jsonl").write_text(timed)
    (tmp_path / "lone.jsonl").write_text(timed.replace("session_id", "id"))
    text = MINIMAL.replace("requests_per_day: 100k", "trace: {file: turns.jsonl, sessions: closed}")
    text = text.replace("    prompt_tokens: 1000\n    output_tokens: 200\n", "")
    path = written(tmp_path, text)
    trace = load_scenario(path).typical_design().workloads[0].source.trace
    assert trace.delay_s.tolist() == pytest.approx([np.nan, 2.5, np.nan, 2.5], nan_ok=True)
    with pytest.raises(ScenarioError, match="sessions: closed needs a trace with sessions"):
        load_scenario(path, ["workloads.chat.arrivals.trace.file=lone.jsonl"])
