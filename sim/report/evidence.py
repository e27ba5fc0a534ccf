"""The evidence for a cause in words: what a monitoring system would have shown."""

from collections.abc import Iterator, Mapping

from sim.montecarlo.cause import EVIDENCE
from sim.montecarlo.shares import percent

SIGNS = {
    "kv": "cache {:.1%} full",
    "batch": "batch {:.0%} full",
    "queue": "{:,.0f} requests waiting for each ready replica",
    "ready": "{:.1f} replicas ready",
    "first": "{:.0%} of the waiting fell in times without a replica",
    "starting": "replicas starting in {:.0%} of that time",
    "pending": "replicas waiting for GPUs in {:.0%} of that time",
    "at_limit": "at its limit in {:.0%} of that time",
    "utilisation": "busy {:.0%} of that time",
    "preemptions": "{:,.0f} preemptions",
    "too_long": "{:.1%} of prompts too long",
    "rejected": "{} of attempts turned away",
    "errors": "{} of attempts failed",
    "lateness": "p95 {:.1f} times what the SLO allows",
    "offered": "work offered up to {:.0%} of capacity",
    "unanswered_share": "{} of requests not answered",
    "retry_amplification": "{:.2f} attempts for each request",
    "wasted_work_share": "{:.0%} of the work for nobody",
    "withheld": "{} of requests not tried again, for their retry budget was spent",
}
AMPLIFIED = 1.5  # attempts per request, from which on they are part of the evidence everywhere
NOTICED = 0.001  # share turned away, from which on it is
OVER = 1.0  # work offered to capacity


def evidence(cause: str, signs: Mapping[str, float | None]) -> str:
    """The signs of a cause in words, as a list.

    >>> evidence("quota", {"rejected": 0.74, "retry_amplification": 1.0, "unanswered_share": 0.741})
    '74 % of attempts turned away, 1.00 attempts for each request, 74 % of requests not answered'
    """
    known = {name: value for name, value in signs.items() if value is not None}
    names = [name for name in (*EVIDENCE[cause], *_striking(known)) if name in known]
    shown = (SIGNS[name].format(_written(name, known[name])) for name in dict.fromkeys(names))
    return ", ".join(shown).replace("%", " %").replace("  %", " %")


def _striking(signs: Mapping[str, float]) -> Iterator[str]:
    """Signs that are worth saying whatever the cause."""
    if signs.get("rejected", 0.0) >= NOTICED:
        yield "rejected"
    if signs.get("withheld", 0.0) >= NOTICED:
        yield "withheld"
    if signs.get("offered", 0.0) > OVER:
        yield "offered"
    if signs.get("retry_amplification", 0.0) > AMPLIFIED:
        yield from ("retry_amplification", "wasted_work_share")


def _written(name: str, value: float) -> float | str:
    """Shares that may be tiny are never rounded to none or all."""
    return percent(value) if "{}" in SIGNS[name] else value
