"""Tables of MLPerf Inference results: tokens a second under two kinds of load.

``Offline`` sends all requests at once and asks for throughput alone. ``Server`` (and
``Interactive``) sends them at the rate of a Poisson process that the submitter chose, with the
99th percentile of latencies inside the limits of the benchmark. A table holds no latency, and the
lengths are those of the benchmark's own data set.
"""

from collections.abc import Iterator, Mapping

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import Fields
from sim.errors import MeasurementError
from sim.model.measured import Drive, MeasuredRun, Remark, Setup, Source

NAMES: Mapping[str, tuple[str, ...]] = {
    "scenario": ("scenario",),
    "result": ("result", "avg. result at system name", "performance result"),
    "unit": ("unit", "units", "performance units"),
    "model": ("model", "model mlc", "benchmark"),
    "gpu": ("gpu", "accelerator"),
    "gpus": ("gpus", "# of accelerators", "total accelerators", "a#"),
    "system": ("system", "system name", "system name (click + for details)"),
    "stack": ("stack", "software"),
    "precision": ("weights", "weight data types"),
}
NO_LATENCY = "a result of MLPerf holds no latency: it tests a profile, it makes none"


def recognises(document: Document) -> bool:
    """By the three columns that every such table has."""
    found = _columns(document)
    return {"scenario", "result", "unit", "model"} <= found.keys()


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every row in tokens a second."""
    columns = _columns(document)
    found = 0
    for index, row in enumerate(document.rows):
        cells = {name: row[column] for name, column in columns.items()}
        fields = Fields(cells, document.place(index))
        if fields.text("unit").casefold().replace(" ", "") not in ("tokens/s", "tokens/sec"):
            continue
        result = fields.number("result")
        if not result:
            continue
        found += 1
        names = (fields.text(each) for each in ("system", "model", "scenario"))
        yield MeasuredRun(
            name=" ".join(filter(None, names)),
            source=Source(document.path, document.sha256, "mlperf"),
            setup=Setup(
                engine=fields.text("stack"),
                model=fields.text("model"),
                gpu=fields.text("gpu"),
                precision=fields.text("precision"),
                replicas=1,
            ),
            drive=Drive(None),
            output_tokens_per_s=result,
            remarks=(
                Remark("left_out", NO_LATENCY),
                Remark("assumed", f"the whole system of {fields.count('gpus') or 1} GPUs"),
            ),
        )
    if not found:
        raise MeasurementError(f"{document.path}: has no result in tokens a second")


def _columns(document: Document) -> dict[str, str]:
    """Our names of the columns that are there."""
    theirs = {column.strip().casefold(): column for column in document.columns}
    return {
        name: next(theirs[each] for each in spellings if each in theirs)
        for name, spellings in NAMES.items()
        if any(each in theirs for each in spellings)
    }
