"""Prices by the token: the keys, what the catalogue fills in, and the price that they make."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from sim.catalog import api_price, api_providers
from sim.catalog.apis import NO_STEP, TIERS
from sim.errors import CatalogError
from sim.model import price as model
from sim.scenario.backend.timetable import (
    GROUPS,
    WEEK,
    Days,
    TimeOfDay,
    days_of_week,
    time_of_day,
    week_s,
)
from sim.scenario.values.fields import iso_date, number, one_of
from sim.scenario.values.numbers import Number, extent, known
from sim.scenario.values.part import Factor, Model, Text
from sim.scenario.values.problems import Findings, Path

Draws = Mapping[str, float]

Dollars = Annotated[Number, number("money", least=0, most=1e9)]
WRITES: Final = ("cache_write", "cache_write_1h")
RATES: Final = ("input", "cached_input", *WRITES, "output")
OWN: Final = ("input", "output")  # what a price of one's own must have


LEAST_PER_MILLION: Final = 1e-3  # USD; the cheapest in the catalogue is above ten times that


class LongContext(Model):
    """Prices of requests with a long prompt, all of their tokens."""

    above: Annotated[Number, number("count", least=1, most=1e9, integer=True)]
    """Tokens of a prompt beyond which they hold."""
    input: Dollars
    """USD per million tokens of prompts."""
    cached_input: Dollars | None = None
    """USD per million tokens of prompts that were cached; default the price of input."""
    cache_write: Dollars | None = None
    """USD per million tokens written into the cache; default the price of input."""
    cache_write_1h: Dollars | None = None
    """The same where life of prompt_caching is above 5min; default the price of cache_write."""
    output: Dollars
    """USD per million tokens of answers."""


class Subscription(Model):
    """A flat fee with a fair-use cap, and a multiple of the token price beyond it."""

    usd_per_month: Dollars
    """Fee of all users together."""
    included_requests: Annotated[Number, number("count", least=0, most=1e12)] | None = None
    """Requests a month that it covers; default all of them."""
    overage_multiple: Annotated[Number, number("factor", least=0, most=1000)] = 1.0
    """Factor on the price by the token of requests beyond the cap; default 1."""


class Peak(Model):
    """Times at which prices by the token differ, by the clock of the horizon."""

    factor: Factor
    """Factor on all prices by the token."""
    days: Annotated[Days, days_of_week()] | None = None
    """Days on which it begins; default daily."""
    start: Annotated[TimeOfDay, time_of_day()]
    """When it begins, such as 09:00."""
    end: Annotated[TimeOfDay, time_of_day()]
    """When it ends; one that is not later than its start lies on the next day."""


class TokenPrice(Model):
    """Price of tokens: given in USD per million, or that of the catalogue."""

    input: Dollars | None = None
    """USD per million tokens of prompts."""
    cached_input: Dollars | None = None
    """USD per million tokens of prompts that were cached; default the price of input."""
    cache_write: Dollars | None = None
    """USD per million tokens written into the cache; default the price of input."""
    cache_write_1h: Dollars | None = None
    """The same where life of prompt_caching is above 5min; default the price of cache_write."""
    output: Dollars | None = None
    """USD per million tokens of answers."""
    long_context: LongContext | None = None
    """Prices of requests with a long prompt; default the same."""
    tier: Annotated[str, one_of("standard", *TIERS)] | None = None
    """Tier whose price in the catalogue is taken, such as batch for what can wait."""
    factor: Factor | None = None
    """Factor on all prices by the token: of a tier, a discount, a contract; default 1."""
    yearly_factor: Factor | None = None
    """Factor by which they change in a year, compounding; default 1."""
    peaks: list[Peak] | None = None
    """Times of the week at which they differ, such as [{factor: 2, days: weekdays, start: 09:00,
    end: 18:00}]; default none. Those of the catalogue are in UTC."""
    minimum_per_month: Dollars | None = None
    """Committed spend in a month: what is missing to it is billed, too; default 0."""
    subscription: Subscription | None = None
    """A flat fee in place of the price by the token; default none."""
    source: Text | None = None
    """Where the price comes from."""
    as_of: Annotated[str, iso_date()] | None = None
    """Date of the price."""


def check(path: Path, price: dict[str, Any], has_model: bool, findings: Findings) -> None:
    """Note keys of a price, as plain data, that contradict each other."""
    path = (*path, "price")
    own = [key for key in OWN if key in price]
    fee = price.get("subscription")
    flat = isinstance(fee, dict) and "included_requests" not in fee
    if own and len(own) < len(OWN):
        (missing,) = set(OWN) - set(own)
        findings.add(path, f"has no {missing} beside {own[0]}", f"add {missing}")
    if not own and not has_model and not flat:
        findings.add(path, "has no price", "add input and output, such as input: 0.15, output: 0.6")
    for key in ("cached_input", *WRITES, "long_context", "peaks"):
        if key in price and not own:
            findings.add((*path, key), "has no input beside it", "add input and output")
    for key in ("source", "as_of"):
        if key in price and not own and has_model:
            findings.add((*path, key), "comes with the price of the catalogue", "remove it")
    if "tier" in price and (own or not has_model):
        message = "has no meaning for a price that is given"
        findings.add((*path, "tier"), message, "add factor, such as factor: 0.5")
    elif "tier" in price and "factor" in price:
        findings.add((*path, "factor"), "goes beside tier, must be the only one", "remove one")


def check_rates(price: TokenPrice | None, path: Path, findings: Findings) -> None:
    """Note prices of a single token where those of a million are meant."""
    blocks = {(): price, ("long_context",): None if price is None else price.long_context}
    for below, rates in blocks.items():
        for key in RATES:
            rate = None if rates is None else getattr(rates, key)
            if rate is not None and 0 < extent(rate)[1] < LEAST_PER_MILLION:
                usd = extent(rate)[1]
                message = f"{usd:.4g} USD must be the price of a million tokens, not of one"
                findings.add((*path, "price", *below, key), message, f"write {1e6 * usd:.4g}")


def resolved(
    price: TokenPrice | None,
    model_name: str | None,
    provider: str | None,
    path: Path,
    findings: Findings,
) -> TokenPrice | None:
    """The price with what the catalogue has; notes what it does not have, or cannot be."""
    check_rates(price, path, findings)
    price = price or TokenPrice.model_construct()
    if price.input is not None or model_name is None:
        return price
    try:
        listed = api_price(model_name, provider, price.tier or "standard")
    except CatalogError as error:
        remedy = "give price: {input: 0.15, output: 0.6}"
        if "several providers" in str(error):
            remedy = f"add provider, such as provider: {_cheapest(model_name)}"
        findings.add((*path, "model"), str(error), remedy)
        return None
    return price.model_copy(update=_as_given(listed, price.factor))


def _cheapest(model_name: str) -> str:
    """The host that asks least for a model's prompts, and its price."""
    rates = {host: api_price(model_name, host).rates for host in api_providers(model_name)}
    host = min(rates, key=lambda name: rates[name].input)
    return f"{host}, the least for prompts: {rates[host].input:g} USD a million"


def _as_given(listed: model.TokenPrice, factor: Number | None) -> dict[str, Any]:
    """A price of the catalogue as a scenario would give it."""
    given: dict[str, Any] = {key: getattr(listed.rates, key) for key in RATES}
    if listed.long_rates is not None:
        rates = {key: getattr(listed.long_rates, key) for key in RATES}
        above = float(listed.long_above_tokens)
        given["long_context"] = LongContext.model_construct(above=above, **rates)
    if listed.peaks:
        given["peaks"] = [_peak_as_given(peak) for peak in listed.peaks]
    given["tier"] = None
    given["factor"] = listed.factor if factor is None else factor
    return {**given, "source": listed.source, "as_of": listed.as_of}


def _peak_as_given(peak: model.Peak) -> Peak:
    names = next((name for name in GROUPS if Days(name).weekdays() == peak.weekdays), None)
    return Peak.model_construct(
        factor=peak.factor,
        days=Days(names or tuple(WEEK[day] for day in peak.weekdays)),
        start=TimeOfDay(int(peak.start_s)),
        end=TimeOfDay(int(peak.end_s)),
    )


def _peaks(price: TokenPrice, draws: Draws) -> tuple[model.Peak, ...]:
    return tuple(
        model.Peak(
            known(peak.factor, draws),
            (Days("daily") if peak.days is None else peak.days).weekdays(),
            float(peak.start.seconds),
            float(peak.end.seconds),
        )
        for peak in price.peaks or ()
    )


def compiled(
    price: TokenPrice,
    usd_per_unit_hour: Number | None,
    start: datetime,
    draws: Draws,
    life_s: float = model.SHORT_LIFE_S,
) -> model.TokenPrice:
    """The price in a world whose horizon begins at ``start``, of caches that live ``life_s``."""
    long, fee = price.long_context, price.subscription
    return model.TokenPrice(
        rates=_rates(price, draws).living(life_s),
        long_rates=None if long is None else _rates(long, draws).living(life_s),
        long_above_tokens=NO_STEP if long is None else int(known(long.above, draws)),
        factor=_or(price.factor, 1.0, draws),
        yearly_factor=_or(price.yearly_factor, 1.0, draws),
        usd_per_unit_hour=_or(usd_per_unit_hour, 0.0, draws),
        minimum_usd_per_month=_or(price.minimum_per_month, 0.0, draws),
        subscription=None if fee is None else _subscription(fee, draws),
        peaks=_peaks(price, draws),
        clock_s=week_s(start),
        source=price.source or "",
        as_of=price.as_of or "",
    )


def _rates(given: TokenPrice | LongContext, draws: Draws) -> model.TokenRates:
    return model.TokenRates(
        input=_or(given.input, 0.0, draws),
        output=_or(given.output, 0.0, draws),
        **{
            key: known(rate, draws)
            for key in ("cached_input", *WRITES)
            if (rate := getattr(given, key)) is not None
        },
    )


def _subscription(fee: Subscription, draws: Draws) -> model.Subscription:
    return model.Subscription(
        known(fee.usd_per_month, draws),
        _or(fee.included_requests, math.inf, draws),
        known(fee.overage_multiple, draws),
    )


def _or(number: Number | None, default: float, draws: Draws) -> float:
    return default if number is None else known(number, draws)
