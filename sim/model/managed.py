"""Backends that are not ours to run: a provider's API, or the devices of the users themselves.

Both serve any number of requests at once, each at its own pace: a time to first token and a speed
are drawn for every attempt, whatever else is going on. What limits an API is its quota; what limits
a device is what fits on it.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from sim.model.distributions import Distribution
from sim.model.energy import Energy
from sim.model.price import TokenPrice
from sim.model.zones import Zones

Large = Literal["refuse", "pass"]
Period = Literal["day", "week", "month"]
Kind = Literal["managed_api", "edge"]
Hours = tuple[float, ...]

ALL_DAY: Hours = (1.0,) * 24
NO_LIMIT = 2**31 - 1  # tokens
LIMITS = (  # of a quota
    "requests_per_min",
    "tokens_per_min",
    "input_tokens_per_min",
    "output_tokens_per_min",
    "requests_per_day",
    "tokens_per_day",
    "requests_per_week",
    "tokens_per_week",
    "max_concurrency",
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come.

    The first token of an attempt comes ``ttft · ttft_by_hour + ttft_s_per_prompt_token · (prompt
    tokens that are not cached)`` after it is sent, each further one ``1 / (tokens_per_s ·
    speed_by_hour)`` later. ``ttft`` and ``tokens_per_s`` are drawn for every attempt.

    Attributes
    ----------
    ttft : Distribution
        Seconds.
    tokens_per_s : Distribution
    ttft_s_per_prompt_token : float
    ttft_by_hour, speed_by_hour : tuple of 24 floats
        Factors by the hour of the day, on the clock of the day shapes.
    """

    ttft: Distribution
    tokens_per_s: Distribution
    ttft_s_per_prompt_token: float = 0.0
    ttft_by_hour: Hours = ALL_DAY
    speed_by_hour: Hours = ALL_DAY


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits per minute, token buckets that refill continuously; and by the day and the week.

    A bucket holds ``burst_s`` seconds of its rate and begins full. An attempt needs a request, its
    prompt in the input bucket, and ``reserved_output_tokens`` (what ``max_tokens`` asks for, where
    the provider takes it at once) in the output bucket, which also must not be empty; of the bucket
    of both kinds it needs the sum. A prompt larger than a bucket passes when that is full, or is
    refused for good. When the answer ends, or its client leaves, its true length takes the place of
    the reservation; so the level can fall below zero. In the bucket of both kinds that length is
    weighted (the reservation is not, as at Amazon Bedrock). Who asks for more is told to come back
    when there will be enough.

    What is left of a day's or week's limits lapses at its reset, at which they are full again. An
    answer counts in that in which it ends.

    Attributes
    ----------
    requests_per_min, tokens_per_min, input_tokens_per_min, output_tokens_per_min : float
        Infinite for no limit, like the next two and the last.
    requests_per_day, tokens_per_day : float
    reset_s : float
        Time of the day at which the limits by the day begin anew, on the clock of the day shapes.
    requests_per_week, tokens_per_week : float
    week_reset_s : float
        A time at which the limits by the week begin anew, in seconds from the start of the horizon.
    output_weight : float
        Tokens of both kinds (by the minute, day and week) that one of an answer takes.
    max_concurrency : float
        Attempts under way at once; one more is turned away, and told nothing.
    too_large : {"refuse", "pass"}
        What becomes of a request that asks a bucket for more than it holds.
    burst_s : float
    cached_is_free : bool
        Whether cached tokens of a prompt do not count.
    reserved_output_tokens : int
    """

    requests_per_min: float = math.inf
    tokens_per_min: float = math.inf
    input_tokens_per_min: float = math.inf
    output_tokens_per_min: float = math.inf
    burst_s: float = 60.0
    cached_is_free: bool = False
    reserved_output_tokens: int = 0
    requests_per_day: float = math.inf
    tokens_per_day: float = math.inf
    reset_s: float = 0.0
    requests_per_week: float = math.inf
    tokens_per_week: float = math.inf
    week_reset_s: float = 0.0
    output_weight: float = 1.0
    max_concurrency: float = math.inf
    too_large: Large = "pass"

    @property
    def has_days(self) -> bool:
        """Whether there are limits by the day."""
        return math.isfinite(min(self.requests_per_day, self.tokens_per_day))

    @property
    def has_weeks(self) -> bool:
        """Whether there are limits by the week."""
        return math.isfinite(min(self.requests_per_week, self.tokens_per_week))

    @property
    def is_limited(self) -> bool:
        """Whether there are limits at all."""
        return any(math.isfinite(getattr(self, name)) for name in LIMITS)

    def times(self, factor: float) -> "Quota":
        """The quota with limits so many times as high."""
        return replace(self, **{name: getattr(self, name) * factor for name in LIMITS})


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Units of throughput that are paid by the hour, before anything is paid by the token.

    A token bucket, as in ``Quota``, of all units together: an attempt that finds its prompt (but
    for what is cached) and its answer in it, outputs weighted, is served from it and takes nothing
    of the quota. Else it is an ordinary one. No units are a valid number.

    Attributes
    ----------
    units : int
    tokens_per_min_per_unit : float
    output_weight : float
        Input tokens that an output token counts for.
    """

    units: int
    tokens_per_min_per_unit: float
    output_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Dollars that a gateway lets be spent at one backend or several, by the day, week or month.

    What an answer costs by the token is booked when it ends, or its client leaves, from the start
    of the horizon on. Once all is spent the gateway leaves the backends out until the period ends:
    requests go on to the next one, or are turned away and told when that is. Those under way are
    answered, so that a little more is spent. (LiteLLM's budget routing and budget fallbacks, and
    its budgets of teams; OpenRouter's limits of a key, which begin anew at midnight, on Monday, or
    with the month, whichever models the key is used for.)

    Attributes
    ----------
    usd : float
        In a period.
    ends_s : tuple of float
        When the periods end, from that of the start on, in seconds from it; the last is after the
        end of the simulation.
    spent_usd : float
        What of it is spent at the start.
    per : {"day", "week", "month"}
    shared : str
        Name of a budget that is one for all backends that have it; empty for a backend's own.
    """

    usd: float
    ends_s: tuple[float, ...]
    spent_usd: float = 0.0
    per: Period = "month"
    shared: str = ""


class Incident(NamedTuple):
    """A time in which a share of the attempts fails, and the others are slow."""

    start_s: float
    end_s: float
    errors: float
    slowness: float


@dataclass(frozen=True, slots=True)
class Outages:
    """Incidents, one after the other: in each a share of the attempts fails, the others are slow.

    Attributes
    ----------
    gap, duration : Distribution or None
        Seconds from the end of an incident to the next, and how long it lasts; None if there are
        no others than those planned.
    full_share : float
        Share of the incidents in which every attempt fails.
    partial_errors : float
        Share of the attempts that fail in the others.
    partial_slowness : float
        Factor on the times of attempts that do not fail in the others.
    planned : tuple of (float, float)
        Beginning and end of further, full ones, in seconds from the start of the horizon.
    happened : tuple of Incident or None
        All of them, where they are drawn already; None where they are not.
    """

    gap: Distribution | None = None
    duration: Distribution | None = None
    full_share: float = 0.1
    partial_errors: float = 0.3
    partial_slowness: float = 1.0
    planned: tuple[tuple[float, float], ...] = ()
    happened: tuple[Incident, ...] | None = None


@dataclass(frozen=True, slots=True)
class PromptCaching:
    """A provider's memory of prompts: a call of a task finds what it carries over.

    That is, as far as the same provider has answered in the task before; others remember nothing of
    it.

    Attributes
    ----------
    life_s : float
        How long after the beginning of the request that wrote or last read it; a request that
        comes exactly then still finds it.
    least_tokens : int
        Shorter beginnings are not kept.
    marked_tokens : int
        Leading tokens of each prompt that are kept and paid as written, where the application marks
        them (explicit caching); ``NO_LIMIT`` where the provider keeps all by itself (automatic).
    """

    life_s: float = 300.0
    least_tokens: int = 1024
    marked_tokens: int = NO_LIMIT


@dataclass(frozen=True, slots=True)
class ManagedApi:
    """A backend that is paid by the token, or the device of the user.

    Attributes
    ----------
    name : str
    pace : Pace
    price : TokenPrice
    quota : Quota
    provisioned : Provisioned or None
    outages : Outages or None
    error_share : float
        Share of the attempts that fail at any time.
    caching : PromptCaching or None
    max_model_len : int
        Longest prompt and answer together; what does not fit goes on to the next backend.
    capable_share : float
        Share of the requests whose device can run the model; those of others go on.
    kind : {"managed_api", "edge"}
    quality : float
        Points, in any unit; NaN where none are given.
    cooldown_s : float
        For which the router leaves it out after an attempt that came to nothing there: it failed,
        was turned away or timed out. 0 for never.
    budgets : tuple of Budget
        All of which hold: its own, and those that it shares.
    energy : Energy or None
        None where nobody asks for it.
    zones : Zones or None
        The region where it stands, if that may be lost.
    """

    name: str
    pace: Pace
    price: TokenPrice = field(default_factory=TokenPrice)
    quota: Quota = field(default_factory=Quota)
    provisioned: Provisioned | None = None
    outages: Outages | None = None
    error_share: float = 0.0
    caching: PromptCaching | None = None
    max_model_len: int = NO_LIMIT
    capable_share: float = 1.0
    kind: Kind = "managed_api"
    quality: float = math.nan
    cooldown_s: float = 0.0
    budgets: tuple[Budget, ...] = ()
    energy: Energy | None = None
    zones: Zones | None = None
