"""The threshold that an SLO sets to a latency, for who draws or tells that latency."""

import math
from collections.abc import Iterable

from sim.model.workload import Workload

LATENCIES = ("ttft", "e2e", "tpot")


def limit_of(metric: str, workloads: Iterable[Workload]) -> float:
    """The strictest threshold of the workloads that a metric is of; NaN where there is none.

    Parameters
    ----------
    metric : str
        Such as ``peak_hour_ttft_p95_s``, or ``workloads.chat.e2e_p95_s`` of one.
    workloads : iterable of Workload
    """
    owner, _, name = metric.rpartition(".")
    which = next((each for each in LATENCIES if f"{each}_" in name), None)
    if which is None:
        return math.nan
    concerned = (
        each for each in workloads if owner in ("", f"workloads.{each.name}") and each.slo.is_stated
    )
    limit = min((float(getattr(each.slo, f"{which}_s")) for each in concerned), default=math.inf)
    return limit if math.isfinite(limit) else math.nan
