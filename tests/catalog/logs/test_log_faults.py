"""Logs that were once read wrongly, or not at all: each with what it says, and with siblings."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import FAULTS

from sim.catalog.logs import read_trace
from sim.errors import ScenarioError, TraceError
from sim.scenario import load_scenario

SECONDS = FAULTS / "times_in_seconds"
TRACE = "workloads.chat.arrivals.trace"


def write(path, rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def mooncake(times, prompt=500, **more):
    return [{"timestamp": t, "input_length": prompt, "output_length": 100, **more} for t in times]


# ---------------------------------------------------------------- seconds for milliseconds


def test_fractions_under_keys_of_milliseconds_ask_for_the_unit():
    with pytest.raises(ScenarioError, match=r"0\.478 has a fraction: .* such as unit: s"):
        load_scenario(SECONDS / "scenario.yaml")


def test_with_their_unit_they_are_seconds():
    scenario = load_scenario(SECONDS / "scenario.yaml", [f"{TRACE}.unit=s"])
    assert scenario.model.horizon.duration == pytest.approx(600, abs=2)
    assert scenario.traces["chat"].mean_rate == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    "times",
    [
        range(600),  # one a second
        range(0, 3000, 5),
        range(0, 86_400, 8),  # a day
        [0, 1, 1, 2, 3, 3, 4, 4, 5, 6],
        [t * 1_000_000_000 for t in range(600)],  # nanoseconds: 19 years if milliseconds
    ],
)
def test_whole_numbers_that_make_no_sense_in_milliseconds_ask_for_the_unit(tmp_path, times):
    with pytest.raises(TraceError, match="give the trace its unit"):
        read_trace(write(tmp_path / "x.jsonl", mooncake(times)))


def test_a_burst_in_blocks_of_mooncakes_own_is_one_and_is_said():
    trace = read_trace(str(FAULTS / "unique_prompts" / "unique_long.jsonl"))
    assert trace.span_s == pytest.approx(0.399)
    assert "400 requests within 0.399 s: are their times in another unit?" in trace.origin.remarks


@pytest.mark.parametrize(
    ("times", "span_s", "unit"),
    [
        (range(0, 600_000, 1000), 599, "milliseconds:"),
        ([0, 1500], 1.5, "milliseconds:"),
        ([1_782_900_000 + t for t in range(600)], 599, "seconds since 1970"),
        ([1_782_900_000.5 + t for t in range(600)], 599, "seconds since 1970"),
        ([1_782_900_000_000 + 1000 * t for t in range(600)], 599, "milliseconds since 1970"),
        ([(1_782_900_000 + t) * 10**6 for t in range(600)], 599, "microseconds since 1970"),
        ([(1_782_900_000 + t) * 10**9 for t in range(600)], 599, "nanoseconds since 1970"),
    ],
)
def test_a_unit_that_can_be_told_is_said(tmp_path, times, span_s, unit):
    trace = read_trace(write(tmp_path / "x.jsonl", mooncake(times)))
    assert trace.span_s == pytest.approx(span_s)
    assert f"times are read as {unit}" in trace.origin.remarks[0]
    assert (trace.began is not None) == ("1970" in unit)


def test_epochs_are_said_with_their_dates(tmp_path):
    times = [1_782_900_000_000, 1_782_903_600_000]
    trace = read_trace(write(tmp_path / "x.jsonl", mooncake(times)))
    said = "times are read as milliseconds since 1970: 2026-07-01 10:00 to 11:00"
    assert trace.origin.remarks == (said,)


def test_a_unit_that_is_centuries_off_is_refused(tmp_path):
    file = write(tmp_path / "x.jsonl", mooncake([1_782_900_000_000, 1_782_903_600_000]))
    with pytest.raises(TraceError, match=r"in s these are centuries off \(as ms they are dates"):
        read_trace(file, "auto", {"unit": "s"})


@pytest.mark.parametrize(
    ("times", "odd"),
    [
        ([0.001 * t for t in range(600)], "600 requests within 0.599 s: are their times"),
        ([0, 1000 * 86_400 + 1], "2 requests within 1,000 days: are their times"),
        ([0.5 * t for t in range(600)], None),
    ],
)
def test_spans_that_make_no_sense_are_said(tmp_path, times, odd):
    text = "t,in,out\n" + "".join(f"{t},500,100\n" for t in times)
    (tmp_path / "x.csv").write_text(text)
    found = read_trace(str(tmp_path / "x.csv")).origin.remarks
    assert any(odd in each for each in found) if odd else not any("within" in e for e in found)


# ---------------------------------------------------------------- blocks of other sizes


@pytest.mark.parametrize(("size", "known"), [(512, True), (16, True), (64, True), (16, False)])
def test_blocks_are_as_large_as_their_numbers_say(tmp_path, size, known):
    rng = np.random.default_rng(1)
    rows = []
    for at, prompt in enumerate(rng.integers(700, 3000, 50).tolist()):
        ids = list(range(-(-prompt // size)))[: None if known else 60]
        rows += mooncake([at * 1000], prompt, hash_ids=ids)
    file = write(tmp_path / "x.jsonl", rows)
    if not known:
        with pytest.raises(TraceError, match="hash_ids does not tell how many tokens a block"):
            read_trace(file)
        assert read_trace(file, "auto", {"block_tokens": size}).block_tokens == size
        return
    trace = read_trace(file)
    assert trace.block_tokens == size
    assert any("blocks of hash_ids" in each for each in trace.origin.remarks) == (size != 512)


# ---------------------------------------------------------------- arrays


@pytest.mark.parametrize("name", ["litellm_array.json", "litellm.csv"])
def test_spend_logs_are_read_as_an_array_and_as_a_table(name):
    trace = read_trace(str(FAULTS / "json_array" / name))
    np.testing.assert_allclose(trace.arrival_s[:2], [0, 5.277])
    assert trace.prompt_tokens[:2].tolist() == [800, 1200]
    assert trace.output_tokens[:2].tolist() == [120, 200]
    assert trace.dropped == (name == "litellm.csv")


def test_columns_of_an_array_may_be_named():
    columns = "{timestamp: startTime, prompt_tokens: prompt_tokens, output_tokens: "
    overrides = [
        f"{TRACE}.file=litellm_array.json",
        f"{TRACE}.format=columns",
        f"{TRACE}.columns={columns}completion_tokens, unit: datetime}}",
    ]
    scenario = load_scenario(FAULTS / "json_array" / "scenario.yaml", overrides)
    np.testing.assert_allclose(scenario.traces["chat"].arrival_s, [0, 5.277])


ROWS = [
    {"startTime": f"2026-07-01T10:00:{s:02}Z", "prompt_tokens": 10 + s, "completion_tokens": 5,
     "messages": [{"role": "user", "content": 'a "quoted" \\ {brace, ['}], "metadata": {"k": []}}
    for s in range(30)
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
        "\n".join(map(json.dumps, ROWS)),
        "\n".join(json.dumps(row, indent=1) for row in ROWS),
        "\ufeff" + json.dumps(ROWS),
        json.dumps({"data": ROWS, "meta": {"page": 1}}),
        json.dumps({"total": 30, "result": {"items": ROWS}}, indent=4),
    ],
)
def test_rows_are_the_same_however_the_json_is_laid_out(tmp_path, text):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    trace = read_trace(str(tmp_path / "x.json"))
    assert trace.arrival_s.tolist() == list(range(30))
    assert trace.prompt_tokens.tolist() == list(range(10, 40))


def test_an_array_that_is_cut_is_refused(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(ROWS)[:-1])
    with pytest.raises(TraceError, match="its JSON has no end"):
        read_trace(str(tmp_path / "x.json"))
    (tmp_path / "y.json").write_text("[[1, 2, 3]]")
    with pytest.raises(TraceError):
        read_trace(str(tmp_path / "y.json"))


# ---------------------------------------------------------------- nested keys


def test_keys_within_keys_are_columns_by_dotted_path():
    columns = "{timestamp: timestamp, prompt_tokens: input.inputTokenCount, output_tokens: "
    overrides = [
        f"{TRACE}.file=bedrock.jsonl",
        f"{TRACE}.format=columns",
        f"{TRACE}.columns={columns}output.outputTokenCount, unit: datetime}}",
    ]
    scenario = load_scenario(FAULTS / "nested_keys" / "scenario.yaml", overrides)
    trace = scenario.traces["chat"]
    assert trace.arrival_s.tolist() == [0, 7]
    assert trace.prompt_tokens.tolist() == [1500, 2500]
    assert trace.output_tokens.tolist() == [300, 100]


def test_bedrock_and_opentelemetry_are_known_by_sight():
    trace = read_trace(str(FAULTS / "nested_keys" / "bedrock.jsonl"))
    assert (trace.origin.format, trace.origin.cached_share) == ("bedrock", 1200 / 4000)
    trace = read_trace(str(FAULTS / "nested_keys" / "otel.jsonl"))
    assert trace.origin.format == "otel"
    assert trace.arrival_s.tolist() == [0, 5]
    assert trace.prompt_tokens.tolist() == [900, 1900]
    assert trace.output_tokens.tolist() == [150, 50]


def test_keys_with_dots_and_structures_of_parquet_are_columns(tmp_path):
    given = {"timestamp": "at", "prompt_tokens": "use.in", "output_tokens": "use.out"}
    rows = [{"at": t, "use": {"in": 3, "out": 4}} for t in (1, 2)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p")
    dotted = [{"at": t, "use.in": 3, "use.out": 4} for t in (1, 2)]
    for file in (str(tmp_path / "p"), write(tmp_path / "j", rows), write(tmp_path / "d", dotted)):
        assert read_trace(file, "columns", given).prompt_tokens.tolist() == [3, 3]


# ---------------------------------------------------------------- delays


def test_turns_come_after_the_answers_before():
    scenario = load_scenario(
        FAULTS / "delays_after_answers" / "scenario.yaml", [f"{TRACE}.file=aiperf_mt.jsonl"]
    )
    trace = scenario.traces["chat"]
    assert len(trace.arrival_s) == 4
    assert trace.delay_s[[1, 3]].tolist() == [2.5, 4.0]
    assert trace.arrival_s[[0, 2]].tolist() == [0, 1.5]


def test_turns_of_a_session_on_one_line_are_the_same(tmp_path):
    turns = [
        {"session_id": "a", "turns": [
            {"timestamp": 0, "input_length": 600, "output_length": 40, "hash_ids": [1, 2]},
            {"delay": 2500, "input_length": 300, "output_length": 60, "hash_ids": [1]}]},
        {"session_id": "b", "turns": [
            {"timestamp": 1500, "input_length": 400, "output_length": 20, "hash_ids": [3]},
            {"delay": 4000, "input_length": 450, "output_length": 30, "hash_ids": [3]}]},
    ]  # fmt: skip
    one = read_trace(write(tmp_path / "x.jsonl", turns))
    other = read_trace(str(FAULTS / "delays_after_answers" / "aiperf_mt.jsonl"))
    for name in ("arrival_s", "prompt_tokens", "output_tokens", "session", "delay_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.prefixes.name, other.prefixes.name)


def test_delays_without_a_session_are_told(tmp_path):
    rows = [{"timestamp": 0, "input_length": 9, "output_length": 9},
            {"delay": 2500, "input_length": 9, "output_length": 9}]  # fmt: skip
    with pytest.raises(TraceError, match="1 rows have a delay in place of a timestamp, but no ses"):
        read_trace(write(tmp_path / "x.jsonl", rows))
    named = [{**row, "chat": "a"} for row in rows]
    given = {"session": "chat", "delay": "delay"}
    trace = read_trace(write(tmp_path / "y.jsonl", named), "auto", given)
    assert np.nansum(trace.delay_s) == 2.5
