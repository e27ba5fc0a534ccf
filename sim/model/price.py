"""What GPUs and tokens cost."""

import math
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class TokenRates:
    """USD per million tokens.

    Attributes
    ----------
    input, output : float
        Tokens of prompts that are neither cached nor written into the cache; tokens of answers.
    cached_input : float or None
        Tokens of prompts that were cached; None for the price of ``input``.
    cache_write : float or None
        Tokens of prompts that are written into the cache; None for the price of ``input``.
    """

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A flat fee with a fair-use cap, and a multiple of the token price beyond it.

    Attributes
    ----------
    usd_per_month : float
        For all of the backend's users together.
    included_requests : float
        A month; infinite for no cap.
    overage_multiple : float
        Factor on the price by the token of requests beyond the cap.
    """

    usd_per_month: float
    included_requests: float
    overage_multiple: float = 1.0


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """Price of a managed API, or of what users run on their own devices.

    Attributes
    ----------
    rates : TokenRates
    long_rates : TokenRates or None
        Of requests whose prompt is longer than ``long_above_tokens``, all of their tokens.
    long_above_tokens : int
    factor : float
        Of the tier: 0.5 for batch or flex, above 1 for priority.
    yearly_factor : float
        By which prices change in a year, compounding, from the start of the horizon.
    usd_per_unit_hour : float
        Of a provisioned unit, used or not.
    minimum_usd_per_month : float
        Committed spend: what is missing to it is billed, too.
    subscription : Subscription or None
    usd_per_device_month : float
        Fixed cost of an active device.
    active_devices : float
    source, as_of : str
        Where the price comes from and its date; empty for a price given in the scenario.
    """

    rates: TokenRates = field(default_factory=TokenRates)
    long_rates: TokenRates | None = None
    long_above_tokens: int = 2**31 - 1
    factor: float = 1.0
    yearly_factor: float = 1.0
    usd_per_unit_hour: float = 0.0
    minimum_usd_per_month: float = 0.0
    subscription: Subscription | None = None
    usd_per_device_month: float = 0.0
    active_devices: float = 0.0
    source: str = ""
    as_of: str = ""
