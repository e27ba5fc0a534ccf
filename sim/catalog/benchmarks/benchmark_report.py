"""The llm-d Benchmark Report v0.2 and v0.2.1, as JSON or YAML: what many tools are turned into.

Every statistic has its unit. A report says one load, a rate or a number of users, and how lengths
are distributed; it has no single requests.
"""

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import UNITS, Fields
from sim.catalog.benchmarks.loops import load_name
from sim.catalog.benchmarks.summary import statistics
from sim.errors import MeasurementError
from sim.model.measured import (
    ClosedLoop,
    Drive,
    MeasuredRun,
    OpenLoop,
    Parallelism,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

METRICS = {
    "ttft_s": "time_to_first_token",
    "tpot_s": "time_per_output_token",
    "itl_s": "inter_token_latency",
    "ntpot_s": "normalized_time_per_output_token",
    "e2e_s": "request_latency",
}
VERSIONS = ("0.2", "0.2.0", "0.2.1")
LAWS = {"fixed": "fixed", "gaussian": "normal", "uniform": "uniform"}
MOST_YAML = 2**20  # characters; a report has 10,000
DEEPEST = 50


def recognises(document: Document) -> bool:
    """By the four parts of a report."""
    return document.has("version", "run", "results")


def recognises_yaml(document: Document) -> bool:
    """The same as YAML."""
    names = ("version", "run", "results")
    return all(re.search(rf"^{name}:", document.text, re.MULTILINE) for name in names)


def runs_of_yaml(document: Document) -> Iterator[MeasuredRun]:
    """The run of a report in YAML."""
    text = document.text
    if len(text) > MOST_YAML or sum(text.count(each) for each in "[{") > 10_000 or "&" in text:
        raise MeasurementError(f"{document.path}: is too large, or odd, for a report in YAML")
    try:
        found: Any = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        raise MeasurementError(f"{document.path}: is not YAML") from None
    yield from _runs(found, document)


def runs(document: Document) -> Iterator[MeasuredRun]:
    """The run of a report."""
    return _runs(document.first, document)


def _runs(found: Any, document: Document) -> Iterator[MeasuredRun]:
    fields = Fields(found if isinstance(found, dict) else {}, document.path)
    if fields.text("version") not in VERSIONS:
        raise fields.error("version", f"must be {' or '.join(VERSIONS)}")
    aggregate = fields.part("results", "request_performance", "aggregate")
    requests, throughput = aggregate.part("requests"), aggregate.part("throughput")
    load = fields.part("scenario", "load", "standardized")
    total, failed = requests.count("total"), requests.count("failures")
    incomplete = requests.count("incomplete") or 0
    drive = Drive(
        _loop(load),
        requests=total,
        ending="cut" if incomplete else "unknown",
        length_s=_duration(fields.part("run", "time").text("duration")),
        prompt_tokens=_tokens(load, "input_seq_len", requests.part("input_length")),
        output_tokens=_tokens(load, "output_seq_len", requests.part("output_length")),
        shared_prefix_tokens=load.part("prefix").number("prefix_len") or 0.0,
    )
    completed = None if total is None else max(total - (failed or 0) - incomplete, 0)
    if completed == 0:
        raise requests.error("total", "no request was completed")
    remark = "a report has no single requests, and does not say how gaps between them were spread"
    yield MeasuredRun(
        name=fields.part("run").text("eid") or load_name(drive.loop),
        source=Source(
            document.path,
            document.sha256,
            load.text("tool") or "benchmark-report",
            load.text("tool_version"),
            fields.part("run", "time").day("start"),
        ),
        setup=_setup(fields),
        drive=drive,
        statistics=_latencies(aggregate.part("latency")),
        completed=completed,
        failed=failed,
        output_tokens_per_s=throughput.part("output_token_rate").number("mean"),
        requests_per_s=throughput.part("request_rate").number("mean"),
        remarks=(Remark("assumed", remark),),
    )


def _latencies(latency: Fields) -> dict[str, Statistics]:
    """The statistics of all metrics that are there."""
    found = {ours: _statistics(latency, name) for ours, name in METRICS.items()}
    given = {ours: one for ours, one in found.items() if one is not None}
    if "ttft_s" not in given or not given.keys() & {"tpot_s", "itl_s", "e2e_s"}:
        raise latency.missing("time_to_first_token or time_per_output_token")
    return given


def _statistics(latency: Fields, name: str) -> Statistics | None:
    one = latency.part(name)
    if not one.entries:
        return None
    unit = one.text("units").casefold()
    if unit not in UNITS:
        raise one.error("units", "must be s, ms, s/token or ms/token")
    return statistics(one, UNITS[unit])


def _loop(load: Fields) -> ClosedLoop | OpenLoop | None:
    """The load that was asked for; a rate above all, which a limit of users may go with."""
    rate, users = load.rate("rate_qps"), load.users("concurrency")
    if rate is not None:
        return OpenLoop(rate, None, users)
    return ClosedLoop(users) if users else None


def _tokens(load: Fields, name: str, measured: Fields) -> Tokens | None:
    """Lengths that were asked for, else their measured mean."""
    asked = load.part(name)
    value, mean = asked.number("value"), measured.number("mean")
    law = LAWS.get(asked.text("distribution"))
    low, high = asked.limits("min", "max")
    sd = asked.number("std_dev") or 0.0
    if value is None or law is None or (law == "uniform" and (low is None or high is None)):
        found = mean if mean is not None else value
        return None if found is None else Tokens("unknown", found)
    if law == "fixed":
        return Tokens("fixed", value)
    if law == "uniform" and low is not None and high is not None:
        return Tokens("uniform", (low + high) / 2, (high - low) / 12**0.5, low, high)
    return Tokens("normal", value, sd, low, high)


def _setup(fields: Fields) -> Setup:
    """The first engine of the stack, and how many replicas there are."""
    stacks = [one.part("standardized") for one in fields.part("scenario").parts("stack")]
    engines = [one for one in stacks if one.text("kind") == "inference_engine"]
    if not engines:
        return Setup()
    if any(one.text("role") in ("prefill", "decode") for one in engines):
        message = "is of separate prefill and decode engines, which one profile cannot describe"
        raise MeasurementError(f"{fields.place}: {message}")
    engine = engines[0]
    accelerator = engine.part("accelerator")
    ways = accelerator.part("parallelism")
    parallelism = Parallelism(
        ways.users("tp") or 1, ways.users("pp") or 1, ways.users("dp") or 1, ways.users("ep") or 1
    )
    return Setup(
        engine=engine.text("tool"),
        engine_version=engine.text("tool_version"),
        model=engine.part("model").text("name"),
        gpu=accelerator.text("model"),
        parallelism=parallelism if ways.entries else None,
        replicas=engine.users("replicas") or 1,
    )


def _duration(text: str) -> float | None:
    """Seconds of an ISO 8601 duration.

    >>> _duration("P1DT2H0M3.5S"), _duration("PT30S"), _duration("")
    (93603.5, 30.0, None)
    """
    number = r"(\d{1,9}(?:\.\d{1,9})?)"
    parts = rf"P(?:{number}D)?(?:T(?:{number}H)?(?:{number}M)?(?:{number}S)?)?"
    found = re.fullmatch(parts, text)
    if not found or not any(found.groups()):
        return None
    sizes = (86400.0, 3600.0, 60.0, 1.0)
    return sum(float(n) * size for n, size in zip(found.groups(), sizes, strict=True) if n)
