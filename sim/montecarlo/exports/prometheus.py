"""Metrics in the Prometheus text format, under the names of vLLM's V1 engine.

As if somebody had scraped every backend at the end of the horizon. Counters run from its start and
count what was answered. The labels are vLLM's: ``engine`` is the backend, ``model_name`` its model;
where a metric belongs to a workload that several backends answered, all of them are named, joined
by ``+``. Latencies are those that users see, retries included.

A bucket's edge cuts one of our narrower ones: those below it are counted by linear share and
rounded to whole requests. What the ledger does not know is left out: the preemptions of pools that
share a workload, and all that would need lengths or phases of single requests.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.histogram import edges_s
from sim.engine.state.record import E2E, REMOTE, TPOT, TTFT, WAIT, Records
from sim.model.design import Design, GpuPool
from sim.montecarlo.exports.backends import Backend, model_name

FloatArray = npt.NDArray[np.float64]
Labels = dict[str, str]
Sample = tuple[str, Labels, float]  # suffix of the name, labels, value

PREFIX = "vllm:"

# Upper edges in seconds, as in vllm/v1/metrics/loggers.py.
TTFT_BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
    1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
TPOT_BUCKETS = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
    1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
)  # fmt: skip
REQUEST_BUCKETS = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0,
    120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Latency:
    """A histogram: its name, our latency, the counter of its sum, and its buckets."""

    name: str
    help: str
    latency: int
    sum_field: str
    buckets: tuple[float, ...]


LATENCIES = (
    _Latency("time_to_first_token_seconds", "Time to first token", TTFT, "ttft_s", TTFT_BUCKETS),
    _Latency(
        "request_time_per_output_token_seconds",
        "Mean time per output token of a request, the first token left out",
        TPOT,
        "tpot_s",
        TPOT_BUCKETS,
    ),
    _Latency(
        "e2e_request_latency_seconds", "Time to the last token", E2E, "e2e_s", REQUEST_BUCKETS
    ),
    _Latency(
        "request_queue_time_seconds",
        "Time from arrival to the first batch",
        WAIT,
        "queue_wait_s",
        REQUEST_BUCKETS,
    ),
)

COUNTERS = {  # vLLM's name: help, field of the usage
    "prompt_tokens_total": ("Prompt tokens of answers", "prompt_tokens"),
    "generation_tokens_total": ("Output tokens of answers", "output_tokens"),
    "prefix_cache_queries_total": ("Prompt tokens looked up in the prefix cache", "prompt_tokens"),
    "prefix_cache_hits_total": ("Prompt tokens found at the first admission", "cached_tokens"),
}


def prometheus(outcome: Outcome, design: Design) -> str:
    """The metrics of a world as text.

    Parameters
    ----------
    outcome : Outcome
    design : Design
    """
    families = (
        *_counters(outcome, design),
        *_gauges(outcome, design),
        *_latencies(outcome, design),
    )
    return "".join(line + "\n" for family in families for line in family)


def cumulative(counts: npt.NDArray[np.integer], buckets: Sequence[float]) -> list[int]:
    """How many lie below each edge.

    Parameters
    ----------
    counts : (BUCKETS,) integers
        As in :mod:`sim.engine.state.histogram`.
    buckets : sequence of float
        Edges in seconds, increasing.

    Returns
    -------
    list of int
        Non-decreasing, at most the sum of the counts.
    """
    below = np.concatenate([[0], np.cumsum(counts)])
    rounded: list[int] = np.rint(np.interp(buckets, edges_s(), below)).astype(np.int64).tolist()
    return rounded


def _counters(outcome: Outcome, design: Design) -> Iterator[list[str]]:
    usage = outcome.ledger.usage
    served = [(labels_of(backend), usage[:, at]) for at, backend in enumerate(design.backends)]
    for name, (help_text, field) in COUNTERS.items():
        samples = [("", labels, _total(booked, field)) for labels, booked in served]
        yield _family(name, "counter", help_text, samples)
    yield _family("request_success_total", "counter", "Answers", _answers(served))
    yield _family(
        "num_preemptions_total",
        "counter",
        "Times that completed requests were preempted",
        _preemptions(outcome, design),
    )


def _total(booked: Records, field: str) -> float:
    """Of the tokens cached, what was found at the first admission: no request hits itself."""
    total = float(booked[field].sum())
    return total - float(booked["found_later_tokens"].sum()) if field == "cached_tokens" else total


def _answers(served: Iterable[tuple[Labels, Records]]) -> Iterator[Sample]:
    """Answers by why they ended: at their end, or shortened."""
    for labels, booked in served:
        answers, shortened = (float(booked[field].sum()) for field in ("answers", "degraded"))
        yield "", labels | {"finished_reason": "stop"}, answers - shortened
        yield "", labels | {"finished_reason": "length"}, shortened


def _preemptions(outcome: Outcome, design: Design) -> Iterator[Sample]:
    """Of the pools whose workloads come to no other pool: a workload's are all a pool's own."""
    comes = outcome.ledger.usage["attempts"][:, : len(design.pools)].sum(axis=(2, 3)) > 0
    preemptions = outcome.ledger.workloads["preemptions"].sum(axis=1)
    for index, pool in enumerate(design.pools):
        mine = comes[:, index]
        if (comes[mine].sum(axis=1) == 1).all():
            yield "", labels_of(pool), float(preemptions[mine].sum())


def _gauges(outcome: Outcome, design: Design) -> Iterator[list[str]]:
    """What there is at the end of the horizon."""
    pools = [(labels_of(pool), outcome.ledger.pools[at]) for at, pool in enumerate(design.pools)]
    last = [(labels, booked[-1]) for labels, booked in pools]
    running = [("", labels, float(row["running"])) for labels, row in last]
    running += _remote(outcome, design)
    yield _family("num_requests_running", "gauge", "Requests in a batch", running)
    waiting = [("", labels, float(row["waiting"])) for labels, row in last]
    yield _family("num_requests_waiting", "gauge", "Requests waiting to be admitted", waiting)
    usage = [
        ("", labels, _kv_usage(pool, row))
        for pool, (labels, row) in zip(design.pools, last, strict=True)
    ]
    help_text = "Share of the KV cache in use, mean of the last bin of the timeline"
    yield _family("kv_cache_usage_perc", "gauge", help_text, usage)


def _remote(outcome: Outcome, design: Design) -> Iterator[Sample]:
    """Requests at managed backends."""
    there = outcome.in_flight[outcome.in_flight["place"] == REMOTE]["backend"]
    for index, api in enumerate(design.managed, start=len(design.pools)):
        yield "", labels_of(api), float(np.count_nonzero(there == index))


def _kv_usage(pool: GpuPool, row: Records) -> float:
    room = float(row["serving_s"]) * pool.profile.replica_kv_blocks
    return float(row["blocks_s"]) / room if room > 0 else 0.0


def _latencies(outcome: Outcome, design: Design) -> Iterator[list[str]]:
    groups = _groups(outcome, design)
    for latency in LATENCIES:
        samples = [
            sample
            for labels, workloads in groups
            for sample in _histogram(outcome, latency, labels, workloads)
        ]
        yield _family(latency.name, "histogram", latency.help, samples)


def _groups(outcome: Outcome, design: Design) -> list[tuple[Labels, list[int]]]:
    """Workloads by the backends that answered them: (labels, workloads)."""
    answers = outcome.ledger.usage["answers"].sum(axis=(2, 3))
    groups: dict[tuple[int, ...], list[int]] = {}
    names = [backend.name for backend in design.backends]
    for index, workload in enumerate(design.workloads):
        by = tuple(np.flatnonzero(answers[index]).tolist()) or (names.index(workload.pool),)
        groups.setdefault(by, []).append(index)
    return [(labels_of(*(design.backends[at] for at in by)), groups[by]) for by in sorted(groups)]


def _histogram(
    outcome: Outcome, latency: _Latency, labels: Labels, workloads: list[int]
) -> Iterator[Sample]:
    counts = outcome.ledger.histograms[workloads, latency.latency].sum(axis=0)
    for edge, below in zip(latency.buckets, cumulative(counts, latency.buckets), strict=True):
        yield "_bucket", labels | {"le": repr(edge)}, float(below)
    yield "_bucket", labels | {"le": "+Inf"}, float(counts.sum())
    yield "_count", labels, float(counts.sum())
    yield "_sum", labels, float(outcome.ledger.workloads[latency.sum_field][workloads].sum())


def labels_of(*backends: Backend) -> Labels:
    """Labels of a metric of one or several backends."""
    models = dict.fromkeys(model_name(backend) for backend in backends)
    engines = (backend.name for backend in backends)
    return {"engine": "+".join(engines), "model_name": "+".join(models)}


def _family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> list[str]:
    """Lines of one metric: a help text, its type, its samples; none without samples."""
    lines = [_line(f"{PREFIX}{name}{suffix}", labels, v) for suffix, labels, v in samples]
    if not lines:
        return []
    return [f"# HELP {PREFIX}{name} {help_text}.", f"# TYPE {PREFIX}{name} {kind}", *lines]


def _line(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
