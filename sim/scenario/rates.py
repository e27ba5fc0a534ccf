"""How many requests come when, in a world, and what a month has of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from sim.model import month
from sim.model.arrivals import RateCurve, SpecialEvent, rate_curve
from sim.model.closed import ClosedSource
from sim.model.design import Horizon
from sim.model.generated import GeneratedSource
from sim.model.trace import TraceSource
from sim.model.workload import RequestSource
from sim.scenario import schema
from sim.scenario.regional.place import Place
from sim.scenario.schema import DAY_S
from sim.scenario.values.catalogued import Shape
from sim.scenario.values.numbers import Number, known
from sim.scenario.workload import swings

Draws = Mapping[str, float]


def spikes(
    arrivals: schema.Arrivals, horizon: Horizon, draws: Draws
) -> tuple[tuple[float, float], ...]:
    """Beginning and end of the events that raise the rate."""
    events = (event(each, horizon, draws) for each in arrivals.events or ())
    return tuple((e.start_s, e.start_s + e.duration_s) for e in events if e.factor > 1)


def month_weight(
    arrivals: schema.Arrivals,
    source: RequestSource,
    horizon: Horizon,
    draws: Draws,
    there: Place,
) -> float:
    """What the horizon's requests are to a month's."""
    end_s = horizon.duration_s
    if isinstance(source, ClosedSource):
        return 1.0  # users are as many on any day; what they ask is an outcome
    if isinstance(source, TraceSource):
        plain = replace(source, events=())
        usual, expected = (float(each.cumulative(np.array([end_s]))[0]) for each in (plain, source))
        return month.weight(usual / end_s, usual, expected, end_s)
    assert isinstance(source, GeneratedSource)
    expected = usual = float(source.curve.cumulative(end_s))
    if arrivals.events:
        plain_arrivals = arrivals.model_copy(update={"events": None})
        usual = float(curve(plain_arrivals, horizon, draws, there).cumulative(end_s))
    growth = month.mean_growth(known(there_is(arrivals.growth_per_year), draws), end_s)
    mean_per_s = mean_rate_per_s(arrivals, draws) * part(arrivals, horizon, draws, there)
    return month.weight(mean_per_s * growth, usual, expected, end_s)


def part(arrivals: schema.Arrivals, horizon: Horizon, draws: Draws, there: Place) -> float:
    """What of the users of a workload are of this stream, in a mean week."""
    if there.hours is None:
        return there.share
    plain = {"growth_per_year": 1.0, "events": None}
    usual = partial(_by_shape, arrivals.model_copy(update=plain), horizon, draws)
    return there.share * there.usual_share(usual, horizon.start)


def curve(arrivals: schema.Arrivals, horizon: Horizon, draws: Draws, there: Place) -> RateCurve:
    """The expected rate over the horizon, on the clock of the users."""
    return there.curve(partial(_by_shape, arrivals, horizon, draws, share=there.share), horizon)


def _by_shape(
    arrivals: schema.Arrivals,
    horizon: Horizon,
    draws: Draws,
    start: datetime,
    begin_s: float,
    end_s: float,
    share: float = 1.0,
) -> RateCurve:
    """The rate of so many of its users, time 0 being ``start`` on the clock of their day."""
    shape: Shape = there_is(arrivals.shape)
    return rate_curve(
        share * mean_rate_per_s(arrivals, draws),
        start,
        begin_s,
        end_s,
        shape.day_shape,
        known(there_is(arrivals.growth_per_year), draws),
        [event(each, horizon, draws) for each in arrivals.events or ()],
    )


def mean_rate_per_s(arrivals: schema.Arrivals, draws: Draws) -> float:
    """Requests per second, averaged over the period of the shape, at the start of the horizon."""
    if arrivals.counts is not None:
        shape: Shape = there_is(arrivals.shape)
        return known(arrivals.counts.scale, draws) * shape.mean_per_s
    if arrivals.requests_per_second is not None:
        return known(arrivals.requests_per_second, draws)
    if arrivals.requests_per_day is not None:
        return known(arrivals.requests_per_day, draws) / DAY_S
    users: Number = there_is(arrivals.users)
    each: Number = there_is(arrivals.requests_per_user_per_day)
    return known(users, draws) * known(each, draws) / DAY_S


def event(given: swings.Event, horizon: Horizon, draws: Draws) -> SpecialEvent:
    """A time when traffic differs."""
    return SpecialEvent(
        known(given.start.offset(horizon.start), draws),
        known(given.duration, draws),
        known(given.factor, draws),
    )


def there_is(value: Any) -> Any:
    """What resolution has filled in."""
    assert value is not None
    return value
