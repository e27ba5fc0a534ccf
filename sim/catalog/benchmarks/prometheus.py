"""A live engine's metrics in Prometheus's text: vLLM, SGLang, TensorRT-LLM, and what relabels them.

Counters and histograms count from the engine's start, so one text is the engine's life so far, and
two or more of one engine are what happened between them. Times are taken by the engine's own
server, without the way to the client. Families are known by their ending; those of several
engines in one text are added up. ``time_per_output_token_seconds`` is the older name of the time
between tokens.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sim.catalog.benchmarks.document import Document
from sim.errors import MeasurementError
from sim.model.measured import (
    Drive,
    MeasuredRun,
    OpenLoop,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

HISTOGRAMS: Mapping[str, tuple[str, ...]] = {
    "ttft_s": ("time_to_first_token_seconds",),
    "tpot_s": ("request_time_per_output_token_seconds",),
    "itl_s": ("inter_token_latency_seconds", "time_per_output_token_seconds"),
    "e2e_s": ("e2e_request_latency_seconds",),
    "input": ("request_prompt_tokens", "prompt_tokens_histogram"),
    "output": ("request_generation_tokens", "generation_tokens_histogram"),
}
COUNTERS: Mapping[str, tuple[str, ...]] = {
    "input": ("prompt_tokens_total",),
    "output": ("generation_tokens_total",),
    "requests": ("num_requests_total",),
    "preempted": ("num_preemptions_total",),
    "asked": ("prefix_cache_queries_total",),
    "hit": ("prefix_cache_hits_total", "cached_tokens_total"),
}
PREFIX = r"^(?:kserve_)?(?P<engine>vllm|sglang|trtllm)[:_]"
_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{([^{}]*)\})?[ \t]+([^ \t]+)(?:[ \t]+(\d{1,16}))?\s*")
_LABEL = re.compile(r'(\w{1,100})="((?:[^"\\]|\\.)*)"')
_ENGINE = re.compile(PREFIX)
PERCENTILES = (50.0, 90.0, 95.0, 99.0)
WIDEST = 1.3  # upper end of a bucket over its lower one, for a percentile to be read off it
MOST_SAMPLES, LONGEST_LINE = 1_000_000, 10_000


@dataclass
class Scrape:
    """Sums over the engines of one text.

    Attributes
    ----------
    values : dict
        Sums by metric name.
    buckets : dict
        Cumulative counts by metric name and upper bound.
    engine, model : str
    time_s, start_s : float
        When it was taken and when the process began, since 1970; NaN where not known.
    """

    values: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    buckets: dict[str, dict[float, float]] = field(default_factory=lambda: defaultdict(dict))
    engine: str = ""
    model: str = ""
    time_s: float = math.nan
    start_s: float = math.nan

    def minus(self, before: "Scrape") -> "Scrape":
        """What happened since an earlier one."""
        values = {name: value - before.values.get(name, 0.0) for name, value in self.values.items()}
        buckets = {
            name: {le: n - before.buckets.get(name, {}).get(le, 0.0) for le, n in found.items()}
            for name, found in self.buckets.items()
        }
        return Scrape(values, buckets, self.engine, self.model, self.time_s, before.time_s)


def recognises(document: Document) -> bool:
    """By a family of an engine that is known."""
    return re.search(PREFIX, document.text, re.MULTILINE) is not None


def runs(documents: Sequence[Document]) -> Iterator[MeasuredRun]:
    """The run of one text, or those between several of one engine."""
    scrapes = sorted(
        ((_scrape(each), each) for each in documents), key=lambda pair: pair[0].values["samples"]
    )
    scrapes.sort(key=lambda pair: (pair[0].model, _finished(pair[0])))
    for index, (scrape, document) in enumerate(scrapes):
        same = index and scrapes[index - 1][0].model == scrape.model
        following = index + 1 < len(scrapes) and scrapes[index + 1][0].model == scrape.model
        if same:
            yield _run(scrape.minus(scrapes[index - 1][0]), document, "between two texts")
        elif not following:
            yield _run(scrape, document, "since the engine's start")


def _scrape(document: Document) -> Scrape:
    found = Scrape()
    lines = document.text.split("\n")
    if len(lines) > MOST_SAMPLES:
        raise MeasurementError(f"{document.path}: has more than {MOST_SAMPLES:,} lines")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line) if len(line) < LONGEST_LINE else None
        value = _value(sample[3]) if sample else None
        if sample is None or value is None:
            raise MeasurementError(f"{document.path}:{number}: is not a sample of Prometheus")
        if not math.isnan(value):
            _add(found, sample[1], sample[2] or "", value)
        if sample[4]:
            found.time_s = float(sample[4]) / 1000
    return found


def _add(found: Scrape, name: str, labels: str, value: float) -> None:
    if name == "process_start_time_seconds":
        found.start_s = value
        return
    engine = _ENGINE.match(name)
    if engine is None:
        return
    found.engine = found.engine or engine["engine"]
    plain = _ENGINE.sub("", name)
    named = dict(_LABEL.findall(labels))
    found.model = found.model or named.get("model_name", "")[:200]
    if plain.endswith("_bucket") and "le" in named:
        bound = _value(named["le"])
        if bound is not None and not math.isnan(bound):
            of_name = found.buckets[plain.removesuffix("_bucket")]
            of_name[bound] = of_name.get(bound, 0.0) + value
    elif math.isfinite(value):
        found.values[plain] += value


def _value(text: str) -> float | None:
    try:
        return float(text) if len(text) < 40 and "_" not in text else None
    except ValueError:
        return None


def _sum(found: Scrape, names: Sequence[str], ending: str = "") -> float:
    """A sum, from the first family that is there; NaN without any."""
    return next((found.values[n + ending] for n in names if n + ending in found.values), math.nan)


def _finished(found: Scrape) -> float:
    """Requests that were answered."""
    for names in (HISTOGRAMS["e2e_s"], HISTOGRAMS["ttft_s"]):
        count = _sum(found, names, "_count")
        if not math.isnan(count):
            return count
    return _sum(found, COUNTERS["requests"])


def _run(found: Scrape, document: Document, when: str) -> MeasuredRun:
    count = _finished(found)
    if not count >= 1:
        message = f"counts no request {when} (scrape the engine under load)"
        raise MeasurementError(f"{document.path}: {message}")
    summaries = {
        metric: one
        for metric in ("ttft_s", "tpot_s", "itl_s", "e2e_s")
        if (one := _statistics(found, HISTOGRAMS[metric])) is not None
    }
    if "ttft_s" not in summaries or not summaries.keys() & {"tpot_s", "itl_s", "e2e_s"}:
        message = "has no time to the first token, or none between tokens"
        raise MeasurementError(f"{document.path}: {message}")
    totals = {which: _tokens_total(found, which) for which in ("input", "output")}
    length = found.time_s - found.start_s
    rate = count / length if length > 0 else math.nan
    return MeasuredRun(
        name=when,
        source=Source(document.path, document.sha256, "prometheus"),
        setup=Setup(engine=found.engine, model=found.model),
        drive=Drive(
            None if math.isnan(rate) else OpenLoop(rate),
            requests=int(count),
            length_s=length if length > 0 else None,
            prompt_tokens=_tokens(totals["input"], count),
            output_tokens=_tokens(totals["output"], count),
        ),
        clock="engine",
        statistics=summaries,
        completed=int(count),
        input_tokens=None if math.isnan(totals["input"]) else totals["input"],
        output_tokens=None if math.isnan(totals["output"]) else totals["output"],
        requests_per_s=None if math.isnan(rate) else rate,
        remarks=tuple(_remarks(found, rate)),
    )


def _tokens_total(found: Scrape, which: str) -> float:
    total = _sum(found, HISTOGRAMS[which], "_sum")
    return _sum(found, COUNTERS[which]) if math.isnan(total) else total


def _tokens(total: float, count: float) -> Tokens | None:
    return None if math.isnan(total) or total < 0 else Tokens("unknown", total / count)


def _remarks(found: Scrape, rate: float) -> Iterator[Remark]:
    yield Remark(
        "assumed", "percentiles are read off histograms, where their buckets are narrow enough"
    )
    if math.isnan(rate):
        yield Remark(
            "left_out", "the text does not say over how long it counts, nor under what load"
        )
    asked, hit = _sum(found, COUNTERS["asked"]), _sum(found, COUNTERS["hit"])
    asked = _tokens_total(found, "input") if math.isnan(asked) else asked
    if hit > 0 and asked > 0:
        text = f"{hit / asked:.0%} of the input tokens were in the engine's prefix cache"
        yield Remark("prefix_cache", text)
    preempted = _sum(found, COUNTERS["preempted"])
    if preempted > 0:
        yield Remark("saturated", f"{preempted:.0f} requests were preempted: the KV cache was full")


def _statistics(found: Scrape, names: Sequence[str]) -> Statistics | None:
    """Mean and percentiles of a histogram."""
    name = next((each for each in names if f"{each}_count" in found.values), None)
    if name is None:
        return None
    count, total = found.values[f"{name}_count"], found.values.get(f"{name}_sum", math.nan)
    if not count > 0 or total < 0:
        return None
    buckets = sorted(found.buckets.get(name, {}).items())
    percentiles = {p: _quantile(buckets, p / 100) for p in PERCENTILES}
    known = {p: value for p, value in percentiles.items() if not math.isnan(value)}
    return Statistics(total / count, percentiles=known)


def _quantile(buckets: Sequence[tuple[float, float]], q: float) -> float:
    """Linear within a bucket; NaN in one that is wide, or in the last one, which has no end.

    >>> _quantile([(0.1, 50.0), (0.12, 100.0), (float("inf"), 100.0)], 0.75)
    0.11
    """
    if not buckets or not buckets[-1][1] > 0:
        return math.nan
    wanted, low, below = q * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if not bound <= WIDEST * low or count <= below:
                return math.nan
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return math.nan
