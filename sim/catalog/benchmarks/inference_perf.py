"""kubernetes-sigs inference-perf: reports of a stage or a whole run, and of single requests.

All times are in seconds. Two traps:

- **Tokens are counted by the client**, which splits the text into tokens again. Versions before
  June 2026 put a token for the beginning of text before every streamed part (tokenizers of Llama,
  Gemma, Mistral), so that output counts twice and every time per token is a half (pull requests
  565 and 566); earlier ones derived times per token from parts of the stream (410). Where the
  server's own count is there it is used. A time per output token is always what end, first token
  and count give, never the file's own.
- **A load that is called constant has exponential gaps**, as a Poisson process has them, scaled to
  fill the time exactly (loadgen/load_timer.py).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import Fields, S, day_of
from sim.catalog.benchmarks.loops import load_name, observed_loop
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import statistics, time_per_token
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

PER_REQUEST = "report.request_lifecycle.per_request: true"
AGREE = 0.1  # relative, between two ways to the same time
FROM_COUNTS = "what the end, the first token and the number of tokens give"


def recognises(document: Document) -> bool:
    """A report of a stage or of all."""
    successes = document.first.get("successes")
    return isinstance(successes, dict) and "latency" in successes


def recognises_requests(document: Document) -> bool:
    """A list of requests with their start, end and info."""
    found = _requests(document)
    return bool(found) and {"start_time", "end_time", "info"} <= found[0].keys()


def runs(document: Document) -> Iterator[MeasuredRun]:
    """The run of a stage."""
    fields = Fields(document.first, document.path)
    load, successes = fields.part("load_summary"), fields.part("successes")
    completed = successes.count("count")
    if not completed:
        raise successes.error("count", "must be at least 1: no request was completed")
    latency = successes.part("latency")
    ttft = statistics(latency.part("time_to_first_token"), S)
    e2e = statistics(latency.part("request_latency"), S)
    if ttft is None or e2e is None:
        raise latency.missing("time_to_first_token", "run with api.streaming: true")
    inputs, outputs = successes.part("prompt_len"), successes.part("output_len")
    counted, remarks = _output_tokens(successes, outputs, completed)
    per_token = time_per_token(fields.place, ttft, e2e, counted)
    loop = _loop(load)
    throughput = successes.part("throughput")
    tokens_per_s = throughput.number("output_tokens_per_sec")
    claimed_count = outputs.number("mean")
    if tokens_per_s is not None and claimed_count:
        tokens_per_s *= counted / claimed_count
    yield MeasuredRun(
        name=load_name(loop),
        source=Source(document.path, document.sha256, "inference-perf"),
        setup=Setup(),
        drive=Drive(
            loop,
            requests=load.count("count"),
            duration_s=load.number("send_duration"),
            ending="drained",
            prompt_tokens=_tokens(inputs, inputs.number("mean")),
            output_tokens=_tokens(outputs, counted),
        ),
        statistics={"ttft_s": ttft, "e2e_s": e2e, **per_token},
        completed=completed,
        failed=fields.part("failures").count("count"),
        output_tokens=counted * completed,
        output_tokens_per_s=tokens_per_s,
        requests_per_s=throughput.number("requests_per_sec"),
        remarks=(*remarks, *_not_believed(latency, per_token)),
    )


def _loop(load: Fields) -> ClosedLoop | OpenLoop | None:
    """The load of a stage."""
    users = load.users("concurrency") or load.users("concurrency_level")
    if users:
        return ClosedLoop(users)
    rate = load.rate("requested_rate") or load.rate("achieved_rate")
    return OpenLoop(rate, 1.0) if rate else None


def _not_believed(latency: Fields, per_token: Mapping[str, Statistics]) -> Iterator[Remark]:
    """What to say if the file's own time per output token is another."""
    claimed = latency.part("time_per_output_token").number("mean")
    tpot = per_token["tpot_s"].mean if per_token else 0.0
    if claimed and tpot and abs(claimed / tpot - 1) > AGREE:
        text = f"the file's time per output token is {claimed / tpot:.2f} times {FROM_COUNTS}"
        yield Remark("left_out", text)


def _output_tokens(
    successes: Fields, lengths: Fields, completed: int
) -> tuple[float, list[Remark]]:
    """Mean output tokens, by the server's count where it is there, and what that rests on."""
    client = lengths.number("mean")
    total = successes.entries.get("output_tokens")
    server = successes.part("output_tokens").number("total") if isinstance(total, dict) else None
    if server:
        if client and abs(client * completed / server - 1) > AGREE:
            text = f"the client counted {client * completed / server:.2f} times the tokens that"
            return server / completed, [Remark("left_out", f"{text} the server did; not used")]
        return server / completed, []
    if not client:
        raise successes.missing("output_len", f"run with {PER_REQUEST}")
    text = "output tokens are the client's count, which versions before June 2026 double for"
    more = "tokenizers that begin a text with a token of its own (Llama, Gemma, Mistral)"
    return client, [Remark("assumed", f"{text} {more}: compare with what was asked for, or run"
                                      f" with {PER_REQUEST}")]  # fmt: skip


def _tokens(lengths: Fields, mean: float | None) -> Tokens | None:
    """Lengths with the mean that is believed."""
    claimed = lengths.number("mean")
    if mean is None or not claimed:
        return None
    low, high = lengths.limits("min", "max")
    if low is not None and low == high:
        return Tokens("fixed", mean)
    scale = mean / claimed
    quarter, three = lengths.number("p25"), lengths.number("p75")
    if low is None or high is None or quarter is None or three is None or three < quarter:
        return Tokens("unknown", mean)
    sd = (three - quarter) / 1.349  # quartiles of a normal distribution
    return Tokens("normal", mean, sd * scale, low * scale, high * scale)


# ---------------------------------------------------------------- requests


def _requests(document: Document) -> list[Any]:
    """Requests of a file that is a list of them, or has one a line."""
    objects = document.objects
    if len(objects) == 1 and not document.is_lines and isinstance(objects[0], list):
        objects = tuple(objects[0])
    return list(objects) if objects and isinstance(objects[0], dict) else []


def runs_of_requests(document: Document) -> Iterator[MeasuredRun]:
    """The run of a file of requests; with several stages they are one after the other in it."""
    rows, doubled = [], 0
    for index, found in enumerate(_requests(document)):
        place = f"{document.path}: request {index + 1}"
        request = Fields(found if isinstance(found, dict) else {}, place)
        row, client_tokens = _row(request)
        doubled += client_tokens > (1 + AGREE) * row[4]
        rows.append(row)
    columns = np.array([row[:-1] for row in rows], dtype=np.float64).T
    sent, ttft, e2e, inputs, outputs, events = columns
    remarks = []
    if np.isnan(ttft).all():
        text = "the file has no times of tokens, so no time to the first token"
        remarks.append(Remark("left_out", f"{text}: give the report of the stage, too"))
    if doubled:
        text = f"of {doubled} answers the client counted more tokens than the server"
        remarks.append(Remark("left_out", f"{text}; the server's count is used"))
    log = request_log(
        document.path,
        sent_s=sent,
        ttft_s=ttft,
        e2e_s=e2e,
        input_tokens=inputs,
        output_tokens=outputs,
        events=events,
        ended=[row[-1] for row in rows],
    )
    loop = observed_loop(log)
    remarks.append(Remark("assumed", "how requests were sent is seen from their times"))
    yield MeasuredRun(
        name="requests",
        source=Source(document.path, document.sha256, "inference-perf", as_of=day_of(sent[0])),
        setup=Setup(),
        drive=Drive(loop, requests=len(log), ending="drained"),
        requests=log,
        completed=int(log.completed.sum()),
        failed=int((log.ended == Ended.FAILED).sum()),
        remarks=tuple(remarks),
    )


def _row(request: Fields) -> tuple[tuple[float, ...], float]:
    """Columns of a request, and the client's count of its output tokens."""
    sent, end = request.number("start_time"), request.number("end_time")
    if sent is None or end is None:
        raise request.missing("start_time and end_time")
    info = request.part("info")
    response = info.part("response_metrics")
    failed = request.entries.get("error") is not None
    client = response.number("output_tokens")
    client = info.number("output_tokens") if client is None else client
    server = response.part("server_usage").number("completion_tokens")
    times = response.numbers("chunk_times")
    events = math.nan if times is None else float(len(times))
    if times is None or not len(times):
        times = response.numbers("output_token_times")
        times = info.numbers("output_token_times") if times is None else times
    has_times = times is not None and len(times) > 0
    first, last = (times[0], times[-1]) if has_times and times is not None else (math.nan, end)
    inputs = info.part("request_metrics", "text").number("input_tokens")
    inputs = info.number("input_tokens") if inputs is None else inputs
    outputs = server or client
    if not failed and (inputs is None or outputs is None):
        raise MeasurementError(f"{request.place}: has no numbers of tokens ({PER_REQUEST})")
    row = (
        sent,
        first - sent,
        last - sent,
        math.nan if inputs is None else inputs,
        math.nan if outputs is None else outputs,
        events or math.nan,
        Ended.FAILED if failed else Ended.COMPLETED,
    )
    return row, client or 0.0
