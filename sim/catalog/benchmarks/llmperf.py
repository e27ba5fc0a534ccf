"""LLMPerf: a flat summary, and a list of single responses; all in seconds.

What it calls inter-token latency is the whole latency over all tokens, the first among them: the
normalised time per output token. Output is counted with the tokenizer of Llama whatever the model.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import Fields, S
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import statistics, time_per_token
from sim.errors import MeasurementError
from sim.model.measured import (
    ClosedLoop,
    Drive,
    Ended,
    MeasuredRun,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

METRICS = {
    "ttft_s": "ttft_s",
    "ntpot_s": "inter_token_latency_s",
    "e2e_s": "end_to_end_latency_s",
}
STATISTICS = ("quantiles_p25", "quantiles_p50", "quantiles_p75", "quantiles_p90", "quantiles_p95")
COUNTED = "output is counted with the tokenizer of Llama, whatever the model"


def recognises(document: Document) -> bool:
    """A summary."""
    return document.has("num_concurrent_requests", "results_ttft_s_mean")


def recognises_responses(document: Document) -> bool:
    """A list of single responses."""
    found = document.objects[0] if len(document.objects) == 1 else None
    first = found[0] if isinstance(found, list) and found else None
    return (
        isinstance(first, dict) and {"end_to_end_latency_s", "number_output_tokens"} <= first.keys()
    )


def runs(document: Document) -> Iterator[MeasuredRun]:
    """The run of a summary."""
    fields = Fields(document.first, document.path)
    users = fields.users("num_concurrent_requests")
    if users is None:
        raise fields.missing("num_concurrent_requests")
    found = {ours: _statistics(fields, theirs) for ours, theirs in METRICS.items()}
    summaries = {ours: one for ours, one in found.items() if one is not None}
    counts = [fields.number(f"results_number_{which}_tokens_mean") for which in ("input", "output")]
    if not summaries.keys() >= {"ttft_s", "e2e_s"} or None in counts:
        raise fields.missing("results_ttft_s, results_end_to_end_latency_s or their tokens")
    inputs, outputs = (count or 0.0 for count in counts)
    means = summaries["ttft_s"], summaries["e2e_s"]
    summaries |= time_per_token(fields.place, *means, outputs)
    per_minute = fields.number("results_num_completed_requests_per_min")
    yield MeasuredRun(
        name=f"c{users}",
        source=Source(document.path, document.sha256, "llmperf", as_of=fields.day("timestamp")),
        setup=Setup(model=fields.text("model")),
        drive=Drive(
            ClosedLoop(users),
            requests=fields.count("results_num_requests_started"),
            ending="drained",
            prompt_tokens=_tokens(fields, "input", inputs),
            output_tokens=_tokens(fields, "output", outputs),
        ),
        statistics=summaries,
        completed=fields.count("results_num_completed_requests"),
        failed=fields.count("results_number_errors"),
        output_tokens_per_s=fields.number("results_mean_output_throughput_token_per_s"),
        requests_per_s=None if per_minute is None else per_minute / 60,
        remarks=(Remark("assumed", COUNTED),),
    )


def _statistics(fields: Fields, name: str) -> Statistics | None:
    before = f"results_{name}_"
    values: dict[str, Any] = {
        key[len(before) :].removeprefix("quantiles_"): value
        for key, value in fields.entries.items()
        if isinstance(key, str) and key.startswith(before)
    }
    return statistics(Fields(values, f"{fields.place}: {before}"), S)


def _tokens(fields: Fields, which: str, mean: float) -> Tokens:
    """Lengths as counted; normally distributed as LLMPerf draws them."""
    sd = fields.number(f"results_number_{which}_tokens_stddev")
    if sd is None:
        return Tokens("unknown", mean)
    return Tokens("normal", mean, sd) if sd else Tokens("fixed", mean)


def runs_of_responses(document: Document) -> Iterator[MeasuredRun]:
    """Single responses, which say neither when they were sent nor beside how many."""
    rows = []
    for index, found in enumerate(document.objects[0]):
        one = Fields(found if isinstance(found, dict) else {}, f"{document.path}: [{index}]")
        failed = "error_code" in one and one.entries.get("error_code") not in ("", 0)
        names = ("ttft_s", "end_to_end_latency_s", "number_input_tokens", "number_output_tokens")
        values = [one.number(name) for name in names]
        ended = Ended.FAILED if failed else Ended.COMPLETED
        rows.append((*(math.nan if each is None else each for each in values), ended))
    if not rows:
        raise MeasurementError(f"{document.path}: has no responses")
    columns = np.array([row[:-1] for row in rows], dtype=np.float64).T
    ttft, e2e, inputs, outputs = columns
    log = request_log(
        document.path,
        sent_s=None,
        ttft_s=ttft,
        e2e_s=e2e,
        input_tokens=inputs,
        output_tokens=outputs,
        ended=[row[-1] for row in rows],
    )
    text = "the file says neither when requests were sent nor how many at once: give the summary"
    yield MeasuredRun(
        name="responses",
        source=Source(document.path, document.sha256, "llmperf"),
        setup=Setup(),
        drive=Drive(None, requests=len(log), ending="drained"),
        requests=log,
        completed=int(log.completed.sum()),
        failed=int((log.ended == Ended.FAILED).sum()),
        remarks=(Remark("assumed", COUNTED), Remark("left_out", text)),
    )
