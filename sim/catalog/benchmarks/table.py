"""Plain tables with named columns: a row a request, or a row a run.

Names are those of the field (``ttft_ms``, ``mean_tpot_s``, ``concurrency``, ``input_tokens``), also
as consoles print them (``Mean TTFT (ms)``). A time has its unit at the end of its name: none is
ever guessed. A column of another name is given by hand: ``e2e_s=Latency``.
"""

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import UNITS, Fields
from sim.catalog.benchmarks.loops import load_name, observed_loop
from sim.catalog.benchmarks.requests import request_log
from sim.catalog.benchmarks.summary import percentile
from sim.errors import MeasurementError, one_line
from sim.model.measured import (
    ClosedLoop,
    Drive,
    Ended,
    MeasuredRun,
    OpenLoop,
    Parallelism,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

TIMES: Mapping[str, tuple[str, ...]] = {
    "ttft": ("ttft", "time_to_first_token"),
    "tpot": ("tpot", "time_per_output_token"),
    "itl": ("itl", "inter_token_latency"),
    "e2e": ("e2e", "e2el", "latency", "e2e_latency", "request_latency", "end_to_end_latency"),
    "sent": ("sent", "start", "start_time", "request_start", "request_start_time", "arrival"),
    "first": ("first", "first_token", "first_token_time"),
    "last": ("last", "end", "end_time", "last_token", "last_token_time"),
    "sum_itl": ("sum_itl",),
    "duration": ("duration", "benchmark_duration", "elapsed", "elapsed_time"),
}
OTHERS: Mapping[str, tuple[str, ...]] = {
    "users": ("concurrency", "users", "max_concurrency", "num_concurrent_requests", "conc"),
    "batch": ("batch_size", "batch"),
    "rate": ("request_rate", "rate", "qps", "rate_qps"),
    "requests": ("num_prompts", "num_requests", "requests"),
    "completed": ("completed", "successful_requests"),
    "input_tokens": ("input_tokens", "input_len", "input_length", "prompt_tokens", "isl"),
    "output_tokens": ("output_tokens", "output_len", "output_length", "osl", "generated_tokens"),
    "total_input_tokens": ("total_input_tokens",),
    "total_output_tokens": ("total_output_tokens", "total_generated_tokens"),
    "cached_tokens": ("cached_tokens",),
    "n_itl": ("n_itl",),
    "status": ("status",),
    "output_tokens_per_s": ("output_throughput", "output_token_throughput", "output_tokens_per_s"),
    "requests_per_s": ("request_throughput", "requests_per_s", "requests_per_second"),
    "model": ("model", "model_id", "model_name"),
    "gpu": ("gpu", "hardware", "accelerator"),
    "engine": ("engine", "framework", "backend"),
    "precision": ("precision",),
    "tensor": ("tensor", "tp", "tp_size", "tensor_parallel", "tensor_parallelism"),
}  # fmt: skip
CLOCK = ("sent", "first", "last")
METRICS = ("ttft", "tpot", "itl", "e2e")
DONE = ("", "ok", "completed", "success", "successful", "true", "1", "200")
_WORDS = {spelling: ours for ours, all_of in TIMES.items() for spelling in all_of}
_PLAIN = {spelling: ours for ours, all_of in OTHERS.items() for spelling in all_of}
_STATISTIC = re.compile(r"(mean|avg|median|std|p\d{1,2}(?:[.p]\d{1,2})?)_(.+)")
_PER_SECOND = re.compile(r"_\((?:req|tok)/s\)$")
_OWN_NAME = re.compile(r"[a-z_0-9.]{1,40}")

NO_COLUMNS = (
    "no table of a tool that is known, and a plain one needs a time with its unit (ttft_ms, e2e_s) "
    "and numbers of tokens (input_tokens, output_tokens); a column of another name is given by "
    "hand: e2e_s=Latency"
)
NO_LOOP = "a run needs the column concurrency, or request_rate in requests a second"


def own_columns(document: Document, columns: Mapping[str, str]) -> Document:
    """The document with columns under the names that were given for them.

    Parameters
    ----------
    document : Document
    columns : mapping of str to str
        A name that is known here to that of the file: ``{"e2e_s": "Latency"}``.
    """
    if not columns or not document.columns:
        return document
    for ours, theirs in columns.items():
        if theirs not in document.columns:
            message = f"{document.path}: has no column {one_line(theirs)!r}"
            raise MeasurementError(message)
        if not _OWN_NAME.fullmatch(ours) or _meaning(ours) is None:
            known = ", ".join([f"{each}_s" for each in TIMES] + sorted(OTHERS))
            raise MeasurementError(f"{one_line(ours)}: is no column of a run (known: {known})")
    rows = tuple(
        {**row, **{ours: row[theirs] for ours, theirs in columns.items()}} for row in document.rows
    )
    taken = set(columns.values()) - set(columns)
    names = tuple(each for each in document.columns if each not in taken)
    return Document(document.path, document.sha256, columns=(*names, *columns), rows=rows)


Meaning = tuple[str, str, float]  # our name, statistic, unit


def _meaning(column: str) -> Meaning | None:
    """What a column holds; None for another one, a unit of NaN for a time without one.

    >>> _meaning("Mean TTFT (ms)"), _meaning("p99.9_e2el_s"), _meaning("colour")
    (('ttft', 'mean', 0.001), ('e2e', 'p99.9', 1.0), None)
    """
    name = column.strip().lstrip("\ufeff").casefold().replace(" ", "_").replace("-", "_")
    name = _PER_SECOND.sub("", name)
    name = re.sub(r"_?\((\w+)\)$", r"_\1", name)
    if name in _PLAIN:
        return _PLAIN[name], "", 1.0
    which = ""
    found = _STATISTIC.fullmatch(name)
    if found:
        which, name = found[1], found[2]
    if name in _WORDS:
        return _WORDS[name], which, math.nan
    before, _, unit = name.rpartition("_")
    if before in _WORDS and unit in UNITS:
        return _WORDS[before], which, UNITS[unit]
    return None


def _meanings(document: Document) -> dict[Meaning, str]:
    """Columns by their meaning; of two with one meaning the first."""
    found: dict[Meaning, str] = {}
    for column in document.columns:
        meaning = _meaning(column)
        if meaning is not None:
            found.setdefault(meaning, column)
    return found


def recognises(document: Document) -> bool:
    """A table with a time that is known here, and numbers of tokens."""
    names = {ours for ours, _, _ in _meanings(document)}
    return bool(names & {*METRICS, "first"}) and any("tokens" in name for name in names)


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every row, or one of all rows."""
    meanings = _meanings(document)
    for (ours, _, unit), column in meanings.items():
        if ours in TIMES and math.isnan(unit):
            better = f"{column.strip()}_s or {column.strip()}_ms"
            message = f"column {column!r} has no unit (name it {better}, or say {ours}_s={column})"
            raise MeasurementError(one_line(f"{document.path}: {message}"))
    names = {ours for ours, _, _ in meanings}
    of_runs = names & {"users", "batch", "rate", "completed"} or any(m[1] for m in meanings)
    if not of_runs:
        yield _run_of_requests(document, meanings)
        return
    for index, row in enumerate(document.rows):
        yield _run(_Row(row, document.place(index), meanings), document)


class _Row:
    """One row by our names."""

    def __init__(self, row: Mapping[str, str], place: str, meanings: Mapping[Meaning, str]) -> None:
        self.fields, self.meanings = Fields(row, place), meanings

    def time(self, name: str, which: str = "") -> float | None:
        """A time in seconds."""
        for (ours, statistic, unit), column in self.meanings.items():
            if (ours, statistic) == (name, which):
                clock = ours in CLOCK
                return (self.fields.moment if clock else self.fields.number)(column, unit)
        return None

    def column(self, name: str) -> str:
        """The file's name of a column that is no time, or ours."""
        return self.meanings.get((name, "", 1.0), name)

    def number(self, name: str) -> float:
        """A number, NaN where there is none."""
        found = self.fields.number(self.column(name))
        return math.nan if found is None else found

    def text(self, name: str) -> str:
        """A text."""
        return self.fields.text(self.column(name))


# ---------------------------------------------------------------- a row a request


def _run_of_requests(document: Document, meanings: Mapping[Meaning, str]) -> MeasuredRun:
    rows = [_Row(row, document.place(i), meanings) for i, row in enumerate(document.rows)]
    columns = np.array([_request(row) for row in rows], dtype=np.float64).T
    sent, ttft, e2e, inputs, outputs, cached, events, ended = columns
    log = request_log(
        document.path,
        sent_s=sent,
        ttft_s=ttft,
        e2e_s=e2e,
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=cached,
        events=events,
        ended=ended.astype(np.int64),
    )
    loop = observed_loop(log)
    if loop is None:
        text = "the table does not say when requests were sent: add a column sent_s"
        remark = Remark("left_out", text)
    else:
        remark = Remark("assumed", "how requests were sent is seen from their times")
    return MeasuredRun(
        name="requests",
        source=Source(document.path, document.sha256, "csv"),
        setup=_setup(rows[0]),
        drive=Drive(loop, requests=len(log)),
        requests=log,
        completed=int(log.completed.sum()),
        failed=int((log.ended == Ended.FAILED).sum()),
        remarks=(remark,),
    )


def _request(row: _Row) -> tuple[float, ...]:
    """Columns of a request."""
    sent, first, last = (row.time(name) for name in ("sent", "first", "last"))
    ttft, e2e, gaps = (row.time(name) for name in ("ttft", "e2e", "sum_itl"))
    if ttft is None and first is not None and sent is not None:
        ttft = first - sent
    if e2e is None and ttft is not None and gaps is not None:
        e2e = ttft + gaps
    if e2e is None and last is not None and sent is not None:
        e2e = last - sent
    outputs = row.number("output_tokens")
    done = row.text("status").casefold() in DONE and outputs >= 1
    times = [math.nan if each is None else each for each in (sent, ttft, e2e)]
    return (
        *times,
        row.number("input_tokens"),
        outputs,
        row.number("cached_tokens"),
        row.number("n_itl") + 1,
        Ended.COMPLETED if done else Ended.FAILED,
    )


def _setup(row: _Row) -> Setup:
    tensor = row.fields.users(row.column("tensor"))
    return Setup(
        engine=row.text("engine"),
        model=row.text("model"),
        gpu=row.text("gpu"),
        precision=row.text("precision"),
        parallelism=Parallelism(tensor) if tensor else None,
    )


# ---------------------------------------------------------------- a row a run


def _run(row: _Row, document: Document) -> MeasuredRun:
    fields = row.fields
    completed = fields.count(row.column("completed"))
    loop = _loop(row, completed)
    summaries, plain = _statistics(row)
    batch = row.column("batch") in fields and row.column("users") not in fields
    if not summaries.keys() & ({"e2e_s"} if batch else {"ttft_s", "tpot_s"}):
        raise fields.missing("ttft or tpot", "with their units: ttft_ms, tpot_ms")
    remarks = []
    if plain:
        remarks.append(Remark("assumed", f"{' and '.join(plain)} are taken as means"))
    lengths = [_tokens(row, which, completed) for which in ("input", "output")]
    if None in lengths:
        raise fields.missing("input_tokens or output_tokens", "the mean numbers of tokens")
    return MeasuredRun(
        name=load_name(loop),
        source=Source(document.path, document.sha256, "csv", as_of=fields.day("date")),
        setup=_setup(row),
        drive=Drive(
            loop,
            requests=fields.count(row.column("requests")) or completed,
            ending="drained",
            length_s=row.time("duration"),
            prompt_tokens=lengths[0],
            output_tokens=lengths[1],
        ),
        statistics=summaries,
        completed=completed,
        output_tokens_per_s=_known(row.number("output_tokens_per_s")),
        requests_per_s=_known(row.number("requests_per_s")),
        remarks=tuple(remarks),
    )


def _loop(row: _Row, completed: int | None) -> ClosedLoop | OpenLoop:
    fields = row.fields
    users = fields.users(row.column("users")) or fields.users(row.column("batch"))
    rate = fields.rate(row.column("rate"), finite=False)
    if rate is not None and math.isfinite(rate):
        return OpenLoop(rate, None, users)
    if users is None and rate is not None:  # all at once
        users = fields.users(row.column("requests")) or completed
    if not users:
        raise MeasurementError(f"{fields.place}: {NO_LOOP}")
    return ClosedLoop(users)


def _statistics(row: _Row) -> tuple[dict[str, Statistics], list[str]]:
    """Statistics by metric, and the metrics of which the table has one number alone."""
    found, plain = {}, []
    for metric in METRICS:
        mean = sd = math.nan
        percentiles: dict[float, float] = {}
        for (ours, which, _), column in row.meanings.items():
            value = row.time(metric, which) if ours == metric else None
            if value is None:
                continue
            at = percentile(which)
            if at is not None:
                percentiles[at] = value
            elif which == "std":
                sd = value
            else:
                mean = value
                plain += [] if which else [column.strip()]
        if percentiles or not math.isnan(mean):
            found[f"{metric}_s"] = Statistics(mean, sd, dict(sorted(percentiles.items())))
    return found, plain


def _tokens(row: _Row, which: str, completed: int | None) -> Tokens | None:
    """Numbers of tokens of each request, or their mean."""
    each, total = row.number(f"{which}_tokens"), row.number(f"total_{which}_tokens")
    if not math.isnan(total) and completed:
        return Tokens("unknown", total / completed)
    return None if math.isnan(each) else Tokens("fixed", each)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
