"""GuideLLM's ``benchmarks.json``, versions 1 and 2: one file, a benchmark for every load.

``request_latency`` is in seconds, what ends in ``_ms`` in milliseconds, times are since 1970.
``time_per_output_token_ms`` is the whole latency over all tokens, the first among them, and so
what others call normalised; ``inter_token_latency_ms`` is without the first token: of one request
it is the time per output token, since GuideLLM divides by tokens and not by events.
Percentiles are named in tenths of a percent where they need it: ``p001`` is 0.1 %.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import MS, Fields, S, day_of
from sim.catalog.benchmarks.findings import conversation
from sim.catalog.benchmarks.loops import load_name
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import statistics
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
    Statistics,
    Tokens,
)

METRICS = {  # ours: theirs, and its unit
    "ttft_s": ("time_to_first_token_ms", MS),
    "tpot_s": ("inter_token_latency_ms", MS),
    "ntpot_s": ("time_per_output_token_ms", MS),
    "e2e_s": ("request_latency", S),
}
PERCENTILES = {"p001": "p0.1", "p999": "p99.9"}
NUMBERS = ("max_num", "max_number", "max_requests", "count")
DURATIONS = ("seconds", "max_duration", "max_seconds")
WHOLE = 0.95  # of the completed requests, below which a file holds a sample of them
STATUS = {"successful": Ended.COMPLETED, "incomplete": Ended.CUT, "errored": Ended.FAILED}


def recognises(document: Document) -> bool:
    """By the list of benchmarks and their metrics by status."""
    found = document.first.get("benchmarks")
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        return False
    return isinstance(found[0].get("metrics"), dict) and "requests" in found[0]


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every benchmark."""
    whole = Fields(document.first, document.path)
    for benchmark in whole.parts("benchmarks"):
        yield _run(whole, benchmark, document)


def _run(whole: Fields, benchmark: Fields, document: Document) -> MeasuredRun:
    start = benchmark.number("start_time") or math.nan
    given = _log(benchmark)
    log = _without_times(given) if given is not None and _is_sample(benchmark, given) else given
    strategy = _strategy(benchmark)
    metrics = benchmark.part("metrics")
    drive = _drive(whole, benchmark, strategy, log)
    return MeasuredRun(
        name=load_name(drive.loop),
        source=Source(
            document.path,
            document.sha256,
            "guidellm",
            whole.part("metadata").text("guidellm_version"),
            day_of(start),
        ),
        setup=Setup(model=_model(whole, benchmark)),
        drive=drive,
        requests=log,
        statistics=_statistics(metrics),
        completed=_total(benchmark, "successful"),
        failed=_total(benchmark, "errored"),
        output_tokens_per_s=_successful(metrics, "output_tokens_per_second").number("mean"),
        requests_per_s=_successful(metrics, "requests_per_second").number("mean"),
        input_tokens=_successful(metrics, "prompt_token_count").number("total_sum"),
        output_tokens=_successful(metrics, "output_token_count").number("total_sum"),
        remarks=_remarks(benchmark, log, given),
    )


def _strategy(benchmark: Fields) -> Fields:
    """How requests were sent: in ``config`` of today's files, in ``args`` of older ones."""
    for where in ("config", "args"):
        found = benchmark.part(where, "strategy")
        if found.entries:
            return found
    return benchmark.part("scheduler", "strategy")


def _model(whole: Fields, benchmark: Fields) -> str:
    """The name that requests asked for, wherever a version puts it."""
    places = (whole.part("config", "spec", "backend"), benchmark.part("config", "backend"),
              whole.part("args"), benchmark.part("worker"))  # fmt: skip
    names = (each.text(key) for each in places for key in ("model", "backend_model"))
    return next(filter(None, names), "")


def _loop(strategy: Fields, log: RequestLog | None) -> ClosedLoop | OpenLoop:
    kind = strategy.text("type_") or strategy.text("kind")
    ramp = strategy.number("rampup_duration") or 0.0
    match kind:
        case "synchronous":
            return ClosedLoop(1)
        case "concurrent":
            users = strategy.users("streams") or strategy.users("max_concurrency")
            if users is None:
                raise strategy.missing("streams", "the number of users of a concurrent run")
            return ClosedLoop(users, ramp)
        case "throughput":
            users = strategy.users("max_concurrency")
            if users is None and log is None:
                raise strategy.missing("max_concurrency", "run GuideLLM with a limit")
            return ClosedLoop(users or len(log or ()), ramp)
        case "constant" | "poisson" | "async_constant" | "async_poisson":
            rate = strategy.rate("rate")
            if rate is None:
                raise strategy.missing("rate", "requests a second")
            limit = strategy.users("max_concurrency")
            return OpenLoop(rate, 1.0 if kind.endswith("poisson") else 0.0, limit)
    known = "synchronous, concurrent, throughput, constant or poisson"
    raise strategy.error("type_", f"must be {known}")


def _drive(whole: Fields, benchmark: Fields, strategy: Fields, log: RequestLog | None) -> Drive:
    requests = _limit(benchmark, ("max_number", "max_requests"), NUMBERS)
    duration_s = _limit(benchmark, ("max_duration", "max_seconds"), DURATIONS)
    cut = log is not None and bool(np.any(log.ended == Ended.CUT))
    lengths: list[Tokens | None] = [None, None]
    if log is None:
        metrics = benchmark.part("metrics")
        means = [
            _successful(metrics, f"{which}_token_count").number("mean")
            for which in ("prompt", "output")
        ]
        data = next(whole.part("config", "spec").parts("data"), Fields({}, whole.place))
        lengths = [_tokens(data, which, mean)
                   for which, mean in zip(("prompt", "output"), means, strict=True)]  # fmt: skip
    return Drive(
        _loop(strategy, log),
        requests=None if requests is None else int(requests),
        duration_s=duration_s,
        ending="cut" if cut or duration_s is not None else "drained",
        length_s=benchmark.number("duration"),
        prompt_tokens=lengths[0],
        output_tokens=lengths[1],
    )


def _limit(benchmark: Fields, names: tuple[str, ...], keys: tuple[str, ...]) -> float | None:
    """A limit of a run, from its constraints or, in older files, its arguments."""
    constraints = benchmark.part("config", "constraints")
    for name in names:
        if isinstance(constraints.entries.get(name), dict):
            one = constraints.part(name)
            found = [place.number(key) for place in (one.part("args"), one) for key in keys]
            value = next(filter(None, found), None)
            if value is not None:
                return value
    return benchmark.part("args").number(names[0])


def _tokens(data: Fields, which: str, mean: float | None) -> Tokens | None:
    """Lengths as the synthetic data were told to have them."""
    asked = data.number(f"{which}_tokens")
    if asked is None:
        return None if mean is None else Tokens("unknown", mean)
    sd = data.number(f"{which}_tokens_stdev")
    if not sd:
        return Tokens("fixed", asked)
    low, high = data.limits(f"{which}_tokens_min", f"{which}_tokens_max")
    return Tokens("normal", asked, sd, low, high)


def _successful(metrics: Fields, name: str) -> Fields:
    return metrics.part(name, "successful")


def _statistics(metrics: Fields) -> dict[str, Statistics]:
    found = {}
    for ours, (theirs, unit) in METRICS.items():
        one = _successful(metrics, theirs)
        of_one = one.part("percentiles").entries
        percentiles = {PERCENTILES.get(name, name): value for name, value in of_one.items()}
        values = {"mean": one.entries.get("mean"), "std": one.entries.get("std_dev"), **percentiles}
        if one.count("count") == 0:
            continue
        summary = statistics(Fields(values, one.place), unit)
        if summary is not None:
            found[ours] = summary
    return found


def _total(benchmark: Fields, status: str) -> int | None:
    """How many requests ended so, by the counts of the whole run."""
    places = (
        benchmark.part("metrics", "request_totals"),
        benchmark.part("request_totals"),
        benchmark.part("run_stats", "requests_made"),
    )
    counts = (each.count(status) for each in places)
    return next((count for count in counts if count is not None), None)


def _is_sample(benchmark: Fields, log: RequestLog) -> bool:
    """Whether the file holds some of the requests alone."""
    total = _total(benchmark, "successful")
    return total is not None and int(log.completed.sum()) < WHOLE * total


def _without_times(log: RequestLog) -> RequestLog:
    """Requests of which it is not known what was sent between them."""
    return replace(log, sent_s=np.full(len(log), np.nan))


def _log(benchmark: Fields) -> RequestLog | None:
    """The requests of all three kinds; None where the file was written without them."""
    rows = []
    requests = benchmark.part("requests")
    for status, how in STATUS.items():
        rows += [_row(each, how) for each in requests.parts(status)]
    if not any(row[-1] == Ended.COMPLETED for row in rows):
        return None
    columns = np.array([row[:-1] for row in rows], dtype=np.float64).T
    sent, ttft, e2e, inputs, outputs, cached, events = columns
    begun = ~np.isnan(sent)  # others waited at the client when the run ended
    started = benchmark.part("scheduler_metrics").number("request_start_time")
    return request_log(
        benchmark.place,
        sent_s=sent[begun],
        ttft_s=ttft[begun],
        e2e_s=e2e[begun],
        input_tokens=inputs[begun],
        output_tokens=outputs[begun],
        cached_tokens=cached[begun],
        events=events[begun],
        ended=np.array([row[-1] for row in rows])[begun],
        start_s=started or benchmark.number("start_time"),
    )


def _row(request: Fields, how: Ended) -> tuple[float, ...]:
    timings = request.part("info", "timings")

    def first(*found: float | None) -> float:
        return next((each for each in found if each is not None), math.nan)

    sent = first(timings.number("request_start"), request.number("request_start_time"),
                 request.number("start_time"))  # fmt: skip
    token = first(timings.number("first_token_iteration"), timings.number("first_iteration"),
                  request.number("first_token_time"))  # fmt: skip
    last = first(timings.number("last_token_iteration"), timings.number("last_iteration"),
                 request.number("last_token_time"))  # fmt: skip
    ttft = (
        first(request.number("time_to_first_token_ms", MS)) if math.isnan(token) else token - sent
    )
    e2e = first(request.number("request_latency")) if math.isnan(last) else last - sent
    return (
        sent,
        ttft,
        e2e,
        first(request.number("prompt_tokens")),
        first(request.number("output_tokens")),
        first(request.number("cached_tokens")),
        first(timings.number("token_iterations"), timings.number("iterations")),
        how,
    )


def _remarks(
    benchmark: Fields, log: RequestLog | None, given: RequestLog | None
) -> tuple[Remark, ...]:
    requests = benchmark.part("requests")
    turns = [each.part("info").count("turn_index") for each in requests.parts("successful")]
    found = list(conversation(sum(bool(turn) for turn in turns)))
    if log is not given and given is not None:
        text = f"the file holds {int(given.completed.sum())} of {_total(benchmark, 'successful')}"
        more = "completed requests, so not when the others were sent: run without a sample size"
        found.append(Remark("left_out", f"{text} {more}"))
    warmup = benchmark.number("warmup_duration") or 0.0
    cooldown = benchmark.number("cooldown_duration") or 0.0
    if warmup or cooldown:
        text = f"summaries are without {warmup:g} s of warm-up and {cooldown:g} s of cool-down"
        found.append(Remark("left_out", text))
    if log is None:
        found.append(Remark("assumed", "the file was written without its requests: only summaries"))
    return tuple(found)
