"""What a pool of GPUs costs."""

import math
from dataclasses import dataclass

HOUR_S = 3600.0
MONTH_S = 365.25 / 12 * 86_400.0  # the mean month, 730.5 hours


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """Price of a rented GPU.

    Attributes
    ----------
    usd_per_gpu_hour : float
    billing_granularity_s : float
        Each replica's rented time is rounded up to a multiple of this (1 s, 60 s, 3600 s).
    source, as_of : str
        Where the price comes from and its date; empty for a price given in the scenario.
    """

    usd_per_gpu_hour: float
    billing_granularity_s: float = 1.0
    source: str = ""
    as_of: str = ""

    def billed_s(self, rented_s: float) -> float:
        """Seconds on the bill for one replica rented for ``rented_s`` seconds."""
        # A rented time that is a multiple but for rounding is not pushed up to the next one.
        return math.ceil(rented_s / self.billing_granularity_s - 1e-9) * self.billing_granularity_s

    def cost_usd(self, rented_s: float, gpus: int) -> float:
        """Cost in USD of one replica of ``gpus`` GPUs rented for ``rented_s`` seconds."""
        return self.billed_s(rented_s) / HOUR_S * gpus * self.usd_per_gpu_hour
