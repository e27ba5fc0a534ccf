"""SGLang's ``bench_serving``: lines of JSON, one a run, appended to ``--output-file``.

Summaries are in milliseconds, lists (``--output-details``) in seconds. There are no times of
sending, so arrivals of an open loop cannot be rebuilt. Lengths of the random data set are uniform
from ``random_range_ratio`` times the length that was asked for up to that length.
"""

import math
from collections.abc import Iterator

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import Fields
from sim.catalog.benchmarks.findings import speculation
from sim.catalog.benchmarks.loops import load_name
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import by_suffix
from sim.catalog.benchmarks.vllm_bench import failures, gaps_and_events
from sim.model.measured import (
    ClosedLoop,
    Drive,
    MeasuredRun,
    OpenLoop,
    Remark,
    RequestLog,
    Setup,
    Source,
    Tokens,
)

WORDS = {"ttft_s": "ttft", "tpot_s": "tpot", "itl_s": "itl", "e2e_s": "e2e_latency"}


def recognises(document: Document) -> bool:
    """By what no other tool writes."""
    return document.has("total_output_tokens_retokenized", "request_throughput", "duration")


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every line."""
    for index, found in enumerate(document.objects):
        yield _run(
            Fields(found if isinstance(found, dict) else {}, document.place(index)), document
        )


def _run(fields: Fields, document: Document) -> MeasuredRun:
    completed = fields.count("completed")
    if not completed:
        raise fields.error("completed", "must be at least 1: no request was completed")
    log = _log(fields)
    statistics = by_suffix(fields, WORDS)
    if log is None and not ("ttft_s" in statistics and statistics.keys() & {"tpot_s", "itl_s"}):
        raise fields.missing("mean_ttft_ms and mean_tpot_ms", "run with --output-details")
    drive = _drive(fields, log, completed)
    remarks = []
    if log is None and drive.prompt_tokens and drive.prompt_tokens.law == "unknown":
        text = "the lengths of single requests are not in the file: run with --output-details"
        remarks.append(Remark("assumed", text))
    return MeasuredRun(
        name=load_name(drive.loop),
        source=Source(document.path, document.sha256, "sglang", as_of=fields.day("date")),
        setup=Setup(
            engine="sglang" if fields.text("backend").startswith("sglang") else "",
            model=fields.text("model_id") or fields.text("model"),
        ),
        drive=drive,
        requests=log,
        statistics=statistics,
        completed=completed,
        input_tokens=fields.number("total_input_tokens"),
        output_tokens=fields.number("total_output_tokens"),
        output_tokens_per_s=fields.number("output_throughput"),
        requests_per_s=fields.number("request_throughput"),
        remarks=tuple(remarks) + speculation(fields.number("accept_length")),
    )


def _drive(fields: Fields, log: RequestLog | None, completed: int) -> Drive:
    rate, limit = fields.rate("request_rate", finite=False), fields.users("max_concurrency")
    requests = len(log) if log is not None else completed
    loop: ClosedLoop | OpenLoop
    if rate is None or math.isinf(rate):
        loop = ClosedLoop(min(limit or requests, requests))
    else:
        loop = OpenLoop(rate, 1.0, limit)
    totals = (fields.number("total_input_tokens"), fields.number("total_output_tokens"))
    asked = (fields.number("random_input_len"), fields.number("random_output_len"))
    ratio = fields.number("random_range_ratio")
    lengths = [
        _tokens(full, ratio if fields.text("dataset_name").startswith("random") else None, total)
        for full, total in zip(asked, (n and n / completed for n in totals), strict=True)
    ]
    return Drive(
        loop,
        requests=requests,
        ending="drained",
        length_s=fields.number("duration"),
        prompt_tokens=None if log is not None else lengths[0],
        output_tokens=None if log is not None else lengths[1],
    )


def _tokens(full: float | None, ratio: float | None, mean: float | None) -> Tokens | None:
    """Lengths of the random data set, or their mean alone."""
    if full is None or ratio is None or ratio > 1:
        return None if mean is None else Tokens("unknown", mean)
    low = max(math.floor(full * ratio), 1)
    if low >= full:
        return Tokens("fixed", full)
    return Tokens("uniform", (low + full) / 2, (full - low) / math.sqrt(12), low, full)


def _log(fields: Fields) -> RequestLog | None:
    inputs = fields.numbers("input_lens")
    if inputs is None or not len(inputs):
        return None
    n = len(inputs)
    outputs, ttfts = (fields.numbers(key, n) for key in ("output_lens", "ttfts"))
    gaps, events = gaps_and_events(fields, n)
    if outputs is None or ttfts is None or gaps is None:
        return None
    return request_log(
        fields.place,
        sent_s=None,
        ttft_s=ttfts,
        e2e_s=ttfts + gaps,
        input_tokens=inputs,
        output_tokens=outputs,
        events=events,
        ended=failures(fields, n, outputs),
    )
