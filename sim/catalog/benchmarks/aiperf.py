"""NVIDIA's AIPerf and GenAI-Perf: a summary as JSON, and lines of JSON, one a request.

Every value carries its unit. ``inter_token_latency`` is that of a request, (latency - first
token) / (tokens - 1), so a time per output token. Times of requests are in nanoseconds. The lines
do not say how they were driven: read with the summary of their folder they do, alone it is seen
from their times.
"""

import math
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import NS, UNITS, Fields
from sim.catalog.benchmarks.findings import conversation
from sim.catalog.benchmarks.loops import load_name, observed_loop
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import statistics
from sim.errors import MeasurementError
from sim.model.measured import (
    ClosedLoop,
    Drive,
    Ended,
    MeasuredRun,
    OpenLoop,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

METRICS = {
    "ttft_s": "time_to_first_token",
    "tpot_s": "inter_token_latency",
    "e2e_s": "request_latency",
}
SUMMARY = "profile_export_aiperf.json"
LONGEST_COMMAND, DEEPEST = 10_000, 5


def recognises(document: Document) -> bool:
    """A summary: by metrics that carry their unit."""
    latency = document.first.get("request_latency")
    return isinstance(latency, dict) and "unit" in latency and "avg" in latency


def recognises_lines(document: Document) -> bool:
    """Records of requests."""
    metadata = document.first.get("metadata")
    ours = isinstance(metadata, dict) and "request_start_ns" in metadata
    return ours and "metrics" in document.first


def runs(document: Document) -> Iterator[MeasuredRun]:
    """The run of a summary."""
    fields = Fields(document.first, document.path)
    found = {ours: _summary(fields, theirs) for ours, theirs in METRICS.items()}
    summaries = {ours: one for ours, one in found.items() if one is not None}
    if "ttft_s" not in summaries:
        raise fields.missing("time_to_first_token", "run with --streaming")
    options = _options(fields)
    completed = _value(fields, "request_count")
    drive = Drive(
        _loop(options),
        requests=_whole(options.get("request-count") or options.get("num-requests"))
        or _int(completed),
        duration_s=_float(options.get("benchmark-duration")),
        ending="drained",
        length_s=_seconds(fields, "benchmark_duration"),
        prompt_tokens=_tokens(fields, "input_sequence_length"),
        output_tokens=_tokens(fields, "output_sequence_length"),
    )
    loop = drive.loop
    remark = "the lengths of single requests are not in the file: give profile_export.jsonl, too"
    yield MeasuredRun(
        name=load_name(loop),
        source=_source(fields, document),
        setup=Setup(model=_model(fields, options)),
        drive=drive,
        statistics=summaries,
        completed=_int(completed),
        failed=_int(_value(fields, "error_request_count")),
        input_tokens=_value(fields, "total_isl"),
        output_tokens=_value(fields, "total_osl"),
        output_tokens_per_s=_value(fields, "output_token_throughput"),
        requests_per_s=_value(fields, "request_throughput"),
        remarks=(Remark("assumed", remark),),
    )


def runs_of_lines(document: Document) -> Iterator[MeasuredRun]:
    """The run of a file of records."""
    rows, warmup, turns = [], 0, 0
    for index, found in enumerate(document.objects):
        record = Fields(found if isinstance(found, dict) else {}, document.place(index))
        if record.part("metadata").text("benchmark_phase") in ("warmup", "warm_up"):
            warmup += 1
        else:
            rows.append(_row(record))
            turns += bool(record.part("metadata").count("turn_index"))
    if not rows:
        raise MeasurementError(f"{document.path}: no request of the profiling phase")
    columns = np.array([row[:-1] for row in rows], dtype=np.float64).T
    sent, ttft, e2e, inputs, outputs, cached = columns
    log = request_log(
        document.path,
        sent_s=sent,
        ttft_s=ttft,
        e2e_s=e2e,
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=cached,
        ended=[row[-1] for row in rows],
    )
    loop = observed_loop(log)
    text = f"the file does not say how it was driven; its times show {load_name(loop)}"
    yield MeasuredRun(
        name=load_name(loop),
        source=Source(document.path, document.sha256, "aiperf"),
        setup=Setup(),
        drive=Drive(loop, requests=len(log), ending="drained", warmup_requests=warmup),
        requests=log,
        completed=int(log.completed.sum()),
        failed=int((log.ended == Ended.FAILED).sum()),
        remarks=(Remark("assumed", f"{text} (give {SUMMARY}, too)"), *conversation(turns)),
    )


def _row(record: Fields) -> tuple[float, ...]:
    metadata, metrics = record.part("metadata"), record.part("metrics")
    sent = metadata.number("request_start_ns", NS)
    if sent is None:
        raise metadata.missing("request_start_ns")
    failed = (
        record.entries.get("error") is not None or metadata.entries.get("was_cancelled") is True
    )
    counts = [
        _first(_value(metrics, name) for name in names)
        for names in (
            ("input_sequence_length", "error_isl"),
            ("output_sequence_length", "output_token_count"),
            ("usage_prompt_cache_read_tokens", "cached_tokens"),
        )
    ]
    times = [
        _first([_seconds(metrics, name)]) for name in ("time_to_first_token", "request_latency")
    ]
    if not failed and math.isnan(times[0]):
        raise metrics.missing("time_to_first_token", "run with --streaming")
    return sent, *times, *counts, Ended.FAILED if failed else Ended.COMPLETED


def _unit(fields: Fields) -> float:
    """One of a metric's unit, in seconds."""
    name = fields.text("unit").casefold()
    if name not in UNITS:
        raise fields.error("unit", f"must be a unit of time: {', '.join(sorted(set(UNITS)))}")
    return UNITS[name]


def _summary(fields: Fields, name: str) -> Statistics | None:
    """Statistics of a time."""
    one = fields.part(name)
    return statistics(one, _unit(one)) if one.entries else None


def _seconds(fields: Fields, name: str) -> float | None:
    one = fields.part(name)
    if not one.entries:
        return None
    value = one.number("value", _unit(one))
    return one.number("avg", _unit(one)) if value is None else value


def _value(fields: Fields, name: str) -> float | None:
    """A count or a rate."""
    one = fields.part(name)
    value = one.number("value")
    return one.number("avg") if value is None else value


def _tokens(fields: Fields, name: str) -> Tokens | None:
    one = fields.part(name)
    mean = one.number("avg")
    if mean is None:
        return None
    (low, high), sd = one.limits("min", "max"), one.number("std")
    if low is not None and low == high:
        return Tokens("fixed", mean)
    if sd is None or low is None or high is None:
        return Tokens("unknown", mean)
    return Tokens("normal", mean, sd, low, high)


def _options(fields: Fields) -> dict[str, Any]:
    """Options of the run by name, from its configuration and from its command line."""
    config = fields.part("input_config")
    found: dict[str, Any] = {}
    given = config.entries.get("cli_command", fields.entries.get("cli_command"))
    command = given[:LONGEST_COMMAND] if isinstance(given, str) else ""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    for word, after in pairwise([*words, ""]):
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value or after
    return {**_plain_values(config.entries), **found}


def _plain_values(config: Any, depth: int = 0) -> dict[str, Any]:
    """Options anywhere in a configuration, whose layout differs by version; the outermost first.

    What belongs to warming up is left out.
    """
    entries = dict(enumerate(config)) if isinstance(config, list) else config
    found: dict[str, Any] = {}
    if not isinstance(entries, dict) or "warmup" in str(entries.get("name", "")).casefold():
        return found
    inside = {key: value for key, value in entries.items() if "warm" not in str(key).casefold()}
    if depth < DEEPEST:
        for value in inside.values():
            if isinstance(value, (dict, list)):
                found = {**_plain_values(value, depth + 1), **found}
    plain = {
        str(key).replace("_", "-"): value
        for key, value in inside.items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    }
    return {**found, **plain}


def _loop(options: Mapping[str, Any]) -> ClosedLoop | OpenLoop | None:
    users, rate = _whole(options.get("concurrency")), _float(options.get("request-rate"))
    if rate:
        mode = str(options.get("request-rate-mode", options.get("arrival-pattern", "poisson")))
        return OpenLoop(rate, 0.0 if mode == "constant" else 1.0, users)
    return ClosedLoop(users) if users else None


def _model(fields: Fields, options: Mapping[str, Any]) -> str:
    names = fields.part("input_config", "endpoint").entries.get("model_names")
    if names is None:
        names = fields.part("input_config").entries.get("model")
    first = names[0] if isinstance(names, list) and names else options.get("model")
    return Fields({"": first}, fields.place).text("")


def _source(fields: Fields, document: Document) -> Source:
    tool = "aiperf" if "aiperf_version" in fields or "schema_version" in fields else "genai-perf"
    version = fields.text("aiperf_version")
    return Source(document.path, document.sha256, tool, version, fields.day("start_time"))


def _first(values: Any) -> float:
    return next((each for each in values if each is not None), math.nan)


def _float(value: Any) -> float | None:
    return Fields({"": value}, "").number("") if _is_plain(value) else None


def _whole(value: Any) -> int | None:
    found = _float(value)
    return int(found) if found and found < 1e7 and found == int(found) else None


def _is_plain(value: Any) -> bool:
    try:
        return 0 <= float(value) < 1e15
    except (TypeError, ValueError, OverflowError):
        return False


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)
