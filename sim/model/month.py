r"""What a month is: how a horizon of any length stands for it.

A month is the mean one of 730.5 hours that begins with the horizon; of a longer horizon it is a
mean month of it. A horizon is seldom a fair sample of its month: a Monday has more requests than
the mean day, a Saturday fewer. Each workload has a **weight** for that, the requests of a mean
stretch of the month, as long as the horizon, over those expected in the horizon itself:

    weight = (D·m·g + x·D/W) / E        W = max(D, month)

where D is the length of the horizon, E the requests expected in it, x those of them that special
events bring (or cost, then it is negative), m the mean rate over the whole shape (its day or week),
and g the mean of growth over W. An event happens once a month, or as often as it does in a longer
horizon. A trace has no shape: m·g is its own mean rate, so that all its days are taken to be alike.
The weight of a whole week without growth is 1, and so is that of arrivals without a shape.

From the dollars of the horizon to those of a month (:mod:`sim.montecarlo.money.monthly`):

- **by time**, times month/D: a fleet of a fixed size, reserved and owned GPUs, provisioned units,
  devices. They cost the same on any day.
- **by volume**, times month/D and the weight: tokens that are paid each, whatever is served per
  request, and revenue per request, task or outcome.
- **in between**, a fleet that scales itself: its least replicas by time, what it has beyond by
  volume. Of one that may have none the first replica is there as long as somebody needs it: with w
  times the requests (the weight) in 1 − (1 − f)^w of the time rather than f, as if requests came at
  random. Where it always was there it goes by time, where hardly ever by volume.
- **by the month**: a subscription's included requests and a committed spend are held against what a
  month has of requests and spend, not against a day's part of them.

A job that ends with its last answer is taken to go on without a pause.
"""

import math
from collections.abc import Iterator
from datetime import datetime

from sim.model.arrivals import YEAR_S
from sim.model.design import Design
from sim.model.price import DAY_S, HOUR_S, MONTH_S
from sim.model.trace import TraceSource

WEEK_S = 7 * DAY_S
ALIKE = 1e-3  # weights that differ from 1 by less are those of a fair sample


def weight(mean_rate: float, usual: float, expected: float, duration_s: float) -> float:
    """Requests of a mean stretch of the month over those of the horizon.

    Parameters
    ----------
    mean_rate : float
        Requests per second over the month, without events.
    usual, expected : float
        Requests in the horizon without and with special events.
    duration_s : float
        Of the horizon.

    Returns
    -------
    float
        NaN where none are expected: then the horizon does not tell of a month.

    Examples
    --------
    A day with twice the requests of a mean one; the same with an event that brings as many again,
    once a month.

    >>> weight(1.0, 2.0 * DAY_S, 2.0 * DAY_S, DAY_S)
    0.5
    >>> round(weight(1.0, 2.0 * DAY_S, 4.0 * DAY_S, DAY_S), 4)
    0.2664
    """
    if not expected > 0:
        return math.nan
    window_s = max(duration_s, MONTH_S)
    wanted = mean_rate * duration_s + (expected - usual) * duration_s / window_s
    return max(wanted, 0.0) / expected


def mean_growth(per_year: float, duration_s: float) -> float:
    """Mean over a month, or over a longer horizon, of a factor that grows from 1.

    >>> round(mean_growth(2.0, DAY_S), 4), mean_growth(1.0, DAY_S)
    (1.0294, 1.0)
    """
    exponent = math.log(per_year) * max(duration_s, MONTH_S) / YEAR_S
    return math.expm1(exponent) / exponent if exponent != 0 else 1.0


def rests_on(design: Design) -> str:
    """What the figures of a month rest on, in a clause; empty where they need no explanation.

    That is where the horizon is whole weeks, where nothing hangs on the volume, and where the
    horizon is a fair sample of its month.
    """
    duration_s = design.horizon.duration_s
    if _is_whole(duration_s, WEEK_S) or not _hangs_on_volume(design):
        return ""
    of_horizon = _span(design.horizon.start, duration_s)
    weighted = any(not abs(each.month_weight - 1.0) <= ALIKE for each in design.workloads)
    if weighted:
        return f"a month like {of_horizon}, weighted to a mean week"
    if any(isinstance(workload.source, TraceSource) for workload in design.workloads):
        return f"a month like {of_horizon} without a pause"
    return ""


def note(design: Design) -> str:
    """The same as the beginning of a sentence of its own, or empty."""
    clause = rests_on(design)
    return f"figures of a month are those of {clause}" if clause else ""


def _hangs_on_volume(design: Design) -> bool:
    """Whether cost or revenue of a month is another where there are more requests."""
    scales = any(pool.autoscaler is not None for pool in design.pools)
    return scales or bool(design.managed) or any(w.economics.pays for w in design.workloads)


def _is_whole(duration_s: float, unit_s: float) -> bool:
    return (
        abs(duration_s / unit_s - round(duration_s / unit_s)) * unit_s < 1.0 <= duration_s / unit_s
    )


def _span(start: datetime, duration_s: float) -> str:
    """The horizon in words.

    >>> monday = datetime(2026, 11, 23)
    >>> [_span(monday, d) for d in (DAY_S, 3 * DAY_S, 1.5 * HOUR_S, 30.0)]
    ['this Monday', 'these 3 days', 'these 1.5 hours', 'these 30 seconds']
    """
    if _is_whole(duration_s, DAY_S):
        days = round(duration_s / DAY_S)
        return f"this {start:%A}" if days == 1 else f"these {days} days"
    unit, size = next(_units(duration_s))
    amount = f"{duration_s / size:.3g}"
    return f"this {unit}" if amount == "1" else f"these {amount} {unit}s"


def _units(duration_s: float) -> Iterator[tuple[str, float]]:
    """Units that a duration has at least one of, the largest first."""
    units = (("day", DAY_S), ("hour", HOUR_S), ("minute", 60.0), ("second", 0.0))
    yield from ((name, size or 1.0) for name, size in units if duration_s >= size)
