"""Managed APIs: prices by the token, paces, quotas and outages, each with its place and date.

Prices are list prices in USD per million tokens. Tiers are kept as factors on them, and so are the
hours of the day, in UTC, at which a provider asks for more; notes say where sources disagree. Where
a source does not give the cached price beyond the step of long contexts, it rises there like that
of the input. Two priority prices of the source are slips (fifty times, or exactly, the standard
price) and are left out.

Paces are medians over the users of a model, measured or, for models that nobody measured, assumed
to be those of the median model. How they differ between requests is taken from a study of 2024:
lognormals, the time to first token with sigma 0.2, the speed with p95/p50 of 1.15.
"""

import math
from dataclasses import dataclass
from functools import cache

from sim.catalog.naming import known_as
from sim.catalog.table import cached_for_folder, entries, no_such, rows
from sim.errors import CatalogError
from sim.model.price import WEEKDAYS, Peak, TokenPrice, TokenRates

LISTED_BY = "sim catalog prices"
TIERS = ("batch", "flex", "priority")
NO_STEP = 2**31 - 1
DAYS = {"daily": tuple(range(7)), "weekdays": WEEKDAYS}


MAKERS = {  # of the families of models that several hosts sell, where the names differ
    "kimi": "moonshot",
    "glm": "z.ai",
    "qwen3": "alibaba",
    "qwen3.5": "alibaba",
    "qwen3.8": "alibaba",
    "claude": "anthropic",
    "gemini": "google",
    "gpt": "openai",
}


@dataclass(frozen=True, slots=True)
class ListedApiPrice:
    """One row of the table: a model at a provider.

    Attributes
    ----------
    model, provider : str
    sku : str
        The provider's name of the model.
    rates : TokenRates
    long_rates : TokenRates or None
        Of prompts longer than ``long_above_tokens``.
    long_above_tokens : int
    factors : dict
        Of the tiers that the provider has, besides ``standard``.
    peaks : tuple of Peak
        Hours, in UTC, at which all of its prices are higher.
    source, as_of, notes : str
    """

    model: str
    provider: str
    sku: str
    rates: TokenRates
    long_rates: TokenRates | None
    long_above_tokens: int
    factors: dict[str, float]
    peaks: tuple[Peak, ...]
    source: str
    as_of: str
    notes: str

    def price(self, tier: str = "standard") -> TokenPrice:
        """The same as the model's price; CatalogError if the provider has no such tier."""
        factors = {"standard": 1.0, **self.factors}
        if tier not in factors:
            kind = f"price of {self.model!r} at {self.provider!r}: tier"
            raise no_such(kind, tier, factors, LISTED_BY)
        return TokenPrice(
            rates=self.rates,
            long_rates=self.long_rates,
            long_above_tokens=self.long_above_tokens,
            factor=factors[tier],
            peaks=self.peaks,
            source="; ".join(filter(None, (self.source, self.notes))),
            as_of=self.as_of,
        )


@dataclass(frozen=True, slots=True)
class ListedPace:
    """How fast a model answers.

    Attributes
    ----------
    model : str
    ttft_p50_s, tokens_per_s_p50 : float
    ttft_sigma : float
        Of the lognormal between requests.
    speed_p95_over_p50 : float
    grade : str
        ``measured``, or ``assumed`` where nobody has measured the speed; the time to the first
        token is assumed throughout.
    source, as_of, notes : str
    """

    model: str
    ttft_p50_s: float
    tokens_per_s_p50: float
    ttft_sigma: float
    speed_p95_over_p50: float
    grade: str
    source: str
    as_of: str
    notes: str


@dataclass(frozen=True, slots=True)
class ListedLimits:
    """What a provider allows; infinite where it sets no limit.

    Attributes
    ----------
    preset, provider, models : str
    requests_per_min, tokens_per_min, input_tokens_per_min, output_tokens_per_min : float
    requests_per_day : float
    max_concurrency : float
        Requests at once.
    cached_is_free : bool
        Whether cached tokens of a prompt do not count.
    source, as_of, notes : str
    """

    preset: str
    provider: str
    models: str
    requests_per_min: float
    tokens_per_min: float
    input_tokens_per_min: float
    output_tokens_per_min: float
    requests_per_day: float
    max_concurrency: float
    cached_is_free: bool
    source: str
    as_of: str
    notes: str


@dataclass(frozen=True, slots=True)
class ListedOutages:
    """Incidents of a provider, as its status page tells.

    Attributes
    ----------
    preset : str
    incidents_per_month : float
        From start to start, in a month of 730.5 hours.
    duration_mu, duration_sigma : float
        Of the lognormal of durations, in ln hours.
    gap_sigma : float
        Of the lognormal of the times in between.
    full_share, partial_errors, partial_slowness : float
        See ``sim.model.managed.Outages``.
    availability_full, availability_partial : float
        As measured, with partial outages at their full weight and at weight 0.3.
    source, as_of, notes : str
    """

    preset: str
    incidents_per_month: float
    duration_mu: float
    duration_sigma: float
    gap_sigma: float
    full_share: float
    partial_errors: float
    partial_slowness: float
    availability_full: float
    availability_partial: float
    source: str
    as_of: str
    notes: str

    @property
    def mean_duration_s(self) -> float:
        """Seconds."""
        return 3600 * math.exp(self.duration_mu + self.duration_sigma**2 / 2)

    @property
    def mean_gap_s(self) -> float:
        """Seconds from the end of an incident to the next."""
        return 730.5 * 3600 / self.incidents_per_month - self.mean_duration_s


@cached_for_folder
def listed_api_prices() -> tuple[ListedApiPrice, ...]:
    """All built-in prices of APIs, hosts of the same model one after the other."""
    return tuple(entries("api_prices.csv", _price, lambda row: (row.model, row.provider)))


@cached_for_folder
def api_paces() -> dict[str, ListedPace]:
    """The pace of every model that has a price."""
    paces = entries("api_pace.csv", _pace, lambda pace: pace.model)
    return {pace.model: pace for pace in paces}


def _pace(row: dict[str, str]) -> ListedPace:
    return ListedPace(
        model=row["model"],
        ttft_p50_s=float(row["ttft_p50_s"]),
        tokens_per_s_p50=float(row["tokens_per_s_p50"]),
        ttft_sigma=float(row["ttft_sigma"]),
        speed_p95_over_p50=float(row["speed_p95_over_p50"]),
        grade=row["grade"],
        source=row["source"],
        as_of=row["as_of"],
        notes=row["notes"],
    )


@cache
def api_limits() -> dict[str, ListedLimits]:
    """Quotas by the name of their preset."""
    return {
        row["preset"]: ListedLimits(
            preset=row["preset"],
            provider=row["provider"],
            models=row["models"],
            requests_per_min=_limit(row["requests_per_min"]),
            tokens_per_min=_limit(row["tokens_per_min"]),
            input_tokens_per_min=_limit(row["input_tokens_per_min"]),
            output_tokens_per_min=_limit(row["output_tokens_per_min"]),
            requests_per_day=_limit(row["requests_per_day"]),
            max_concurrency=_limit(row["max_concurrency"]),
            cached_is_free=row["cached_is_free"] == "yes",
            source=row["source"],
            as_of=row["as_of"],
            notes=row["notes"],
        )
        for row in rows("api_limits.csv")
    }


@cache
def api_outages() -> dict[str, ListedOutages]:
    """Outages by the name of their preset."""
    return {
        row["preset"]: ListedOutages(
            preset=row["preset"],
            incidents_per_month=float(row["incidents_per_month"]),
            duration_mu=float(row["duration_mu_ln_h"]),
            duration_sigma=float(row["duration_sigma"]),
            gap_sigma=float(row["gap_sigma"]),
            full_share=float(row["full_share"]),
            partial_errors=float(row["partial_errors"]),
            partial_slowness=float(row["partial_slowness"]),
            availability_full=float(row["availability_full"]),
            availability_partial=float(row["availability_partial"]),
            source=row["source"],
            as_of=row["as_of"],
            notes=row["notes"],
        )
        for row in rows("api_outages.csv")
    }


def api_models() -> list[str]:
    """Models that have a price, in the order of the table."""
    return list(dict.fromkeys(row.model for row in listed_api_prices()))


def api_providers(model: str) -> list[str]:
    """Who hosts a model; empty if it is not in the catalogue."""
    name = known_as(model, api_models())
    return [row.provider for row in listed_api_prices() if row.model == name]


def api_maker(model: str) -> str | None:
    """Who made a model, if the maker itself sells it.

    Examples
    --------
    >>> api_maker("deepseek-v3.2"), api_maker("kimi-k3"), api_maker("llama-3.3-70b")
    ('deepseek', 'moonshot', None)
    """
    family = (known_as(model, api_models()) or "").partition("-")[0]
    maker = MAKERS.get(family, family)
    return maker if maker in api_providers(model) else None


def api_price(model: str, provider: str | None = None, tier: str = "standard") -> TokenPrice:
    """The built-in price of a model.

    Parameters
    ----------
    model, provider : str
        Names as in the table, in any case. The provider may be left out where there is one only,
        or where the model's maker is among them, which then is meant.
    tier : str
        ``standard``, ``batch``, ``flex`` or ``priority``.

    Examples
    --------
    >>> api_price("gpt-4o-mini").rates.input
    0.15
    """
    hosts = api_providers(model)
    if not hosts:
        raise no_such("model", model, api_models(), LISTED_BY)
    if provider is None and len(hosts) > 1:
        provider = api_maker(model)
        if provider is None:
            raise CatalogError(f"model {model!r} has several providers: {', '.join(hosts)}")
    name = (provider or hosts[0]).casefold()
    if name not in hosts:
        raise CatalogError(
            f"price of {model!r}: provider {name!r} is not in the catalogue (there:"
            f" {', '.join(hosts)}; {LISTED_BY!r} lists all)"
        )
    listed = listed_api_prices()
    called = known_as(model, api_models())
    (row,) = (r for r in listed if (r.model, r.provider) == (called, name))
    return row.price(tier)


def api_pace(model: str) -> ListedPace:
    """How fast a model answers.

    Examples
    --------
    >>> api_pace("gpt-4o-mini").tokens_per_s_p50
    120.0
    """
    name = known_as(model, api_paces())
    if name is None:
        raise no_such("model", model, api_paces(), LISTED_BY)
    return api_paces()[name]


def _price(row: dict[str, str]) -> ListedApiPrice:
    rates = TokenRates(
        input=float(row["input"]),
        output=float(row["output"]),
        cached_input=_optional(row["cached_input"]),
        cache_write=_optional(row["cache_write"]),
        cache_write_1h=_optional(row["cache_write_1h"]),
    )
    prices = {tier: _optional(row[f"{tier}_input"]) for tier in TIERS}
    return ListedApiPrice(
        model=row["model"],
        provider=row["provider"],
        sku=row["sku"],
        rates=rates,
        long_rates=_long_rates(row, rates),
        long_above_tokens=int(row["long_above_tokens"] or NO_STEP),
        factors={tier: round(p / rates.input, 6) for tier, p in prices.items() if p is not None},
        peaks=_peaks(row),
        source=row["source"],
        as_of=row["as_of"],
        notes=row["notes"],
    )


def _peaks(row: dict[str, str]) -> tuple[Peak, ...]:
    """Of ``weekdays 01:00-04:00 06:00-10:00``: days, then the times between which they last."""
    if not row["peak_factor"]:
        return ()
    days, *spans = row["peak_hours_utc"].split()
    factor = float(row["peak_factor"])
    edges = [[_time_of_day_s(time) for time in span.split("-")] for span in spans]
    return tuple(Peak(factor, DAYS[days], start, end) for start, end in edges)


def _time_of_day_s(time: str) -> float:
    hours, minutes = time.split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes)


def _long_rates(row: dict[str, str], rates: TokenRates) -> TokenRates | None:
    if not row["long_above_tokens"]:
        return None
    dearer, cached = float(row["long_input"]) / rates.input, _optional(row["long_cached_input"])
    if cached is None and rates.cached_input is not None:
        cached = round(rates.cached_input * dearer, 6)
    writes = (None if rate is None else round(rate * dearer, 6)
              for rate in (rates.cache_write, rates.cache_write_1h))  # fmt: skip
    return TokenRates(float(row["long_input"]), float(row["long_output"]), cached, *writes)


def _optional(text: str) -> float | None:
    return float(text) if text else None


def _limit(text: str) -> float:
    return float(text) if text else math.inf
