"""Conditions on the answer of a run: ``slo_met >= 95%``, ``cost_usd_per_month:p95 < 40k``."""

from dataclasses import dataclass

SHARES = {  # of worlds, and where the summary of a run has them
    "slo_met": ("slo_met_share",),
    "overloaded": ("overloaded_share",),
    "over_capacity": ("worlds", "over_capacity", "share"),
    "falls_behind": ("worlds", "falls_behind", "share"),
    "misses_slo": ("worlds", "misses_slo", "share"),
    "loses_requests": ("worlds", "loses_requests", "share"),
}
STATISTICS = ("p5", "p50", "p95", "mean")
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition that a run should keep.

    Attributes
    ----------
    metric : str
        One of ``SHARES``, or a metric such as ``workloads.chat.ttft_p95_s``.
    statistic : str
        Over worlds, one of ``STATISTICS``; empty for a share of worlds.
    relation : str
        One of ``OPPOSITE``, for the figure to keep to the value.
    value : float
        SI units or USD; a share from 0 to 1.
    written : str
        The value as it was written.
    """

    metric: str
    statistic: str
    relation: str
    value: float
    written: str

    def negated(self) -> "Threshold":
        """What has to hold where this must not."""
        opposite = OPPOSITE[self.relation]
        return Threshold(self.metric, self.statistic, opposite, self.value, self.written)

    def keeps(self, figure: float) -> bool:
        """Whether a figure keeps to the value.

        Examples
        --------
        >>> Threshold("slo_met", "", ">=", 0.95, "95%").keeps(0.95)
        True
        """
        return {
            "<": figure < self.value,
            "<=": figure <= self.value,
            ">": figure > self.value,
            ">=": figure >= self.value,
        }[self.relation]

    def __str__(self) -> str:
        name = f"{self.metric}:{self.statistic}" if self.statistic else self.metric
        return f"{name} {self.relation} {self.written}"
