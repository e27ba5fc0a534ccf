"""What GPUs and tokens cost."""

import math
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
MONTH_S = YEAR_S / 12  # the mean month, 730.5 hours
MILLION = 1e6
SHORT_LIFE_S = 300.0  # of what is written into a prompt cache, at the usual price
WEEKDAYS = (0, 1, 2, 3, 4)

FloatArray = npt.NDArray[np.float64]
Amount = TypeVar("Amount", float, FloatArray)


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
    purchase : str
        How the GPUs are had: ``on_demand``, ``spot``, ``serverless``, ``capacity_block`` or
        ``reserved_3y``; paid for the time that they are rented, all the same.
    list_usd_per_gpu_hour : float or None
        Public price without any discount; None for the price itself.
    """

    usd_per_gpu_hour: float
    billing_granularity_s: float = 1.0
    source: str = ""
    as_of: str = ""
    purchase: str = "on_demand"
    list_usd_per_gpu_hour: float | None = None

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
    cache_write_1h : float or None
        The same where they are to live longer than ``SHORT_LIFE_S``; None for ``cache_write``.
    """

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None

    def living(self, life_s: float) -> "TokenRates":
        """The rates where what is written into the cache lives so long.

        Examples
        --------
        >>> rates = TokenRates(3.0, 15.0, 0.3, cache_write=3.75, cache_write_1h=6.0)
        >>> rates.living(300.0).cache_write, rates.living(3600.0).cache_write
        (3.75, 6.0)
        """
        if life_s <= SHORT_LIFE_S or self.cache_write_1h is None:
            return self
        return replace(self, cache_write=self.cache_write_1h)

    def usd(self, prompt: Amount, cached: Amount, written: Amount, output: Amount) -> Amount:
        """Price of so many tokens.

        Parameters
        ----------
        prompt, output : float or array
            Tokens of prompts and answers.
        cached, written : float or array
            Tokens of the prompts that were cached, and that were written into the cache.

        Examples
        --------
        >>> TokenRates(input=5.0, output=15.0).usd(4_000.0, 0.0, 0.0, 1_000.0)
        0.035
        """
        of_cached = self.input if self.cached_input is None else self.cached_input
        of_written = self.input if self.cache_write is None else self.cache_write
        plain = prompt - cached - written
        micro_usd = (
            plain * self.input + cached * of_cached + written * of_written + output * self.output
        )
        return micro_usd / MILLION


@dataclass(frozen=True, slots=True)
class Subscription:
    """A flat fee with a fair-use cap, and a multiple of the token price beyond it.

    The count begins anew with each calendar month. Of a month that lies in part within the horizon
    that part of the cap counts, by mean months like the fee.

    Attributes
    ----------
    usd_per_month : float
        For all of the backend's users together.
    included_requests : float
        A month; infinite for no cap. Attempts that are taken in count.
    overage_multiple : float
        Factor on the price by the token of requests beyond the cap.
    """

    usd_per_month: float
    included_requests: float
    overage_multiple: float = 1.0


@dataclass(frozen=True, slots=True)
class Peak:
    """Hours of a week at which prices by the token are higher, or lower.

    Attributes
    ----------
    factor : float
        On all prices by the token.
    weekdays : tuple of int
        0 is Monday; those on which it begins.
    start_s, end_s : float
        Seconds from midnight; an end that is not after the start lies on the next day.
    """

    factor: float
    weekdays: tuple[int, ...] = tuple(range(7))
    start_s: float = 0.0
    end_s: float = DAY_S


def factors_of_week(peaks: tuple[Peak, ...]) -> FloatArray:
    """The mean factor of each hour of a week from Monday; of peaks that overlap the last holds.

    Returns
    -------
    (168,) float64

    Examples
    --------
    >>> factors_of_week((Peak(2.0, (0,), 9 * HOUR_S, 10.5 * HOUR_S),))[8:12]
    array([1. , 2. , 1.5, 1. ])
    """
    minute_of_day = np.arange(1440) * MINUTE_S
    minutes = np.ones((7, 1440))
    for peak in peaks:
        wraps = peak.end_s <= peak.start_s
        after, before = minute_of_day >= peak.start_s, minute_of_day < peak.end_s
        for day in peak.weekdays:
            minutes[day, after if wraps else after & before] = peak.factor
            if wraps:
                minutes[(day + 1) % 7, before] = peak.factor
    of_hours: FloatArray = minutes.reshape(168, 60).mean(axis=1)
    return of_hours


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
        By which prices by the token change in a year, compounding, from the start of the horizon.
    usd_per_unit_hour : float
        Of a provisioned unit, used or not.
    minimum_usd_per_month : float
        Committed spend: what is missing to it at the end of a calendar month is billed, too.
    subscription : Subscription or None
    usd_per_device_month : float
        Fixed cost of an active device.
    active_devices : float
    peaks : tuple of Peak
        Times of the week at which prices by the token differ.
    clock_s : float
        Seconds from Monday, 0:00, at which the horizon starts.
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
    peaks: tuple[Peak, ...] = ()
    clock_s: float = 0.0
    source: str = ""
    as_of: str = ""

    def rates_of(self, is_long: bool) -> TokenRates:
        """Rates of requests whose prompt is long, or is not."""
        return self.long_rates if is_long and self.long_rates is not None else self.rates

    def factor_at(self, at_s: FloatArray) -> FloatArray:
        """Factor on the rates at some times, in seconds from the start of the horizon.

        Examples
        --------
        >>> batch = TokenPrice(factor=0.5, yearly_factor=0.1)
        >>> batch.factor_at(np.array([0.0, YEAR_S / 2])).round(4)
        array([0.5   , 0.1581])
        """
        factor: FloatArray = self.factor * self.yearly_factor ** (at_s / YEAR_S)
        if self.peaks:
            hour = np.floor((self.clock_s + at_s) / HOUR_S).astype(np.intp) % 168
            factor = factor * factors_of_week(self.peaks)[hour]
        return factor
