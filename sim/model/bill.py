"""The volume that a bill of a managed API stands for.

A bill of M dollars a month at a price of c dollars a task is M / c tasks a month. What a task
costs hangs on how long its prompts and answers are and how much of them is cached, which few know
well: as uncertain inputs they give another volume in each world, and the same bill in all.

Or the bill itself says how its dollars are shared among input, cached input and output. Then the
length of answers gives the volume, N = M·s_output / (p_output·E[output]), and the prompts are as
long, and as often cached, as the rest of it says.

Prices are those of the first day, without what is committed or flat. Failed attempts cost nothing.
"""

from dataclasses import dataclass

import numpy as np

from sim.model.distributions import FloatArray
from sim.model.lengths import Lengths
from sim.model.price import MONTH_S, TokenPrice, TokenRates, factors_of_week
from sim.model.rule import require
from sim.model.tasks import MOST_CALLS, FollowUps

MILLION = 1e6
LEVELS = (np.arange(2000) + 0.5) / 2000  # of lengths and numbers of calls


@dataclass(frozen=True, slots=True)
class BillShares:
    """How the dollars of a bill are shared; what is left is for input that was not cached."""

    output: float
    cached: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.output < 1, "output", self.output, "must be above 0 and below 100 %")
        rest = self.output + self.cached
        require(self.cached >= 0 and rest <= 1, "shares", rest, "must be at most 100 % in all")


@dataclass(frozen=True, slots=True)
class Billed:
    """What a bill stands for.

    Attributes
    ----------
    per_s : float
        Tasks (or requests) a second.
    longer : float
        Factor on the lengths of prompts.
    hit_rate : float
        Share of the tokens of every prompt that is cached.
    """

    per_s: float
    longer: float
    hit_rate: float


def usd_per_task(
    prompt: Lengths,
    output: Lengths,
    price: TokenPrice,
    hit_rate: float = 0.0,
    follow_ups: FollowUps | None = None,
    carry: float = 1.0,
) -> float:
    """Expected dollars of a request, or of a task of several.

    Examples
    --------
    A thousand tokens in at 2 USD per million, half of them cached at 0.5, and a hundred out at 8.

    >>> from sim.model.distributions import Constant
    >>> from sim.model.price import TokenRates
    >>> price = TokenPrice(TokenRates(2.0, 8.0, cached_input=0.5))
    >>> of = Lengths(Constant(1000.0)), Lengths(Constant(100.0))
    >>> round(usd_per_task(*of, price, 0.5), 6)
    0.00205
    """
    first = _of_prompts(prompt, output.mean_tokens(), price, hit_rate)
    factor = price.factor * float(factors_of_week(price.peaks).mean())
    if follow_ups is None:
        return first * factor
    return (first + _of_calls(prompt, output, price, hit_rate, follow_ups, carry)) * factor


def of_bill(
    usd_per_month: float,
    prompt: Lengths,
    output: Lengths,
    price: TokenPrice,
    hit_rate: float = 0.0,
    follow_ups: FollowUps | None = None,
    carry: float = 1.0,
    shares: BillShares | None = None,
    answered: float = 0.0,
) -> Billed:
    """The volume of a bill, and the prompts that it was for.

    Parameters
    ----------
    shares : BillShares or None
        How its dollars are shared, where that is known; only without following calls.
    answered : float
        Share of the requests that a cache of answers spares the API.
    """
    spared = 1 - answered
    require(spared > 0, "response cache", answered, "must be below 1 for there to be a bill")
    if shares is None:
        each = usd_per_task(prompt, output, price, hit_rate, follow_ups, carry)
        require(each > 0, "price of a request", each, "must be above 0 for a bill to be a volume")
        return Billed(usd_per_month / (each * spared) / MONTH_S, 1.0, hit_rate)
    factor = price.factor * float(factors_of_week(price.peaks).mean()) / MILLION
    rates, usd = price.rates, usd_per_month
    of_reads = _cached_input(rates)
    per_month = usd * shares.output / (rates.output * factor * output.mean_tokens())
    fresh = usd * (1 - shares.output - shares.cached) / (rates.input * factor) / per_month
    cached = usd * shares.cached / (of_reads * factor) / per_month if of_reads else 0.0
    tokens = max(fresh + cached, 1.0)
    return Billed(per_month / spared / MONTH_S, tokens / prompt.mean_tokens(), cached / tokens)


def _cached_input(rates: TokenRates) -> float:
    return rates.input if rates.cached_input is None else rates.cached_input


def _usd(prompt: FloatArray | float, output: float, price: TokenPrice, hit: float) -> FloatArray:
    """Dollars of requests with prompts of these lengths, without the price's factor."""
    total = np.zeros(np.shape(prompt))
    tokens = np.asarray(prompt, np.float64)
    long = tokens > price.long_above_tokens
    for is_long in (False, True):
        rates = price.rates_of(is_long)
        usd = (
            tokens * ((1 - hit) * rates.input + hit * _cached_input(rates)) + output * rates.output
        )
        total = np.where(long == is_long, usd / MILLION, total)
    return total


def _of_prompts(prompt: Lengths, output: float, price: TokenPrice, hit: float) -> float:
    """Expected dollars of a request; exact where no prompt is long enough to cost otherwise."""
    lengths = np.clip(prompt.distribution.ppf(LEVELS), prompt.minimum, prompt.maximum)
    if price.long_rates is None or lengths[-1] <= price.long_above_tokens:
        return float(_usd(prompt.mean_tokens(), output, price, hit))
    return float(_usd(lengths, output, price, hit).mean())


def _of_calls(
    prompt: Lengths,
    output: Lengths,
    price: TokenPrice,
    hit: float,
    follow_ups: FollowUps,
    carry: float,
) -> float:
    """Expected dollars of the calls that follow a request, by the mean lengths of each."""
    calls = np.clip(np.floor(follow_ups.calls.ppf(LEVELS) + 0.5), 1, MOST_CALLS)
    width = max(float(follow_ups.width.mean()), 1.0)
    new, answer = follow_ups.prompt.mean_tokens(), follow_ups.output.mean_tokens()
    said = prompt.mean_tokens() + output.mean_tokens()
    total, done, most = 0.0, 1.0, float(calls.max())
    while done < most:
        # Calls of one stage, as far as tasks have them.
        here = float(np.clip(calls - done, 0.0, width).mean())
        total += here * float(_usd(carry * said + new, answer, price, hit))
        said += width * (new + answer)
        done += width
    return total
