"""Traces: read exactly, refused with file, line and value, replayed without loss.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import REAL

from sim.catalog.logs import TraceColumns, read_trace
from sim.errors import TraceError
from sim.model import ragged
from sim.model.streams import Streams
from sim.model.trace import BLOCK_REQUESTS, Trace, TraceSource
from sim.model.workload import Prefixes

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
        {"timestamp": 3000, "input_length": 700, "output_length": 5, "hash_ids": [0, 1]},
        {"timestamp": 500, "input_length": 6, "output_length": 4, "hash_ids": []},
    ]
    file = write(tmp_path / "m.jsonl", "\n".join(map(json.dumps, rows)), compressed=True)
    trace = read_trace(file)
    assert trace.arrival_s.tolist() == [0.0, 2.5]
    assert trace.prompt_tokens.tolist() == [6, 700]
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
    assert trace.session.tolist() == [-1, 0]


# ---------------------------------------------------------------- sessions and blocks


def named(trace):
    """Names of the blocks of each prompt."""
    ends = ragged.starts(trace.prefixes.count)
    return [trace.prefixes.name[a:b].tolist() for a, b in itertools.pairwise(ends)]


def mooncake_text(rows):
    keys = ("timestamp", "input_length", "output_length", "hash_ids", "session_id")
    return "\n".join(json.dumps(dict(zip(keys, row, strict=False))) for row in rows)


def test_block_names_of_mooncake_go_with_their_requests(tmp_path):
    rows = [
        (5000, 1030, 7, [40, 41, 42]),
        (1000, 600, 0, [40, 99]),  # failed: its block 99 is nobody's
        (2000, 512, 7, [40]),
        (2000, 100, 7),
        (3000, 513, 7, [7, 40]),
        (4000, 100, 7, None),
    ]
    trace = read_trace(write(tmp_path / "m.jsonl", mooncake_text(rows)))
    assert trace.prompt_tokens.tolist() == [512, 100, 513, 100, 1030]
    assert named(trace) == [[1], [], [0, 1], [], [1, 2, 3]]
    assert (trace.block_tokens, trace.dropped, trace.session) == (512, 1, None)
    assert trace.prefixes.name.dtype == np.int64


def test_names_may_be_any_numbers_of_64_bits(tmp_path):
    rows = [(0, 900, 7, [-(2**63), 2**63 - 1]), (1, 900, 7, [-1, -(2**63)])]
    trace = read_trace(write(tmp_path / "m.jsonl", mooncake_text(rows)))
    assert named(trace) == [[0, 2], [1, 0]]


def test_traces_whose_requests_share_nothing_have_no_names_and_no_sessions(tmp_path):
    rows = [(0, 900, 7, [], ""), (1, 900, 7, [], None), (2, 90, 7)]
    trace = read_trace(write(tmp_path / "m.jsonl", mooncake_text(rows)))
    assert (trace.session, trace.sessions, trace.prefixes, trace.block_tokens) == (None, 0, None, 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", "b", None], [0, 1, 0, -1]),
        ([7, 3, 7, None], [0, 1, 0, -1]),
        ([" x", "x ", "", "y"], [0, 0, -1, 1]),
        ([7, "7", "x", 2.5], [0, 0, 1, 2]),  # of several types, read as text
    ],
)
def test_sessions_are_numbered_as_they_come(tmp_path, values, expected):
    rows = [(time, 9, 9, [], value) for time, value in enumerate(values)]
    trace = read_trace(write(tmp_path / "m.jsonl", mooncake_text(rows)))
    assert trace.session.tolist() == expected
    assert trace.sessions == max(expected) + 1
    text = "when,in,out,who\n" + "".join(f"{t},1,2,{v or ''}\n" for t, v in enumerate(values))
    columns = TraceColumns("when", "in", "out", session="who")
    assert read_trace(write(tmp_path / "s.csv", text), columns).session.tolist() == expected


def test_sessions_and_blocks_of_other_files_are_found_by_their_columns(tmp_path):
    columns = TraceColumns("t", "in", "out", "s", "chat", "blocks", 16)
    for names in (pa.list_(pa.int32()), pa.large_list(pa.int64())):
        table = pa.table(
            {
                "t": [2.0, 1.0],
                "in": [40, 33],
                "out": [3, 4],
                " chat": [5, 6],
                "blocks": pa.array([[9, 8], None], names),
            }
        )
        pq.write_table(table, tmp_path / "p")
        trace = read_trace(str(tmp_path / "p"), columns)
        assert trace.session.tolist() == [1, 0]
        assert named(trace) == [[], [1, 0]]
        assert trace.block_tokens == 16
    rows = '{"t": "2026-01-01", "in": 40, "out": 3, "chat": 1, "blocks": [9, 8]}\n' * 2
    dated = TraceColumns("t", "in", "out", "datetime", "chat", "blocks", 16)
    trace = read_trace(write(tmp_path / "d", rows), dated)
    assert (named(trace), trace.session.tolist()) == ([[1, 0], [1, 0]], [0, 0])


def test_sessions_and_blocks_are_read_whatever_the_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.catalog.logs.json_table.JSON_ROWS", 3)
    rows = [(50 * t, 900, 9, [t % 3, t % 2], f"s{t % 4}") for t in range(10)]
    quick = read_trace(write(tmp_path / "a", mooncake_text(rows)))
    odd = mooncake_text([*rows, (900, "9", "9", [])])  # one text among numbers
    slow = read_trace(write(tmp_path / "b", odd))
    assert named(slow) == [*named(quick), []]
    assert slow.session.tolist() == [*quick.session.tolist(), -1]
    assert quick.session.tolist() == [t % 4 for t in range(10)]
    assert named(quick) == [[t % 3, t % 2] for t in range(10)]


LISTED = TraceColumns("timestamp", "input_length", "output_length", "ms", None, "hash_ids", 512)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"hash_ids": [1, 2, 3]', r"x:2: hash_ids \('3 names'\) must be at most 2, one for each "
                                  r"512 tokens of the prompt \(600\)"),
        ('"hash_ids": [1, null]', r"x:2: hash_ids \('\[1, None\]'\) must be a list"),
        ('"hash_ids": [1, 2.5]', r"x:2: hash_ids \('\[1, 2.5\]'\) must be a list of whole numbers"),
        ('"hash_ids": "1 2"', r"x:2: hash_ids \('1 2'\) must be a list of whole numbers"),
        ('"hash_ids": [99999999999999999999]', r"x:2: hash_ids \('\[9{20}\]'\) must be a list"),
        ('"hash_ids": {"a": 1}', r"x:2: hash_ids \(.*\) must be a list of whole numbers"),
    ],
)  # fmt: skip
def test_wrong_block_names_are_refused_with_their_place(tmp_path, row, message):
    good = '{"timestamp": 1, "input_length": 600, "output_length": 3, "hash_ids": [1]}\n'
    file = write(tmp_path / "x", good + good.replace('"hash_ids": [1]', row))
    with pytest.raises(TraceError, match=message):
        read_trace(file, LISTED)


def test_columns_that_cannot_hold_names_are_refused(tmp_path):
    file = write(tmp_path / "x", "t,in,out,ids\n1,2,3,4\n")
    with pytest.raises(TraceError, match=r"x: a CSV file has no lists, as 'ids' must be"):
        read_trace(file, TraceColumns("t", "in", "out", blocks="ids", block_tokens=16))
    with pytest.raises(TraceError, match=r"x: no column 'who'$"):
        read_trace(file, TraceColumns("t", "in", "out", session="who"))
    table = {"t": [1], "in": [2], "out": [3], "ids": [["a"]]}
    pq.write_table(pa.table(table), tmp_path / "p")
    with pytest.raises(TraceError, match=r"p: row 1: ids \(\"\['a'\]\"\) must be a list of whole"):
        read_trace(
            str(tmp_path / "p"), TraceColumns("t", "in", "out", blocks="ids", block_tokens=9)
        )
    with pytest.raises(TraceError, match=r"p: row 1: ids \('list<.*'\) must be a text or a number"):
        read_trace(str(tmp_path / "p"), TraceColumns("t", "in", "out", session="ids"))


@pytest.mark.parametrize(
    ("file", "blocks", "cached"),
    [("conversation_trace", 182_790, 0.3734), ("synthetic_trace", 43_924, 0.6504)],
)
def test_blocks_of_real_traces_are_shared_as_published(file, blocks, cached):
    """Share of the prompt tokens that a cache without limit would hold, by whole blocks."""
    path = REAL / "mooncake_fast25" / f"{file}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no {path} beside this repository")
    trace = read_trace(str(path))
    assert trace.prefixes.name.max() + 1 == blocks
    np.testing.assert_array_equal(trace.prefixes.count, -(-trace.prompt_tokens // 512))
    seen, hits = set(), 0
    for names, prompt in zip(named(trace), trace.prompt_tokens.tolist(), strict=True):
        whole = names[: prompt // 512]
        present = [name in seen for name in whole]
        hits += present.index(False) if False in present else len(present)
        seen.update(names)
    assert 512 * hits / trace.prompt_tokens.sum() == pytest.approx(cached, abs=1e-4)


def test_rows_are_sorted_by_time_and_ties_keep_their_order(tmp_path):
    rows = "".join(f"{t},{i + 1},1\n" for i, t in enumerate([3, 1, 3, 1, 2]))
    trace = read_trace(write(tmp_path / "a.csv", "t,in,out\n" + rows), OWN)
    assert trace.arrival_s.tolist() == [0, 0, 1, 2, 2]
    assert trace.prompt_tokens.tolist() == [2, 4, 5, 1, 3]


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_numeric_times_are_read_in_their_unit(tmp_path, unit, per_s):
    columns = TraceColumns("t", "in", "out", unit)
    text = f"t,in,out\n{int(1_700_000_000 * per_s)},1,2\n{int(1_700_000_000 * per_s) + 123},3,4\n"
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
        ("a,b,c\n1,2,3\n", "auto", r"x: is of no known trace format"),
        ("t,inn,out\n1,2,3\n", OWN, r"x: no column 'in' \(nearest: 'inn'\)"),
        ("t,in,out,in\n1,2,3,4\n", OWN, r"x: column 'in' is there 2 times"),
        ("TIMESTAMP,GeneratedTokens,contexttokens\n", "azure", r"nearest: 'contexttokens'\)"),
        (f"t,in,out\n{MANY}7,abc,9\n", OWN, r"x:5002: in \('abc'\) must be a whole number"),
        ("t,in,out\n1,2,3\n2,2.5,3\n", OWN, r"x:3: in \('2.5'\) must be a whole number"),
        ("t,in,out\n1,2,3\n2,3,3000000000\n", OWN, r"x:3: out \('3000000000'\) must be a whole"),
        ("t,in,out\n1,2,3\n2,3,99999999999999999999\n", OWN, r"x:3: out \('9999999"),
        ("t,in,out\n1,2,3\nsoon,3,4\n", OWN, r"x:3: t \('soon'\) must be a number; give the unit"),
        ("t,in,out\n1,2,3\ninf,3,4\n", OWN, r"x:3: t \('inf'\) must be a number; give the unit"),
        ("t,in,out\n1,2,3\n2,3\n", OWN, r"x:3: 2 fields, the header has 3"),
        (f"{AZURE}\n2023-11-16 18:15:46,3,4\n2023-13-16 18:15:46,3,4\n", "auto",
         r"x:3: TIMESTAMP \('2023-13-16 18:15:46'\) must be a date and time"),
        (f"{AZURE}\n17,3,4\n", "auto", r"x:2: TIMESTAMP \('17'\) must be a date and time"),
        (f"{AZURE}\n2023-11-16 18:15:46,3,0\n", "auto", r"x: none of 1 rows has both prompt and"),
        ('{"timestamp": 1, "input_length": 2, "output_length": 3}\n\n{"timestamp": 2, "input_l\n',
         "auto", "x:3: is not a JSON object$"),
        ('{"timestamp": 1, "input_length": 2, "output_length": 3}\n[1]\n', "auto",
         "x:2: is not a JSON object$"),
        ('{"timestamp": 1, "input_length": true, "output_length": 3}\n', "auto",
         r"x:1: input_length \('True'\) must be a whole number"),
        ('{"timestamp": 1, "input_length": 2, "output_len": 3}\n', "mooncake",
         r"x: no column 'output_length' \(nearest: 'output_len'\)"),
        ("{}\n", OWN, r"x: no columns"),
        ("{" * 100_000, OWN, "x:1: is not a JSON object$"),
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
    with pytest.raises(TraceError, match="is a directory"):
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
    assert read_trace(str(tmp_path / "p"), OWN).dropped == 1
    pq.write_table(pa.table({"t": [1, 2], "in": [3, 2.5], "out": [4, 5]}), tmp_path / "q")
    with pytest.raises(TraceError, match=r"q: row 2: in \(2.5\) must be a whole number"):
        read_trace(str(tmp_path / "q"), OWN)
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
    return [np.concatenate(column) for column in zip(*(block[:3] for block in blocks), strict=True)]


def test_a_trace_played_once_is_the_trace():
    times, prompt, output = play(TraceSource(TRACE), -1000.0, 1e6)
    np.testing.assert_array_equal(times, TRACE.arrival_s)
    np.testing.assert_array_equal(prompt, TRACE.prompt_tokens)
    np.testing.assert_array_equal(output, TRACE.output_tokens)


def test_a_trace_played_twice_as_fast_has_twice_the_rate():
    source = TraceSource(TRACE, speed=2.0)
    times, *_ = play(source, 0.0, 1e6)
    np.testing.assert_array_equal(times, TRACE.arrival_s / 2)
    assert source.mean_rate == pytest.approx(2 * TRACE.mean_rate)
    assert source.span_s == TRACE.span_s / 2


@pytest.mark.parametrize("scale", [1.0, 3.0, 0.1])
def test_a_looped_trace_repeats_every_period_in_both_directions(scale):
    source = TraceSource(TRACE, "loop", speed=scale)
    period = source.period_s
    times, prompt, output = play(source, -2 * period, 3 * period - 1e-6)
    assert len(times) == 5000
    assert (np.diff(times) >= 0).all()
    np.testing.assert_allclose(times.reshape(5, -1) - (np.arange(-2, 3) * period)[:, None],
                               np.tile(TRACE.arrival_s / scale, (5, 1)), atol=1e-8)  # fmt: skip
    assert (prompt.reshape(5, -1) == TRACE.prompt_tokens).all()
    assert (output.reshape(5, -1) == TRACE.output_tokens).all()
    assert len(times) / (5 * period) == pytest.approx(source.mean_rate)


SHARED = Trace(
    np.array([0.0, 1.0, 1.0, 3.0]),
    np.full(4, 2000, np.int32),
    np.ones(4, np.int32),
    session=np.array([1, -1, 0, 1]),
    prefixes=Prefixes(np.array([2, 0, 3, 1], np.int32), np.array([0, 1, 0, 1, 2, 3])),
    block_tokens=512,
)


def test_a_looped_trace_has_new_sessions_but_the_same_prompts_each_time():
    source = TraceSource(SHARED, "loop")
    blocks = list(source.blocks("chat", Streams(0, 0), -2 * source.period_s, 2 * source.period_s))
    session = np.concatenate([block.session for block in blocks])
    assert session.reshape(4, 4).tolist() == [
        [7, -1, 6, 7], [3, -1, 2, 3], [1, -1, 0, 1], [5, -1, 4, 5]
    ]  # fmt: skip
    assert all(block.chains is None for block in blocks)
    prefixes = ragged.joined([block.prefixes for block in blocks])
    assert prefixes.count.tolist() == [2, 0, 3, 1] * 4
    assert prefixes.name.tolist() == [0, 1, 0, 1, 2, 3] * 4


def test_thinning_keeps_sessions_and_blocks_with_their_requests():
    source = TraceSource(SHARED, "loop", thin=0.5)
    kept = {0.0: (1, 2), 1.0: None, 3.0: (1, 1)}
    (block,) = source.blocks("chat", Streams(0, 0), 0, 100)
    rest_s = np.round(block.arrival_s % source.period_s, 9)
    rows = zip(rest_s.tolist(), (block.session % 2).tolist(), block.prefixes.count, strict=True)
    seen = set()
    for time_s, session, count in rows:
        seen.add((time_s, int(count)))
        assert kept[time_s] in (None, (session, count))
        assert time_s != 1.0 or count in (0, 3)
    assert seen == {(0.0, 2), (1.0, 0), (1.0, 3), (3.0, 1)}
    assert block.prefixes.count.sum() == len(block.prefixes.name)


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
    for instant in np.unique(whole[whole < 5900])[50::211]:
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
        (lambda: TraceColumns("t", "i", "o", session="i"), r"columns \(t, i, o, i\) must be diff"),
        (
            lambda: TraceColumns("t", "i", "o", blocks="b", block_tokens=-1),
            r"block tokens \(-1\) must be at least 0, and 0 where there is no column of blocks",
        ),
        (
            lambda: TraceColumns("t", "i", "o", block_tokens=16),
            r"block tokens \(16\) must be at least 0, and 0 where there is no column of blocks",
        ),
        (
            lambda: Trace(np.zeros(1), np.ones(1), np.ones(1), block_tokens=16),
            r"block tokens \(16\) must be at least 1 where blocks have names, else 0",
        ),
        (
            lambda: Trace(np.zeros(1), np.ones(1), np.ones(1), session=np.zeros(2, int)),
            r"columns of a trace \(\[1, 2\]\) must be equally long",
        ),
        (lambda: TraceColumns("t", "i", "o", "min"), r"unit of time \(min\) must be one of"),
        (
            lambda: _read_layout("parquet"),
            r"format \(parquet\) must be auto, azure, bailian, mooncake",
        ),
    ],
)
def test_impossible_replays_are_refused_with_subject_value_and_rule(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def _read_layout(layout):
    return read_trace(__file__, layout)
