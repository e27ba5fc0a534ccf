"""Traces: read exactly, refused with file, line and value, replayed without loss.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import TraceError
from sim.model.streams import Streams
from sim.model.trace import BLOCK_REQUESTS, Trace, TraceSource
from sim.model.trace_files import TraceColumns, read_trace

REAL = Path(__file__).parents[2] / "shared" / "data"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens"
OWN = TraceColumns("t", "in", "out")


def write(path, text, compressed=False):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if compressed else data)
    return str(path)


def azure_text(hundreds_ns, prompt, output):
    """Rows in Azure's format: CRLF, seven digits, no newline at the end."""
    start = np.datetime64("2023-11-16T18:15:46", "ns")
    rows = [AZURE]
    for t, p, o in zip(hundreds_ns, prompt, output, strict=True):
        moment = str(start + np.timedelta64(int(t) * 100, "ns")).replace("T", " ")[:-2]
        rows.append(f"{moment},{p},{o}")
    return "\r\n".join(rows)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("compressed", [False, True])
def test_azure_files_are_read_to_100_ns(tmp_path, compressed):
    rng = np.random.default_rng(0)
    ticks = np.sort(rng.integers(0, 10**12, 5000))
    prompt, output = rng.integers(1, 9000, 5000), rng.integers(1, 900, 5000)
    file = write(tmp_path / "trace", azure_text(ticks, prompt, output), compressed)
    trace = read_trace(file)
    np.testing.assert_array_equal(trace.arrival_s, (ticks - ticks[0]) * 100 / 1e9)
    np.testing.assert_array_equal(trace.prompt_tokens, prompt)
    np.testing.assert_array_equal(trace.output_tokens, output)
    assert trace.prompt_tokens.dtype == trace.output_tokens.dtype == np.int32
    assert (trace.dropped, trace.file) == (0, file)


def test_azure_files_of_later_years_have_zones_and_more_columns(tmp_path):
    text = "TIMESTAMP,ContextTokens,GeneratedTokens,NumImages\n" + (
        "2024-05-10 00:00:00.009930+00:00,10,20,0\n2024-05-10 02:00:00+02:00,11,21,3\n"
    )
    trace = read_trace(write(tmp_path / "a.csv", text))
    assert trace.arrival_s.tolist() == [0.0, 0.00993]
    assert trace.prompt_tokens.tolist() == [11, 10]


@pytest.mark.parametrize(
    ("file", "requests", "rate", "prompt", "output"),
    [
        ("azure_llm_2023/AzureLLMInferenceTrace_conv.csv.gz", 19_366, 5.53, 1155, 211),
        ("azure_llm_2023/AzureLLMInferenceTrace_code.csv.gz", 8_819, 2.57, 2048, 28),
        ("mooncake_fast25/conversation_trace.jsonl.gz", 12_031, 3.40, 12_035, 343),
    ],
)
def test_real_traces_have_their_published_figures(file, requests, rate, prompt, output):
    if not (REAL / file).is_file():
        pytest.skip(f"no {file} beside this repository")
    trace = read_trace(str(REAL / file))
    assert len(trace.arrival_s) == requests
    assert trace.mean_rate == pytest.approx(rate, rel=2e-3)
    assert trace.prompt_tokens.mean() == pytest.approx(prompt, abs=0.5)
    assert trace.output_tokens.mean() == pytest.approx(output, abs=0.5)


def test_mooncake_files_are_read_in_milliseconds(tmp_path):
    rows = [
        {"timestamp": 3000, "input_length": 7, "output_length": 5, "hash_ids": [0, 1]},
        {"timestamp": 500, "input_length": 6, "output_length": 4, "hash_ids": []},
    ]
    file = write(tmp_path / "m.jsonl", "\n".join(map(json.dumps, rows)), compressed=True)
    trace = read_trace(file)
    assert trace.arrival_s.tolist() == [0.0, 2.5]
    assert trace.prompt_tokens.tolist() == [6, 7]
    assert trace.output_tokens.tolist() == [4, 5]


def test_failed_requests_are_dropped_and_counted(tmp_path):
    text = (
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
        "Log Type\n5,,1.5,ChatGPT,472,18,490,Conversation log\n"
        "4.5,,,GPT-4,300,0,300,API log\n45,,2,ChatGPT,-1,30,29,API log\n"
        "118,x,4,GPT-4,1087,230,1317,API log\n"
    )
    trace = read_trace(write(tmp_path / "burst.csv", text))
    assert trace.arrival_s.tolist() == [0.0, 113.0]
    assert trace.output_tokens.tolist() == [18, 230]
    assert trace.dropped == 2


def test_rows_are_sorted_by_time_and_ties_keep_their_order(tmp_path):
    rows = "".join(f"{t},{i + 1},1\n" for i, t in enumerate([3, 1, 3, 1, 2]))
    trace = read_trace(write(tmp_path / "a.csv", "t,in,out\n" + rows), OWN)
    assert trace.arrival_s.tolist() == [0, 0, 1, 2, 2]
    assert trace.prompt_tokens.tolist() == [2, 4, 5, 1, 3]


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_numeric_times_are_read_in_their_unit(tmp_path, unit, per_s):
    columns = TraceColumns("t", "in", "out", unit)
    text = "t,in,out\n1700000000000000000,1,2\n1700000000000000123,3,4\n"
    trace = read_trace(write(tmp_path / "a.csv", text), columns)
    assert trace.arrival_s.tolist() == [0.0, 123 / per_s]


def test_parquet_files_are_read_with_any_type_of_column(tmp_path):
    for name, column, unit in [
        ("f", pa.array([1.5, 3.0]), "s"),
        ("i", pa.array([1500, 3000], pa.int32()), "ms"),
        ("d", pa.array([1500, 3000], pa.timestamp("ms")), "datetime"),
        ("z", pa.array([1500, 3000], pa.timestamp("us", "UTC")), "datetime"),
        ("s", pa.array(["2026-01-01 00:00:01.5", "2026-01-01T00:00:03"]), "datetime"),
    ]:
        table = pa.table({"t": column, "in": pa.array([1.0, 2.0]), "out": pa.array([3, 4])})
        pq.write_table(table, tmp_path / name)
        trace = read_trace(str(tmp_path / name), TraceColumns("t", "in", "out", unit))
        scale = 1e-3 if name == "z" else 1.0
        assert trace.arrival_s.tolist() == pytest.approx([0.0, 1.5 * scale])
        assert trace.prompt_tokens.tolist() == [1, 2]


def test_odd_but_readable_files_are_read(tmp_path):
    for text in [
        '\ufefft, in ,out\n"1",2,3\n\n2, 4 ,5.0\n',  # byte-order mark, blanks, quotes, blank line
        't,in,note,out\n1,2,"a\nb",3\n2,4,"c,d",5\n',  # newlines and commas in a quoted text
        '{"t": 1, "in": 2, "out": 3}\n\n{"out": 5, "in": 4.0, "x": [{}], "t": 2.0}\n',
        '\ufeff{"t": 1, "in": 2, "out": 3}\n{"t": 2, "in": "4", "out": 5}',
    ]:
        trace = read_trace(write(tmp_path / "odd", text), OWN)
        assert trace.arrival_s.tolist() == [0.0, 1.0]
        assert trace.prompt_tokens.tolist() == [2, 4]
        assert trace.output_tokens.tolist() == [3, 5]


def test_dates_in_json_lines_are_read(tmp_path):
    rows = '{"t": "2026-01-01 00:00:01", "in": 2, "out": 3}\n' * 2
    columns = TraceColumns("t", "in", "out", "datetime")
    assert read_trace(write(tmp_path / "a", rows), columns).arrival_s.tolist() == [0.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**15), st.integers(-2, 10**6), st.integers(-2, 10**6)),
        min_size=1,
        max_size=30,
    )
)
def test_writing_and_reading_a_trace_is_the_identity(tmp_path_factory, rows):
    file = str(tmp_path_factory.mktemp("trace") / "t.csv")
    write(Path(file), azure_text(*zip(*rows, strict=True)))
    kept = sorted((r for r in rows if r[1] > 0 and r[2] > 0), key=lambda r: r[0])
    if not kept:
        with pytest.raises(TraceError, match=f"none of {len(rows)} rows has both"):
            read_trace(file)
        return
    trace = read_trace(file)
    assert trace.dropped == len(rows) - len(kept)
    assert trace.arrival_s.tolist() == [(r[0] - kept[0][0]) * 100 / 1e9 for r in kept]
    assert trace.prompt_tokens.tolist() == [r[1] for r in kept]
    assert trace.output_tokens.tolist() == [r[2] for r in kept]


# ---------------------------------------------------------------- malformed files

MANY = "".join(f"{i},1,2\n" for i in range(5000))


@pytest.mark.parametrize(
    ("text", "layout", "message"),
    [
        ("", "auto", r"x: the file is empty"),
        ("\n \n", "auto", r"x: the file is empty"),
        (AZURE + "\r\n", "auto", r"x: no rows"),
        ("a,b,c\n1,2,3\n", "auto", r"x: columns a, b, c are of no known trace format"),
        ("t,inn,out\n1,2,3\n", OWN, r"x: no column 'in' \(nearest: 'inn'\)"),
        ("t,in,out,in\n1,2,3,4\n", OWN, r"x: column 'in' is there 2 times"),
        ("TIMESTAMP,GeneratedTokens,contexttokens\n", "azure", r"nearest: 'contexttokens'\)"),
        (f"t,in,out\n{MANY}7,abc,9\n", OWN, r"x:5002: in \('abc'\) must be a whole number"),
        ('t,in,out\n1,"2\n",3\n\n2,,3\n', OWN, r"x:5: in \(''\) must be a whole number"),
        ("t,in,out\n1,2,3\n2,2.5,3\n", OWN, r"x:3: in \('2.5'\) must be a whole number"),
        ("t,in,out\n1,2,3\n2,nan,3\n", OWN, r"x:3: in \('nan'\) must be a whole number"),
        ("t,in,out\n1,2,3\n2,3,3000000000\n", OWN, r"x:3: out \('3000000000'\) must be a whole"),
        ("t,in,out\n1,2,3\n2,3,99999999999999999999\n", OWN, r"x:3: out \('9999999"),
        ("t,in,out\n1,2,3\nsoon,3,4\n", OWN, r"x:3: t \('soon'\) must be a number in s"),
        ("t,in,out\n1,2,3\ninf,3,4\n", OWN, r"x:3: t \('inf'\) must be a number in s"),
        ("t,in,out\n1,2,3\n2,3\n", OWN, r"x:3: 2 fields \('2,3'\), the header has 3"),
        (f"{AZURE}\n2023-11-16 18:15:46,3,4\n2023-13-16 18:15:46,3,4\n", "auto",
         r"x:3: TIMESTAMP \('2023-13-16 18:15:46'\) must be a date and time"),
        (f"{AZURE}\n17,3,4\n", "auto", r"x:2: TIMESTAMP \('17'\) must be a date and time"),
        (f"{AZURE}\n2023-11-16 18:15:46,3,0\n", "auto", r"x: none of 1 rows has both prompt and"),
        ('{"timestamp": 1, "input_length": 2, "output_length": 3}\n\n{"timestamp": 2, "input_l\n',
         "auto", r"""x:3: '\{"timestamp": 2, "input_l' must be a JSON object"""),
        ('{"timestamp": 1, "input_length": 2, "output_length": 3}\n\n{"timestamp": 2}\n',
         "auto", r"x:3: input_length \(None\) must be a whole number"),
        ('{"timestamp": 1, "input_length": 2, "output_length": 3}\n[1]\n', "auto",
         r"x:2: '\[1\]' must be a JSON object"),
        ('{"timestamp": 1, "input_length": true, "output_length": 3}\n', "auto",
         r"x:1: input_length \('True'\) must be a whole number"),
        ('{"timestamp": 1, "input_length": 2, "output_len": 3}\n', "mooncake",
         r"x: no column 'output_length' \(nearest: 'output_len'\)"),
        ("{}\n", OWN, r"x: no columns"),
        ("{" * 100_000, OWN, r"x:1: '\{\{\{"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("compressed", [False, True])
def test_malformed_files_are_refused_with_place_and_value(
    tmp_path, text, layout, message, compressed
):
    file = write(tmp_path / "x", text, compressed)
    with pytest.raises(TraceError, match=message):
        read_trace(file, layout)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(TraceError, match="no such file"):
        read_trace(str(tmp_path / "none.csv"))
    with pytest.raises(TraceError, match="is a folder"):
        read_trace(str(tmp_path))
    (tmp_path / "cut.gz").write_bytes(gzip.compress((AZURE + "\n" + MANY).encode())[:-200])
    with pytest.raises(TraceError, match=r"cut\.gz: cannot be read"):
        read_trace(str(tmp_path / "cut.gz"))
    (tmp_path / "latin.csv").write_bytes("t,in,out,größe\n".encode("latin-1"))
    with pytest.raises(TraceError, match="is not UTF-8 text"):
        read_trace(str(tmp_path / "latin.csv"), OWN)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TraceError, match=r"broken\.parquet: cannot be read"):
        read_trace(str(tmp_path / "broken.parquet"), OWN)


def test_bad_parquet_values_are_refused_with_their_row(tmp_path):
    pq.write_table(pa.table({"t": [1, 2], "in": [3, None], "out": [4, 5]}), tmp_path / "p")
    with pytest.raises(TraceError, match=r"p: row 2: in \(None\) must be a whole number"):
        read_trace(str(tmp_path / "p"), OWN)
    with pytest.raises(TraceError, match=r"p: row 1: t \(1\) must be a date and time"):
        read_trace(str(tmp_path / "p"), TraceColumns("t", "in", "out", "datetime"))


# ---------------------------------------------------------------- replay

rng = np.random.default_rng(1)
TRACE = Trace(
    np.concatenate(([0.0], np.cumsum(rng.integers(0, 4, 999) * 0.7))),
    rng.integers(1, 5000, 1000).astype(np.int32),
    rng.integers(1, 500, 1000).astype(np.int32),
)


def play(source, start_s, end_s, world=0):
    blocks = list(source.blocks("chat", Streams(5, world), start_s, end_s))
    for block in blocks:
        assert 0 < len(block.arrival_s) <= BLOCK_REQUESTS
    if not blocks:
        return [np.empty(0)] * 3
    return [np.concatenate(column) for column in zip(*blocks, strict=True)]


def test_a_trace_played_once_is_the_trace():
    times, prompt, output = play(TraceSource(TRACE), -1000.0, 1e6)
    np.testing.assert_array_equal(times, TRACE.arrival_s)
    np.testing.assert_array_equal(prompt, TRACE.prompt_tokens)
    np.testing.assert_array_equal(output, TRACE.output_tokens)


def test_a_trace_played_twice_as_fast_has_twice_the_rate():
    source = TraceSource(TRACE, rate_scale=2.0)
    times, *_ = play(source, 0.0, 1e6)
    np.testing.assert_array_equal(times, TRACE.arrival_s / 2)
    assert source.mean_rate == pytest.approx(2 * TRACE.mean_rate)
    assert source.span_s == TRACE.span_s / 2


@pytest.mark.parametrize("scale", [1.0, 3.0, 0.1])
def test_a_looped_trace_repeats_every_period_in_both_directions(scale):
    source = TraceSource(TRACE, "loop", rate_scale=scale)
    period = source.period_s
    times, prompt, output = play(source, -2 * period, 3 * period - 1e-6)
    assert len(times) == 5000
    assert (np.diff(times) >= 0).all()
    np.testing.assert_allclose(times.reshape(5, -1) - (np.arange(-2, 3) * period)[:, None],
                               np.tile(TRACE.arrival_s / scale, (5, 1)), atol=1e-8)  # fmt: skip
    assert (prompt.reshape(5, -1) == TRACE.prompt_tokens).all()
    assert (output.reshape(5, -1) == TRACE.output_tokens).all()
    assert len(times) / (5 * period) == pytest.approx(source.mean_rate)


def test_thinning_keeps_the_asked_share_and_each_world_its_own():
    """Binomial, five standard deviations: fails once in 10⁶."""
    source = TraceSource(TRACE, "loop", thin=0.3)
    n = 100 * len(TRACE.arrival_s)
    times, *_ = play(source, 0.0, 100 * source.period_s)
    assert abs(len(times) - 0.3 * n) < 5 * (n * 0.3 * 0.7) ** 0.5
    other, *_ = play(source, 0.0, 100 * source.period_s, world=1)
    assert not np.array_equal(times[:1000], other[:1000])


@settings(max_examples=100, deadline=None)
@given(
    mode=st.sampled_from(["once", "loop"]),
    scale=st.sampled_from([1.0, 3.0, 0.7]),
    thin=st.sampled_from([1.0, 0.4]),
    start_s=st.one_of(st.floats(-9000, 9000), st.integers(-40, 40).map(lambda k: 0.7 * k)),
    length_s=st.one_of(st.floats(0, 9000), st.integers(0, 40).map(lambda k: 0.7 * k)),
)
def test_replayed_requests_do_not_depend_on_the_window(mode, scale, thin, start_s, length_s):
    source = TraceSource(TRACE, mode, scale, thin)
    whole = play(source, -10_000.0, 20_000.0)
    here = slice(*np.searchsorted(whole[0], (start_s, start_s + length_s)))
    for part, column in zip(play(source, start_s, start_s + length_s), whole, strict=True):
        np.testing.assert_array_equal(part, column[here])


@pytest.mark.parametrize("mode", ["once", "loop"])
@pytest.mark.parametrize("scale", [1.0, 3.0, 0.7])
def test_windows_that_begin_and_end_at_an_arrival_lose_no_tie(monkeypatch, mode, scale):
    monkeypatch.setattr("sim.model.trace.BLOCK_REQUESTS", 2)  # ties cross the edges of blocks
    source = TraceSource(TRACE, mode, scale)
    whole, *_ = play(source, -3000.0, 6000.0)
    for instant in np.unique(whole[whole < 5900])[50::17]:
        times, *_ = play(source, instant, instant + 20)
        np.testing.assert_array_equal(times, whole[(whole >= instant) & (whole < instant + 20)])
        times, *_ = play(source, instant - 20, instant)
        np.testing.assert_array_equal(times, whole[(whole >= instant - 20) & (whole < instant)])


def test_a_long_trace_comes_in_bounded_blocks():
    n = 3 * BLOCK_REQUESTS + 5
    ones = np.ones(n, np.int32)
    trace = Trace(np.arange(n) * 0.5, ones, ones)
    assert len(play(TraceSource(trace), -5.0, n)[0]) == n
    assert len(play(TraceSource(trace, "loop"), 0.0, n)[0]) == 2 * n


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: TraceSource(TRACE, "twice"), r"mode \(twice\) must be once or loop"),
        (lambda: TraceSource(TRACE, rate_scale=0), r"rate scale \(0\) must be a finite number"),
        (lambda: TraceSource(TRACE, thin=1.5), r"thin \(1.5\) must be above 0 and at most 1"),
        (
            lambda: TraceSource(Trace(np.zeros(1), np.ones(1), np.ones(1)), "loop"),
            r"trace \(1 requests at one instant\) must last some time",
        ),
        (lambda: Trace(np.zeros(0), np.zeros(0), np.zeros(0)), r"trace \(empty\) must have"),
        (lambda: Trace(np.ones(1), np.ones(1), np.ones(1)), r"must start at 0 and not decrease"),
        (lambda: Trace(np.zeros(1), np.zeros(1), np.ones(1)), r"tokens \(0.0\) must be at least"),
        (lambda: TraceColumns("t", "t", "o"), r"columns \(t, t, o\) must be three"),
        (lambda: TraceColumns("t", "i", "o", "min"), r"unit of time \(min\) must be one of"),
        (lambda: _read_layout("parquet"), r"format \(parquet\) must be auto, azure, mooncake"),
    ],
)
def test_impossible_replays_are_refused_with_subject_value_and_rule(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def _read_layout(layout):
    return read_trace(__file__, layout)
