"""Readers of tools' logs: a log as each writes it, with what it says, in a sibling's dress too."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import (
    BAILIAN,
    ENVOY,
    HELICONE,
    LANGFUSE,
    LITELLM,
    NGINX,
    lines,
    span,
    table,
)

from sim.catalog.logs import FORMATS, NAMES, read_trace
from sim.errors import TraceError


def read(tmp_path, text, layout="auto", **given):
    (tmp_path / "log").write_text(text, encoding="utf-8", newline="")
    return read_trace(str(tmp_path / "log"), layout, given)


def says(trace, name, arrival_s, prompt, output, session=None, cached=None):
    assert trace.origin.format == name
    np.testing.assert_allclose(trace.arrival_s, arrival_s, atol=1e-6)
    assert trace.prompt_tokens.tolist() == prompt
    assert trace.output_tokens.tolist() == output
    found = None if trace.session is None else trace.session.tolist()
    assert found == session
    if cached is None:
        assert np.isnan(trace.origin.cached_share)
    else:
        assert trace.origin.cached_share == pytest.approx(cached)


def test_bailian_has_seconds_blocks_of_16_and_chains_of_chats(tmp_path):
    trace = read(tmp_path, lines(*BAILIAN))
    says(trace, "bailian", [0, 0.5, 59.75, 60.5], [40, 20, 70, 80], [9, 8, 7, 7], [0, 1, 0, 0])
    assert trace.block_tokens == 16


def test_litellm(tmp_path):
    trace = read(tmp_path, json.dumps(LITELLM))
    says(trace, "litellm", [0, 2.5], [90, 60], [9, 6], [0, 1], 30 / 150)
    assert trace.origin.skipped == (("without prompt or output tokens", 1),)
    flat = [{**row, "metadata": json.dumps(row["metadata"])} for row in LITELLM]
    says(read(tmp_path, table(flat)), "litellm", [0, 2.5], [90, 60], [9, 6], [0, 1], 30 / 150)


def test_langfuse_leaves_cached_tokens_out_of_its_input(tmp_path):
    for text in (json.dumps(LANGFUSE), lines(*LANGFUSE), json.dumps({"data": LANGFUSE})):
        trace = read(tmp_path, text)
        says(trace, "langfuse", [0, 1], [400, 100], [20, 10], [0, -1], 300 / 500)
        assert trace.dropped == 1


@pytest.mark.parametrize(
    "row",
    [
        {"trace_id": "t", "start_time": "2026-07-01 10:00:00.000000", "usage_details":
            {"input": 7, "output": 3}},
        {"traceId": "t", "startTime": "2026-07-01T10:00:00Z", "usage":
            {"input": 7, "output": 3, "unit": "TOKENS"}},
        {"traceId": "t", "startTime": "2026-07-01T10:00:00Z", "promptTokens": 7,
         "completionTokens": 3},
        {"traceId": "t", "startTime": "2026-07-01T10:00:00Z", "inputUsage": 7, "outputUsage": 3},
    ],
)  # fmt: skip
def test_langfuse_of_other_versions(tmp_path, row):
    says(read(tmp_path, lines(row)), "langfuse", [0], [7], [3])
    flat = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()}
    says(read(tmp_path, table([flat])), "langfuse", [0], [7], [3])


def test_helicone(tmp_path):
    for text in (json.dumps({"data": HELICONE, "error": None}), lines(*HELICONE)):
        says(read(tmp_path, text), "helicone", [0, 9], [50, 30], [5, 3], [0, -1], 10 / 80)
    flat = [{k: v for k, v in row.items() if k != "request_properties"} for row in HELICONE]
    says(read(tmp_path, table(flat)), "helicone", [0, 9], [50, 30], [5, 3], None, 10 / 80)


def test_opentelemetry_in_groups_as_collectors_write_it(tmp_path):
    second = 10**9
    start = 1_782_900_000 * second
    spans = [
        span(start, 900, 90, **{"gen_ai.conversation.id": "c"}),
        span(start, None, None),  # an HTTP call
        span(start, 5000, 500, **{"gen_ai.operation.name": "invoke_agent"}),  # a sum
        span(start + 2 * second, 300, 30, **{"gen_ai.usage.cache_read.input_tokens": 120}),
    ]
    group = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}
    for text in (lines(group), json.dumps(group, indent=1), lines(group, {"resourceSpans": []})):
        trace = read(tmp_path, text)
        says(trace, "otel", [0, 2], [900, 300], [90, 30], [0, -1], 0.1)
        assert trace.dropped == 2
        assert "nanoseconds since 1970: 2026-07-01 10:00" in trace.origin.remarks[0]


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("written", [str, int])
def test_spans_are_the_same_a_column_at_a_time_and_one_by_one(tmp_path, grouped, written):
    rng = np.random.default_rng(5)
    names = ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"]
    spans = []
    for at in range(60):
        tokens = {name: written(rng.integers(1, 900)) for name in names if rng.random() < 0.6}
        tokens |= {"gen_ai.conversation.id": f"c{at % 7}"} if at % 3 else {}
        tokens |= {"gen_ai.operation.name": "invoke_agent"} if at % 10 == 9 else {}
        spans.append(span(written(10**18 + at * 10**9), None, written(5), **tokens))
        spans[-1]["startTimeUnixNano"] = written(10**18 + at * 10**9)
    objects = spans
    if grouped:
        objects = [
            {"resourceSpans": [{"scopeSpans": [{"spans": spans[i : i + 2]}, {"spans": []}]}]}
            for i in range(0, 60, 2)
        ]
    quick = read(tmp_path, lines(*objects))
    other = {"startTimeUnixNano": str(2 * 10**18), "attributes": {"a": 1}}  # of an SDK
    slow = read(tmp_path, lines(*objects, other))
    assert slow.dropped == quick.dropped + 1
    for name in ("arrival_s", "prompt_tokens", "output_tokens", "session"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name))


def test_opentelemetry_of_sdks_and_other_conventions(tmp_path):
    rows = [
        {"name": "chat", "start_time": "2026-07-01T10:00:00.000000Z",
         "attributes": {"llm.token_count.prompt": 12, "llm.token_count.completion": 3}},
        {"name": "chat", "start_time": "2026-07-01T10:00:01.500000Z",
         "attributes": {"gen_ai.usage.prompt_tokens": 14, "gen_ai.usage.completion_tokens": 4}},
    ]  # fmt: skip
    says(read(tmp_path, lines(*rows)), "otel", [0, 1.5], [12, 14], [3, 4])


@pytest.mark.parametrize("line", [NGINX, ENVOY])
@pytest.mark.parametrize(
    "tail",
    [' prompt_tokens={} completion_tokens="{}"', " {} {}", " rt=0.5 in_tokens={} out_tokens={}"],
)
def test_access_logs_with_tokens_by_name_or_at_the_end(tmp_path, line, tail):
    rows = [("10:00:00", 12, 3), ("10:00:05", "-", "-"), ("10:01:00", 15, 4)]
    text = "\n".join(line.format(at) + tail.format(*tokens) for at, *tokens in rows) + "\n"
    trace = read(tmp_path, text)
    says(trace, "usage", [0, 60], [12, 15], [3, 4])
    assert trace.origin.kind == "access log"
    assert trace.began.hour == (8 if line is NGINX else 10)
    assert any("taken" in each for each in trace.origin.remarks)


@pytest.mark.parametrize(
    "row",
    [
        {"time_iso8601": "2026-07-01T10:00:00+02:00", "status": 200, "prompt_tokens": "7",
         "completion_tokens": "3"},
        {"start_time": "2026-07-01T10:00:00.1Z", "llm_input_token": 7, "llm_output_token": 3},
        {"msec": "1782900000.123", "input_tokens": 7, "output_tokens": 3},
        {"created_at": "2026-07-01 10:00:00", "tokens_in": 7, "tokens_out": 3},
        {"ts": 1782900000, "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
        {"Start Time": "2026-07-01 10:00:00", "Prompt Tokens": 7, "Completion Tokens": 3},
    ],
)  # fmt: skip
def test_tables_with_usual_names_say_which_were_taken(tmp_path, row):
    trace = read(tmp_path, lines(row))
    says(trace, "usage", [0], [7], [3])
    assert "columns taken by their names" in trace.origin.remarks[-1]
    if "usage" not in row:
        says(read(tmp_path, table([row])), "usage", [0], [7], [3])


def test_tokens_from_a_cache_that_stand_apart_are_of_the_prompt(tmp_path):
    usage = {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30,
             "output_tokens": 5}  # fmt: skip
    row = {"timestamp": "2026-07-01T10:00:00Z", "usage": usage}
    says(read(tmp_path, lines(row)), "usage", [0], [100], [5], None, 0.6)


def test_servegen_and_burstgpt(tmp_path):
    rows = [{"request_id": i, "timestamp": 0.5 * i, "data": {"input_tokens": 9, "output_tokens": 2}}
            for i in range(3)]  # fmt: skip
    for text in (lines(*rows), json.dumps(rows)):
        says(read(tmp_path, text), "servegen", [0, 0.5, 1], [9] * 3, [2] * 3)
    text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,m,9,2,11,x\n"
    says(read(tmp_path, text), "burstgpt", [0], [9], [2])


def test_requests_of_a_benchmark_with_times(tmp_path):
    rows = [
        {"metadata": {"request_start_ns": int((1_782_900_000 + t) * 1e9),
                      "request_end_ns": int((1_782_900_001 + t) * 1e9), "worker_id": "w",
                      "benchmark_phase": "profiling", "was_cancelled": False},
         "metrics": {"request_latency": {"value": 900, "unit": "ms"},
                     "time_to_first_token": {"value": 50, "unit": "ms"},
                     "input_sequence_length": {"value": 100 + t, "unit": "tokens"},
                     "output_sequence_length": {"value": 20, "unit": "tokens"}},
         "error": None}
        for t in range(3)
    ]  # fmt: skip
    trace = read(tmp_path, lines(*rows))
    assert trace.origin.kind == "benchmark"
    np.testing.assert_allclose(trace.arrival_s, [0, 1, 2])
    assert trace.prompt_tokens.tolist() == [100, 101, 102]


# ---------------------------------------------------------------- how tables are written

TIMES = ["2026-07-01 10:00:00", "2026-07-01 10:00:30", "2026-07-01 10:01:00"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path, separator):
    rows = [{"time": at, "prompt_tokens": 7, "output_tokens": 3} for at in TIMES]
    says(read(tmp_path, table(rows, separator)), "usage", [0, 30, 60], [7] * 3, [3] * 3)
    excel = f"sep={separator}\r\n" + table(rows, separator)
    says(read(tmp_path, excel), "usage", [0, 30, 60], [7] * 3, [3] * 3)


def test_decimal_commas_beside_semicolons_and_thousands_beside_commas(tmp_path):
    text = "t;in;out\n0,5;1000;20,0\n2,25;900;3\n"
    says(read(tmp_path, text), "usage", [0, 1.75], [1000, 900], [20, 3])
    text = 't,in,out\n0.5,"1,000",20\n2.25,900,"1,200,300"\n'
    says(read(tmp_path, text), "usage", [0, 1.75], [1000, 900], [20, 1_200_300])
    with pytest.raises(TraceError, match=r"log:2: in \('1.234'\) must be a whole number"):
        read(tmp_path, "t;in;out\n0,5;1.234;20\n")


@pytest.mark.parametrize(
    "written",
    [
        ["2026-07-01T10:00:00Z", "2026-07-01T10:00:30Z"],
        ["2026-07-01T12:00:00+02:00", "2026-07-01T10:00:30Z"],
        ["2026-07-01 10:00:00.000+00", "2026-07-01 10:00:30.000+00"],
        ["2026-07-01 10:00:00 UTC", "2026-07-01 10:00:30 UTC"],
        ["2026-07-01 12:00:00 +0200", "2026-07-01 12:00:30 +0200"],
        ["2026-07-01 10:00:00,000", "2026-07-01 10:00:30,000"],
        ["2026/07/01 10:00:00", "2026/07/01 10:00:30"],
        ["01/Jul/2026:12:00:00 +0200", "01/Jul/2026:12:00:30 +0200"],
        ["01.07.2026 10:00:00", "01.07.2026 10:00:30"],
        ["1.7.2026 10:00:00", "1.7.2026 10:00:30"],
        ["1782900000", "1782900030"],
        ["1782900000.000", "1782900030.000"],
        ["1782900000000", "1782900030000"],
    ],
)
def test_dates_as_logs_write_them(tmp_path, written):
    rows = [{"time": at, "prompt_tokens": 7, "output_tokens": 3} for at in written]
    for text in (table(rows, ";"), lines(*rows)):
        trace = read(tmp_path, text)
        says(trace, "usage", [0, 30], [7, 7], [3, 3])
        assert (trace.began.day, trace.began.hour) == (1, 10)


def test_days_and_months_with_slashes_are_told_by_a_day_above_twelve(tmp_path):
    head = "time,prompt_tokens,output_tokens\n"
    for first, second in (
        ("7/1/2026 10:00", "7/13/2026 10:00"),
        ("1/7/2026 10:00", "13/7/2026 10:00"),
    ):
        trace = read(tmp_path, f"{head}{first},7,3\n{second},7,3\n")
        assert trace.span_s == 12 * 86_400
        assert trace.began.month == 7
    with pytest.raises(TraceError, match="must be a date and time such as 2026"):
        read(tmp_path, f"{head}7/1/2026 10:00,7,3\n8/1/2026 10:00,7,3\n")


@pytest.mark.parametrize("blank", ["", " ", "-", "null", "NaN", "N/A", "\\N"])
def test_blank_cells_are_left_out_and_counted(tmp_path, blank):
    rows = [{"time": at, "prompt_tokens": 7, "output_tokens": 3} for at in TIMES]
    rows[1]["prompt_tokens"] = blank
    trace = read(tmp_path, table(rows))
    says(trace, "usage", [0, 60], [7, 7], [3, 3])
    assert trace.origin.skipped == (("without prompt or output tokens", 1),)
    rows[1] |= {"prompt_tokens": 7, "time": blank}
    assert read(tmp_path, table(rows)).origin.skipped == (("without a time", 1),)


def test_parquet_of_any_tool(tmp_path):
    pq.write_table(pa.Table.from_pylist(LITELLM), tmp_path / "p")
    says(read_trace(str(tmp_path / "p")), "litellm", [0, 2.5], [90, 60], [9, 6], [0, 1], 0.2)


def test_a_part_of_the_columns_may_be_named(tmp_path):
    rows = [{"timestamp": 0, "input_length": 9, "output_length": 2, "user": "a"},
            {"timestamp": 9000, "input_length": 9, "output_length": 2, "user": "a"}]  # fmt: skip
    says(read(tmp_path, lines(*rows), session="user"), "mooncake", [0, 9], [9, 9], [2, 2], [0, 0])
    with pytest.raises(TraceError, match="no column 'usr'"):
        read(tmp_path, lines(*rows), session="usr")


def test_formats_are_named_without_their_readers():
    assert tuple(FORMATS) == NAMES


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_a_file_is_not_of_is_one_error(tmp_path, name):
    with pytest.raises(TraceError):
        read(tmp_path, "a,b,c\n1,2,3\n", name)
    with pytest.raises(TraceError):
        read(tmp_path, '{"a": 1}\n{"a": 2}\n', name)
