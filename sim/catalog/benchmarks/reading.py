"""Benchmark files of any tool: found by their content, read, joined, and looked over."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from sim.catalog.benchmarks import (
    aiperf,
    benchmark_report,
    engine_log,
    guidellm,
    inference_perf,
    inferencex,
    llmperf,
    mlperf,
    prometheus,
    sglang_bench,
    table,
    vllm_bench,
)
from sim.catalog.benchmarks.document import Document, read_document
from sim.catalog.benchmarks.findings import with_findings
from sim.catalog.benchmarks.hints import hint
from sim.catalog.benchmarks.loops import with_gap
from sim.errors import MeasurementError
from sim.model.measured import MeasuredRun, Remark

KNOWN = (
    "vllm bench serve, SGLang bench_serving, GuideLLM, AIPerf, GenAI-Perf, inference-perf, "
    "LLMPerf, InferenceX, MLPerf, llm-d Benchmark Report, Prometheus text, engine logs, CSV"
)
MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of file.

    Attributes
    ----------
    recognises : callable
        Whether a document is of this kind.
    runs : callable
        Its runs.
    """

    recognises: Callable[[Document], bool]
    runs: Callable[[Document], Iterable[MeasuredRun]]


IMPORTERS: Mapping[str, Importer] = {  # the first that knows a document reads it
    "guidellm": Importer(guidellm.recognises, guidellm.runs),
    "sglang": Importer(sglang_bench.recognises, sglang_bench.runs),
    "vllm": Importer(vllm_bench.recognises, vllm_bench.runs),
    "aiperf": Importer(aiperf.recognises, aiperf.runs),
    "aiperf lines": Importer(aiperf.recognises_lines, aiperf.runs_of_lines),
    "inference-perf": Importer(inference_perf.recognises, inference_perf.runs),
    "inference-perf requests": Importer(
        inference_perf.recognises_requests, inference_perf.runs_of_requests
    ),
    "llmperf": Importer(llmperf.recognises, llmperf.runs),
    "llmperf responses": Importer(llmperf.recognises_responses, llmperf.runs_of_responses),
    "inferencex": Importer(inferencex.recognises, inferencex.runs),
    "inferencex json": Importer(inferencex.recognises_json, inferencex.runs_of_json),
    "benchmark report": Importer(benchmark_report.recognises, benchmark_report.runs),
    "benchmark report yaml": Importer(
        benchmark_report.recognises_yaml, benchmark_report.runs_of_yaml
    ),
    "iterations": Importer(engine_log.recognises_iterations, engine_log.runs_of_iterations),
    "vllm table": Importer(vllm_bench.recognises_table, vllm_bench.runs_of_table),
    "mlperf": Importer(mlperf.recognises, mlperf.runs),
    "csv": Importer(table.recognises, table.runs),
}

# Tools that write one run into two files: the load and summaries, and the requests.
IN_HALVES = ({"aiperf", "genai-perf"}, {"inference-perf"}, {"llmperf"})


def read_benchmarks(
    paths: Sequence[str], columns: Mapping[str, str] | None = None
) -> tuple[MeasuredRun, ...]:
    """Read the runs of benchmark files.

    Parameters
    ----------
    paths : sequence of str
        Files, plain or gzip, of any tools.
    columns : mapping of str to str or None
        Columns of plain tables by hand, ours to theirs: ``{"e2e_s": "Latency"}``.

    Returns
    -------
    runs : tuple of MeasuredRun
        In the order of the files, each with remarks on what is assumed, left out or odd.

    Raises
    ------
    MeasurementError
        With file and place, for whatever keeps a file from being used.
    """
    if len(paths) > MOST_FILES:
        raise MeasurementError(f"more than {MOST_FILES:,} files")
    if len(set(paths)) < len(paths):
        raise MeasurementError("one file is named twice")
    documents = [table.own_columns(read_document(path), columns or {}) for path in paths]
    found = list(_joined(list(_runs(documents))))
    return tuple(with_findings(_with_gap(run)) for run in found)


def _runs(documents: Sequence[Document]) -> Iterator[MeasuredRun]:
    """The runs of documents; those that belong together are read together."""
    logs = [each for each in documents if engine_log.recognises(each)]
    texts = [each for each in documents if each.text and prometheus.recognises(each)]
    together = engine_log.by_stem(logs)
    for document in documents:
        if document in logs:
            group = together[engine_log.stem(document.path)]
            if document is group[0]:
                yield engine_log.run_of(group)
        elif document in texts:
            if document is texts[0]:
                yield from prometheus.runs(texts)
        else:
            yield from importer(document).runs(document)


def importer(document: Document) -> Importer:
    """The importer that knows a document."""
    for each in IMPORTERS.values():
        if each.recognises(document):
            return each
    said = hint(document) or (table.NO_COLUMNS if document.columns else None)
    if said:
        raise MeasurementError(f"{document.path}: {said}")
    raise MeasurementError(f"{document.path}: is no benchmark's file that is known ({KNOWN})")


def _with_gap(run: MeasuredRun) -> MeasuredRun:
    return replace(run, drive=with_gap(run.drive, run.requests))


def _joined(runs: list[MeasuredRun]) -> Iterator[MeasuredRun]:
    """Runs, of which two that are halves of one are one."""
    taken: set[int] = set()
    for at, run in enumerate(runs):
        if at in taken:
            continue
        other = _other_half(at, runs)
        if other is None:
            yield run
            continue
        taken.add(other)
        summary, log = sorted((run, runs[other]), key=lambda each: each.requests is not None)
        yield _join(summary, log)


def _other_half(at: int, runs: list[MeasuredRun]) -> int | None:
    """The one run of the same folder that has what this one lacks, if it is the only one."""
    run = runs[at]
    for tools in IN_HALVES:
        if run.source.tool not in tools:
            continue
        folder = PurePath(run.source.file).parent
        near = [
            index
            for index, each in enumerate(runs)
            if each.source.tool in tools and PurePath(each.source.file).parent == folder
        ]
        with_log = [index for index in near if runs[index].requests is not None]
        if len(near) == 2 and len(with_log) == 1:
            return next(index for index in near if index != at)
    return None


def _join(summary: MeasuredRun, log: MeasuredRun) -> MeasuredRun:
    """The load and the summaries of one, the requests of the other."""
    drive = replace(
        summary.drive,
        loop=summary.drive.loop or log.drive.loop,
        requests=log.drive.requests,
        warmup_requests=log.drive.warmup_requests,
        prompt_tokens=None,
        output_tokens=None,
    )
    kept = ("left_out", "conversation")
    remarks: tuple[Remark, ...] = tuple(r for r in log.remarks if r.kind in kept)
    return replace(summary, drive=drive, requests=log.requests, remarks=remarks)
