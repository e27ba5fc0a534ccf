"""``vllm bench serve``: one JSON object a run, or a line a run with ``--append-result``.

Summaries are in milliseconds, lists in seconds (vllm/benchmarks/serve.py). ``start_times`` is when
a request was sent to the server, after it waited ``queue_times`` for the client's own limit, which
is therefore no part of any latency here. Files of older versions have no ``start_times`` and no
``latencies``: then the end of an answer is its first token and the gaps after it.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import Fields
from sim.catalog.benchmarks.findings import speculation
from sim.catalog.benchmarks.loops import load_name
from sim.catalog.benchmarks.requests import FloatArray, request_log
from sim.catalog.benchmarks.summary import by_suffix
from sim.model.measured import (
    ClosedLoop,
    Drive,
    Ended,
    MeasuredRun,
    OpenLoop,
    Remark,
    RequestLog,
    Setup,
    Source,
    Tokens,
)

WORDS = {"ttft_s": "ttft", "tpot_s": "tpot", "itl_s": "itl", "e2e_s": "e2el"}
NO_DETAIL = "the lengths of single requests are not in the file: run with --save-result"


TABLE = ("request_throughput", "total_token_throughput", "total_input_tokens", "mean_ttft_ms")


def recognises_table(document: Document) -> bool:
    """Results made into a table, a row a run, under the names that they have as JSON."""
    return set(TABLE) <= set(document.columns)


def runs_of_table(document: Document) -> Iterator[MeasuredRun]:
    """A run for every row."""
    for index, row in enumerate(document.rows):
        yield vllm_run(Fields(row, document.place(index)), document)


def recognises(document: Document) -> bool:
    """By what no other tool writes."""
    ours = document.has("request_throughput", "total_token_throughput", "total_input_tokens")
    return ours and not document.has("total_output_tokens_retokenized")


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every object."""
    for index, found in enumerate(document.objects):
        yield vllm_run(Fields(found if isinstance(found, dict) else {}, document.place(index)),
                       document)  # fmt: skip


def vllm_run(fields: Fields, document: Document) -> MeasuredRun:
    """One result."""
    completed = fields.count("completed")
    if not completed:
        raise fields.error("completed", "must be at least 1: no request was completed")
    log = _log(fields)
    drive, remarks = _drive(fields, log, completed)
    statistics = by_suffix(fields, WORDS)
    if log is None and not ("ttft_s" in statistics and "tpot_s" in statistics):
        remedy = "run vllm bench serve with --percentile-metrics ttft,tpot,itl,e2el --save-detailed"
        raise fields.missing("mean_ttft_ms and mean_tpot_ms", remedy)
    return MeasuredRun(
        name=load_name(drive.loop),
        source=Source(document.path, document.sha256, "vllm", as_of=fields.day("date")),
        setup=Setup(
            engine=_engine(fields.text("backend") or fields.text("endpoint_type")),
            model=fields.text("model_id"),
        ),
        drive=drive,
        requests=log,
        statistics=statistics,
        completed=completed,
        failed=fields.count("failed"),
        input_tokens=fields.number("total_input_tokens"),
        output_tokens=fields.number("total_output_tokens"),
        output_tokens_per_s=fields.number("output_throughput"),
        requests_per_s=fields.number("request_throughput"),
        remarks=remarks + speculation(_accepted(fields)),
    )


def _accepted(fields: Fields) -> float | None:
    """Tokens a step where the engine speculated."""
    stated = fields.number("spec_decode_acceptance_length")
    if stated is not None:
        return stated
    drafts, accepted = (fields.number(f"spec_decode_{each}")
                        for each in ("num_drafts", "num_accepted_tokens"))  # fmt: skip
    return 1 + (accepted or 0.0) / drafts if drafts else None


def _drive(
    fields: Fields, log: RequestLog | None, completed: int
) -> tuple[Drive, tuple[Remark, ...]]:
    """How it was driven, and what is assumed about it."""
    remarks = []
    requests = fields.count("num_prompts") or completed
    rate, limit = fields.rate("request_rate", finite=False), fields.users("max_concurrency")
    if rate is None and "request_rate" not in fields and limit is None:
        raise fields.missing("request_rate", "which vllm bench serve writes: is the file whole?")
    loop: ClosedLoop | OpenLoop
    if rate is None or math.isinf(rate):
        loop = ClosedLoop(min(limit or requests, requests))
    else:
        shape = fields.rate("burstiness") or 1.0
        loop = OpenLoop(rate, 1 / math.sqrt(shape), limit)
    if fields.text("ramp_up_strategy") and log is None:
        text = "the rate was ramped up, and the file does not say when requests were sent"
        remarks.append(Remark("assumed", f"{text}: run with --save-result --save-detailed"))
    lengths: list[Tokens | None] = [None, None]
    if log is None:
        remarks.append(Remark("assumed", f"{NO_DETAIL} --save-detailed"))
        totals = (fields.number("total_input_tokens"), fields.number("total_output_tokens"))
        lengths = [None if n is None else Tokens("unknown", n / completed) for n in totals]
    drive = Drive(
        loop,
        requests=requests,
        ending="drained",
        length_s=fields.number("duration"),
        warmup_requests=fields.count("num_warmups") or 0,
        prompt_tokens=lengths[0],
        output_tokens=lengths[1],
    )
    return drive, tuple(remarks)


def _log(fields: Fields) -> RequestLog | None:
    """The table of requests of ``--save-detailed``, None without it."""
    inputs = fields.numbers("input_lens")
    if inputs is None or not len(inputs):
        return None
    n = len(inputs)
    outputs, ttfts = (fields.numbers(key, n) for key in ("output_lens", "ttfts"))
    if outputs is None or ttfts is None:
        return None
    gaps, events = gaps_and_events(fields, n)
    ends = fields.numbers("latencies", n)
    if ends is None:
        if gaps is None:
            raise fields.missing("latencies or itls", "run with --save-result --save-detailed")
        ends = ttfts + gaps
    return request_log(
        fields.place,
        sent_s=fields.numbers("start_times", n),
        ttft_s=ttfts,
        e2e_s=ends,
        input_tokens=inputs,
        output_tokens=outputs,
        events=events,
        ended=failures(fields, n, outputs),
    )


def gaps_and_events(fields: Fields, n: int) -> tuple[FloatArray | None, FloatArray | None]:
    """Sums of the gaps between the parts of each answer, and the number of parts.

    The first token ends no gap, so an answer has one part more than gaps.
    """
    lists: Any = fields.entries.get("itls")
    if lists is None:
        return None, None
    if not isinstance(lists, list) or len(lists) != n:
        raise fields.error("itls", f"must be a list of {n} lists")
    one_each = [Fields({"itls": each}, fields.place).numbers("itls") for each in lists]
    gaps = np.array([0.0 if each is None else float(np.nansum(each)) for each in one_each])
    events = np.array([np.nan if each is None else len(each) + 1.0 for each in one_each])
    return gaps, events


def failures(fields: Fields, n: int, outputs: FloatArray) -> list[int]:
    """How each request ended: without an error and with output, or not."""
    errors: Any = fields.entries.get("errors")
    if not isinstance(errors, list) or len(errors) != n:
        errors = [""] * n
    return [
        Ended.FAILED if error or not tokens >= 1 else Ended.COMPLETED
        for error, tokens in zip(errors, outputs, strict=True)
    ]


def _engine(backend: str) -> str:
    """The engine behind a kind of endpoint; empty for one that any engine has."""
    return {"tgi": "tgi", "vllm": "vllm", "sglang": "sglang", "tensorrt-llm": "trtllm"}.get(
        backend, ""
    )
