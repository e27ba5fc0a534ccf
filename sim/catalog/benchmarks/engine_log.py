"""Logs of an engine's own iterations, with or without the requests of its client.

Three files of one name: ``NAME.requests.csv`` (seconds from the start of the run: when each request
was sent, its first and last token and its end; tokens; status), ``NAME.steps.csv`` (when each
iteration was scheduled and when its output was there; sequences decoding, tokens in their caches,
prefill chunks as tokens:depth) and ``NAME.json`` (how the run was driven). Any of them leads to
the others beside it. A plain log of iterations (``iter, ctx_req, ctx_tok, gen_req, gen_tok, ms``)
holds durations alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sim.catalog.benchmarks.document import Document, read_document
from sim.catalog.benchmarks.fields import MS, Fields, day_of
from sim.catalog.benchmarks.requests import request_log
from sim.errors import MeasurementError
from sim.model.input_file import is_file
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
    StepLog,
)

REQUESTS = ("sent_s", "first_s", "last_s", "input_tokens", "output_tokens", "status")
STEPS = ("scheduled_s", "output_s", "decoding", "kv_tokens", "chunks")
ITERATIONS = ("iter", "ctx_req", "ctx_tok", "gen_req", "gen_tok", "ms")
ENDINGS = (".requests.csv", ".steps.csv", ".json")
STATUS = {"ok": Ended.COMPLETED, "completed": Ended.COMPLETED, "cut": Ended.CUT}
FEW_CHUNKS = 100_000  # in one step

FloatArray = npt.NDArray[np.float64]


def recognises(document: Document) -> bool:
    """One of the three files."""
    columns = set(document.columns)
    return set(REQUESTS) <= columns or set(STEPS) <= columns or _is_drive(document)


def _is_drive(document: Document) -> bool:
    """Whether it says how a run was driven."""
    kind = document.first.get("kind")
    return kind in ("closed", "open") and document.has("name", "dur", "seed")


def recognises_iterations(document: Document) -> bool:
    """A plain log of iterations."""
    return set(ITERATIONS) <= set(document.columns)


def stem(path: str) -> str:
    """A path without what tells the three files of a run apart.

    >>> stem("a/c16.requests.csv.gz"), stem("a/c16.json")
    ('a/c16', 'a/c16')
    """
    plain = path.removesuffix(".gz")
    return next((plain.removesuffix(end) for end in ENDINGS if plain.endswith(end)), plain)


def run_of(documents: Sequence[Document]) -> MeasuredRun:
    """The run of the files of one name, and of those that lie beside them."""
    at = stem(documents[0].path)
    files = list(documents)
    for end in ENDINGS:
        for path in (at + end, f"{at}{end}.gz"):
            if is_file(path) and all(each.path != path for each in files):
                beside = read_document(path)
                files += [beside] if recognises(beside) else []
    requests = next((each for each in files if set(REQUESTS) <= set(each.columns)), None)
    steps = next((each for each in files if set(STEPS) <= set(each.columns)), None)
    drive = next((each for each in files if _is_drive(each)), None)
    if requests is None and steps is None:
        message = f"says how a run was driven, and {at}{ENDINGS[0]} does not lie beside it"
        raise MeasurementError(f"{documents[0].path}: {message}")
    main = requests or steps or documents[0]
    log = _requests(requests) if requests else None
    how = Fields(drive.first if drive else {}, drive.path if drive else main.path)
    return MeasuredRun(
        name=how.text("name") or at.rsplit("/", 1)[-1],
        source=Source(main.path, main.sha256, "engine-log", as_of=day_of(how.number("t0") or 0.0)),
        setup=Setup(),
        drive=_drive(how, log),
        requests=log,
        steps=_steps(steps) if steps else None,
        clock="client" if log else "engine",
        completed=int(log.completed.sum()) if log else None,
        failed=int((log.ended == Ended.FAILED).sum()) if log else None,
    )


def _drive(how: Fields, log: RequestLog | None) -> Drive:
    loop: ClosedLoop | OpenLoop | None = None
    if how.text("kind") == "closed":
        users = how.users("C")
        if users is None:
            raise how.missing("C", "the number of users")
        loop = ClosedLoop(users)
    elif how.text("kind") == "open":
        rate = how.rate("rate")
        if rate is None:
            raise how.missing("rate", "requests a second")
        loop = OpenLoop(rate, how.number("cv"))
    cut = log is not None and bool(np.any(log.ended == Ended.CUT))
    return Drive(
        loop,
        duration_s=how.number("dur"),
        ending="cut" if cut else "drained" if log is not None else "unknown",
    )


class _Table:
    """Columns of a document as numbers, NaN for an empty cell."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.rows = [Fields(row, document.place(i)) for i, row in enumerate(document.rows)]

    def column(self, name: str, unit: float = 1.0) -> FloatArray:
        """(n,) float64, all NaN if there is no such column."""
        of_clock = name.endswith("_s")
        found = [row.moment(name) if of_clock else row.number(name, unit) for row in self.rows]
        return np.array([math.nan if each is None else each for each in found])

    def whole(self, name: str) -> npt.NDArray[np.int64]:
        """(n,) int64, 0 for an empty cell."""
        return np.array([row.count(name) or 0 for row in self.rows], dtype=np.int64)


def _requests(document: Document) -> RequestLog:
    table = _Table(document)
    sent, first, last = (table.column(f"{name}_s") for name in ("sent", "first", "last"))
    known = table.column("events")
    status = [row.text("status") for row in table.rows]
    if np.isnan(sent).any():
        at = int(np.flatnonzero(np.isnan(sent))[0])
        raise table.rows[at].missing("sent_s")
    return request_log(
        document.path,
        sent_s=sent,
        ttft_s=first - sent,
        e2e_s=last - sent,
        input_tokens=table.column("input_tokens"),
        output_tokens=table.column("output_tokens"),
        cached_tokens=table.column("cached_tokens"),
        events=known,
        ended=[STATUS.get(each, Ended.FAILED) for each in status],
        start_s=0.0,
    )


def _steps(document: Document) -> StepLog:
    table = _Table(document)
    scheduled, output = table.column("scheduled_s"), table.column("output_s")
    chunks = [_chunks(row) for row in table.rows]
    return StepLog(
        scheduled_s=scheduled,
        output_s=output,
        step_s=np.full(len(table.rows), np.nan),
        decoding=table.whole("decoding"),
        kv_tokens=table.column("kv_tokens"),
        waiting=table.column("waiting"),
        preempted=table.whole("preempted"),
        chunk_step=np.repeat(np.arange(len(chunks)), [len(each) for each in chunks]),
        chunk_tokens=np.array([tokens for each in chunks for tokens, _ in each], dtype=np.float64),
        chunk_depth=np.array([depth for each in chunks for _, depth in each], dtype=np.float64),
    )


def _chunks(row: Fields) -> list[tuple[float, float]]:
    """Prefill chunks of a step: ``745:0;685:512+``, where + says that more will come."""
    text = row.entries.get("chunks", "")
    if text in ("", "-"):
        return []
    found = []
    for each in text.split(";", FEW_CHUNKS):
        tokens, _, depth = each.rstrip("+").partition(":")
        if not (tokens.isascii() and tokens.isdigit() and depth.isascii() and depth.isdigit()):
            raise row.error("chunks", "must be chunks such as 512:0;512:512+")
        if len(tokens) > 12 or len(depth) > 12:
            raise row.error("chunks", "has a chunk that is too long")
        found.append((float(tokens), float(depth)))
    return found


def runs_of_iterations(document: Document) -> Iterator[MeasuredRun]:
    """The run of a plain log of iterations."""
    table = _Table(document)
    step_s, tokens = table.column("ms", MS), table.column("ctx_tok")
    if np.isnan(step_s).any():
        raise MeasurementError(f"{document.path}: has an iteration without ms")
    counts = table.whole("ctx_req")
    if counts.sum() > len(counts) * 1000:
        raise MeasurementError(f"{document.path}: has too many requests in one iteration")
    share = np.nan_to_num(tokens) / np.maximum(counts, 1)
    unknown = np.full(len(step_s), np.nan)
    steps = StepLog(
        scheduled_s=unknown,
        output_s=unknown,
        step_s=step_s,
        decoding=table.whole("gen_req"),
        kv_tokens=unknown,
        waiting=unknown,
        preempted=np.zeros(len(step_s), dtype=np.int64),
        chunk_step=np.repeat(np.arange(len(counts)), counts),
        chunk_tokens=np.repeat(share, counts),
        chunk_depth=np.full(int(counts.sum()), np.nan),
    )
    text = "the log has no times of day, no tokens in the cache, and prompts of a step summed up"
    yield MeasuredRun(
        name="iterations",
        source=Source(document.path, document.sha256, "engine-log"),
        setup=Setup(),
        drive=Drive(None),
        clock="engine",
        steps=steps,
        remarks=(Remark("left_out", text),),
    )


def by_stem(documents: Sequence[Document]) -> Mapping[str, list[Document]]:
    """Documents of one run together, in the order of the first of each."""
    found: dict[str, list[Document]] = {}
    for each in documents:
        found.setdefault(stem(each.path), []).append(each)
    return found
