"""Figures as people read them: units, digits, names.

Everything inside is in seconds, USD and plain shares; only here do they become milliseconds,
thousands and per cent. All numbers of one figure share a unit and a number of digits, so that they
can be compared at a glance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sim.report.of_regions import OF_REGIONS

Kind = Literal["usd", "seconds", "share", "count", "rate"]

ABSENT = "–"
FINEST_MS = 2  # decimals of a millisecond: no clock of a server is finer


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric and how it is shown."""

    metric: str
    label: str
    kind: Kind
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit, its size in the unit of the metric, and the decimals to show."""

    unit: str
    size: float
    decimals: int

    def text(self, value: float | None) -> str:
        """The number in this unit, without the unit.

        >>> Scale("ms", 1e-3, 0).text(0.2451)
        '245'
        """
        if value is None or math.isnan(value):
            return ABSENT
        text = f"{value / self.size:,.{self.decimals}f}"
        return text.removeprefix("-") if float(text.replace(",", "")) == 0.0 else text


def relabelled(figure: Figure, labels: Mapping[str, str]) -> Figure:
    """The figure under another label, if there is one for it."""
    return replace(figure, label=labels.get(figure.metric, figure.label))


def scale(figure: Figure, typical: float, largest: float = 0.0) -> Scale:
    """The scale on which a figure of typical size is best read, beside the largest of its row.

    >>> scale(Figure("ttft_p95_s", "", "seconds"), 0.2451)
    Scale(unit='ms', size=0.001, decimals=0)
    """
    match figure.kind:
        case "seconds":
            # A row that runs from milliseconds to minutes is read in seconds.
            unit, size = _time_unit(max(abs(typical), largest / 100.0))
            most = FINEST_MS if unit == "ms" else 3
            return Scale(unit, size, min(_decimals(typical / size, 3), most))
        case "share":
            return Scale("%", 0.01, 1)
        case "usd":
            prefix, size = _thousands(typical, 1e6)
            value = typical / size
            decimals = max(_decimals(value, 4), 2) if abs(value) < 1000 else 0
            return Scale(f"{prefix}USD", size, decimals)
        case "count":
            prefix, size = _thousands(typical, 1e4)
            whole = size == 1.0 and (float(typical).is_integer() or abs(typical) >= 100)
            return Scale(prefix + figure.unit, size, 0 if whole else 1)
        case "rate":
            return Scale(figure.unit, 1.0, _decimals(typical, 3))


def text(figure: Figure, value: float | None) -> str:
    """One value with its unit, for a sentence.

    >>> text(Figure("cost_usd", "", "usd"), 34912.4)
    '34,912 USD'
    """
    if value is None:
        return ABSENT
    chosen = scale(figure, value)
    return f"{chosen.text(value)} {chosen.unit}".rstrip()


def duration(seconds: float) -> str:
    """A horizon in words.

    >>> duration(86400.0), duration(7 * 86400.0), duration(5400.0)
    ('1 day', '7 days', '1.5 hours')
    """
    for name, size in (("day", 86_400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= size:
            count = round(seconds / size, 1)
            return f"{count:g} {name}{'s' if count != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


def typical(estimate: Mapping[str, Any]) -> float | None:
    """The value that a row's scale is chosen for; None where there is no value at all."""
    values = (estimate[name] for name in ("p50", "p95", "p5", "mean") if estimate[name] is not None)
    first = next(values, None)
    return first if first is None or first else next((v for v in values if v), first)


def _time_unit(seconds: float) -> tuple[str, float]:
    for unit, size, below in (("ms", 1e-3, 1.0), ("s", 1.0, 600.0), ("min", 60.0, 36_000.0)):
        if abs(seconds) < below:
            return unit, size
    return "h", 3600.0


def _thousands(value: float, limit: float) -> tuple[str, float]:
    """Thousands or millions from ``limit`` on, else ones."""
    if abs(value) < limit or not math.isfinite(value):
        return "", 1.0
    return ("k", 1e3) if abs(value) < 1e3 * limit else ("M", 1e6)


def _decimals(value: float, significant: int) -> int:
    """Decimals that show so many significant digits, at most 6."""
    if value == 0.0 or not math.isfinite(value):
        return 0
    return min(max(significant - 1 - math.floor(math.log10(abs(value))), 0), 6)


def _figures(kind: Kind, unit: str, **labels: str) -> tuple[Figure, ...]:
    return tuple(Figure(metric, label, kind, unit) for metric, label in labels.items())


IN_TIERS = ("gpu_hit_share", "host_hit_share", "nvme_hit_share", "shared_hit_share")
GROUPS: dict[str, tuple[Figure, ...]] = {
    "Where a dollar goes": _figures(
        "share",
        "%",
        cost_used_share="used: work for answers",
        cost_headroom_share="headroom: ready, not needed then",
        cost_idle_share="idle, or committed and not used",
        cost_wasted_share="wasted: work for nobody",
        offered_load="work offered to capacity",
    ),
    "Cost": (
        *_figures(
            "usd",
            "USD",
            cost_usd="over the horizon",
            cost_stand_in_usd="of this on demand, for want of spot",
            cost_usd_per_month="per month",
            cost_usd_per_request="per request answered",
        ),
        Figure("requests_answered_share", "requests answered", "share"),
        *_figures(
            "usd",
            "USD",
            cost_usd_per_request_asked="per request that came",
            cost_usd_per_task="per task completed",
            cost_usd_per_task_asked="per task that came",
            cost_usd_per_user_month="per user served and month",
            cost_usd_per_user_month_asked="per active user and month",
            cost_usd_per_million_output_tokens="per million output tokens",
            cost_usd_per_month_with_one_off="per month, one-off cost included",
        ),
        Figure("lifetime_training_share", "one-off share of the lifetime's cost", "share"),
    ),
    "Margin": (
        Figure("revenue_usd", "revenue over the horizon", "usd"),
        Figure("gross_margin", "gross margin", "share"),
        Figure("quality_mean", "quality of the answers, points", "rate"),
    ),
    "Energy": (
        *_figures(
            "rate",
            "kWh",
            energy_kwh="energy over the horizon",
            energy_kwh_per_month="energy per month",
        ),
        Figure("energy_idle_share", "of this, what idle GPUs draw", "share"),
        Figure("energy_unknown_share", "answers whose energy is not known", "share"),
        *_figures(
            "rate",
            "Wh",
            energy_wh_per_request="energy per request answered",
            energy_wh_per_task="energy per task completed",
        ),
        Figure("energy_j_per_output_token", "energy per output token", "rate", "J"),
        Figure("energy_usd", "energy at its price", "usd"),
        *_figures("rate", "W", power_mean_w="power, mean", power_peak_w="power, largest of a bin"),
        *_figures(
            "rate",
            "kg",
            co2e_kg="CO2e over the horizon",
            co2e_kg_per_month="CO2e per month",
        ),
        *_figures(
            "rate",
            "g",
            co2e_g_per_request="CO2e per request answered",
            co2e_g_per_task="CO2e per task completed",
            co2e_g_per_million_output_tokens="CO2e per million output tokens",
        ),
        Figure("co2e_embodied_kg", "CO2e of making the machines", "rate", "kg"),
    ),
    "Duration": (
        Figure("makespan_s", "until the last answer", "seconds"),
        Figure("deadline_met_share", "answered by their deadline", "share"),
    ),
    "Latency": _figures(
        "seconds",
        "s",
        ttft_p50_s="first token p50",
        ttft_p95_s="first token p95",
        ttft_p99_s="first token p99",
        peak_hour_ttft_p95_s="first token p95, worst hour",
        tpot_p50_s="per output token p50",
        tpot_p95_s="per output token p95",
        e2e_p50_s="whole answer p50",
        e2e_p95_s="whole answer p95",
        e2e_p99_s="whole answer p99",
        peak_hour_e2e_p95_s="whole answer p95, worst hour",
        queue_wait_mean_s="wait for the batch, mean",
        queue_wait_p95_s="wait for the batch p95",
    ),
    "Utilisation": (
        *_figures(
            "share",
            "%",
            offered_load_peak="work offered to capacity, peak",
            utilisation="serving time with a request in the batch",
            batch_occupancy="batch filled while busy",
            kv_utilisation="KV cache filled",
        ),
        Figure("hours_over_capacity", "hours over capacity", "count"),
        *_figures(
            "rate",
            "",
            ready_replicas_mean="replicas ready, mean",
            ready_replicas_max="replicas ready, most",
            pending_replicas_mean="replicas waiting for GPUs, mean",
            gpu_hours="GPU-hours",
            stand_in_gpu_hours="of these on demand, for want of spot",
            unused_gpu_hours="of these on no replica, in whole nodes",
        ),
    ),
    "Reliability": (
        Figure("slo_attainment", "requests within the SLO", "share"),
        Figure("goodput_rps", "within the SLO per second", "rate", "/s"),
        *_figures(
            "count",
            "",
            requests="requests",
            completed="completed",
            retries="retries",
            retries_withheld="not tried again: retry budget spent",
            shed="attempts shed (sheddable)",
            hedges="hedged attempts",
            fallbacks="attempts that went on elsewhere",
            escalations="answers made again elsewhere",
            degraded="answers shortened",
            rejected="rejected",
            timed_out="timed out",
            failed="failed",
            gave_up="gave up",
            preemptions="preemptions",
            failed_starts="replicas not ready by their deadline",
            in_flight_end="in flight at the end",
            simulated_requests="requests simulated, warm-ups among them",
        ),
    ),
    "Early warning": (
        Figure("unanswered_share", "requests not answered", "share"),
        Figure("time_above_slo_share", "time with the SLO missed", "share"),
        Figure("time_to_recover_s", "recovery after a spike", "seconds"),
        Figure("retry_amplification", "attempts per request", "rate"),
        Figure("wasted_work_share", "work that served nobody", "share"),
    ),
    "Tasks": (
        Figure("tasks", "tasks", "count"),
        Figure("task_success", "tasks completed", "share"),
        Figure("task_e2e_p50_s", "whole task p50", "seconds"),
        Figure("task_e2e_p95_s", "whole task p95", "seconds"),
    ),
    "Caches": (
        Figure("cache_hit_rate", "prompt tokens cached", "share"),
        Figure("adapter_hit_share", "adapters found in their slots", "share"),
        Figure("adapter_load_share", "busy time in loads of adapters", "share"),
        Figure("found_again_tokens", "prompt tokens found again", "count"),
        Figure("gpu_hit_share", "prompt tokens found on the GPU", "share"),
        Figure("host_hit_share", "prompt tokens read from host memory", "share"),
        Figure("nvme_hit_share", "prompt tokens read from NVMe", "share"),
        Figure("shared_hit_share", "prompt tokens read from the shared store", "share"),
        Figure("response_cache_hit_rate", "requests answered from a cache", "share"),
    ),
}

LATENCY = "Latency"
POOLED = "all workloads together"  # a p95 of chats and batches is nobody's wait: it says so
LATENCIES = tuple(figure.metric for figure in GROUPS[LATENCY])

PARTS: dict[str, tuple[str, ...]] = {  # what is shown of each workload and backend among several
    "workloads": (
        "requests",
        "cost_usd",
        "cost_usd_per_request",
        "cost_usd_per_task",
        "cost_usd_per_user_month",
        "requests_answered_share",
        "gross_margin",
        "quality_mean",
        "energy_kwh",
        "energy_wh_per_request",
        "co2e_g_per_request",
        "ttft_p95_s",
        "peak_hour_ttft_p95_s",
        "e2e_p95_s",
        "slo_attainment",
        "deadline_met_share",
        "makespan_s",
        "rejected",
        "timed_out",
        "failed",
        "gave_up",
        "time_above_slo_share",
        "time_to_recover_s",
        "retry_amplification",
        "wasted_work_share",
        "tasks",
        "task_success",
        "task_e2e_p95_s",
        "cache_hit_rate",
        "found_again_tokens",
        "response_cache_hit_rate",
    ),
    "regions": OF_REGIONS,
    "backends": (
        "cost_usd",
        "cost_used_share",
        "cost_headroom_share",
        "cost_idle_share",
        "cost_wasted_share",
        "energy_kwh",
        "power_mean_w",
        "co2e_kg",
        "offered_load",
        "attempts",
        "answers",
        "rejections",
        "over_budget",
        "diverted",
        "errors",
        "offered_load_peak",
        "hours_over_capacity",
        "utilisation",
        "batch_occupancy",
        "kv_utilisation",
        *IN_TIERS,
        "adapter_hit_share",
        "adapter_loads",
        "adapter_load_share",
        "ready_replicas_mean",
        "handed_on",
        "kept_local",
        "moved_bytes",
        "handoff_mean_s",
    ),
}

OF_PARTS: tuple[Figure, ...] = (  # shown of a part only
    *_figures(
        "count",
        "",
        attempts="attempts",
        answers="answers",
        rejections="turned away",
        over_budget="of these, the budget spent",
        diverted="went elsewhere, the budget spent",
        errors="errors",
        adapter_loads="adapters loaded",
        handed_on="prompts handed on",
        kept_local="short prompts, answered elsewhere at once",
        moved_bytes="bytes of the KV cache moved",
    ),
    Figure("served_away_share", "answered in another region", "share"),
    Figure("handoff_mean_s", "from a prompt's end to its arrival, mean", "seconds"),
)
BY_METRIC = {
    figure.metric: figure for figures in (*GROUPS.values(), OF_PARTS) for figure in figures
}
