"""Statistics as files spell them: ``p95_ttft_ms``, ``percentiles: {p95: …}``, ``p99p9``."""

import math
import re
from collections.abc import Iterable, Mapping

from sim.catalog.benchmarks.fields import MS, Fields, S
from sim.errors import MeasurementError
from sim.model.measured import Statistics

_PERCENTILE = re.compile(r"[pP](\d{1,2})(?:[p.](\d{1,2}))?$")
_MEANS = ("mean", "avg", "average")
_DEVIATIONS = ("std", "stddev", "std_dev", "sd")


def percentile(name: str) -> float | None:
    """The percentile that a name stands for; None for another name.

    >>> percentile("p95"), percentile("p99p9"), percentile("p99.9"), percentile("median")
    (95.0, 99.9, 99.9, 50.0)
    >>> percentile("mean") is None
    True
    """
    if name == "median":
        return 50.0
    found = _PERCENTILE.match(name)
    return float(f"{found[1]}.{found[2] or 0}") if found else None


def statistics(
    fields: Fields, unit: float, names: Iterable[str] = (), before: str = "", after: str = ""
) -> Statistics | None:
    """Statistics of one metric from keys such as ``mean``, ``std``, ``p95``; None without any.

    Parameters
    ----------
    fields : Fields
    unit : float
        Of the values, in SI.
    names : iterable of str
        Keys of the file without what stands before and after; all of its keys if not given.
    before, after : str
        What stands around the name of a statistic in a key: ``after="_ttft_ms"``.
    """
    mean = sd = math.nan
    percentiles: dict[float, float] = {}
    for name in names or _names(fields, before, after):
        at = percentile(name)
        if at is None and name not in _MEANS and name not in _DEVIATIONS:
            continue
        value = fields.number(f"{before}{name}{after}", unit)
        if value is None:
            continue
        if at is not None:
            percentiles[at] = value
        elif name in _MEANS:
            mean = value
        else:
            sd = value
    if math.isnan(mean) and not percentiles:
        return None
    return Statistics(mean, sd, dict(sorted(percentiles.items())))


def time_per_token(
    place: str, ttft: Statistics, e2e: Statistics, output_tokens: float
) -> dict[str, Statistics]:
    """The mean time per output token that other means give; nothing where these are not known.

    Exact for answers of one length; else an answer counts by its length.
    """
    gaps = e2e.mean - ttft.mean
    if math.isnan(gaps) or output_tokens <= 1:
        return {}
    if gaps < 0:
        message = "the mean latency is shorter than the mean time to the first token"
        raise MeasurementError(f"{place}: {message}")
    return {"tpot_s": Statistics(gaps / (output_tokens - 1))}


def _names(fields: Fields, before: str, after: str) -> list[str]:
    """Names of statistics among the keys."""
    keys = [key for key in fields.entries if isinstance(key, str)]
    inside = [key for key in keys if key.startswith(before) and key.endswith(after)]
    return [key[len(before) : len(key) - len(after)] for key in inside]


def by_suffix(fields: Fields, suffixes: Mapping[str, str]) -> dict[str, Statistics]:
    """Statistics from keys such as ``p95_ttft_ms``, the unit at their end.

    Parameters
    ----------
    fields : Fields
    suffixes : mapping of str to str
        Our metric to the file's word: ``{"ttft_s": "ttft"}``.
    """
    found: dict[str, Statistics] = {}
    for metric, word in suffixes.items():
        for unit_name, unit in (("_ms", MS), ("_s", S)):
            one = statistics(fields, unit, after=f"_{word}{unit_name}")
            if one is not None:
                found.setdefault(metric, one)
    return found
