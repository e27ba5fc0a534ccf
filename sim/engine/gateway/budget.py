"""Budgets: what is spent at one backend or several in a day, week or month, until all of it is.

What an answer costs is booked when it ends, or its client leaves; see ``sim.model.managed.Budget``.
"""

import math

from sim.engine.request import usage
from sim.engine.state.backend_record import CACHED, GENERATED, LONG, PLAIN, WRITTEN
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State

_SOON_S = 1e-6  # what rounding may take of a period
_NEARLY = 1.0 - 1e-9  # what rounding may take of the dollars
_HOUR_S, _YEAR_S = 3600.0, 365.25 * 86_400.0


@inner
def is_spent(s: State, b: int, now: float) -> bool:
    """Whether a backend is left out as its budget is spent."""
    return now < s.providers[b].spent_until_s - _SOON_S


@inner_apart
def book(s: State, slot: int, generated: int, now: float) -> None:
    """An attempt has ended, or its client left, after so many tokens of an answer."""
    seq = s.slots[slot]
    b = seq.backend
    if s.budgets_of[b, 0] == NONE or now < 0.0:
        return
    is_long = 1 if s.extras[slot].billing == LONG else 0
    usd = _usd(s, seq, is_long, generated) * _factor(s, b, now)
    for k in range(s.budgets_of.shape[1]):
        if s.budgets_of[b, k] != NONE:
            _spend(s, s.budgets_of[b, k], usd, now)


@inner_apart
def _spend(s: State, k: int, usd: float, now: float) -> None:
    """Book dollars on a budget, with which all are left out that it holds for once it is spent."""
    budget, ends = s.budgets[k], s.ends[k]
    while now > ends[budget.period] - _SOON_S:
        budget.period += 1
        budget.spent_usd = 0.0
    budget.spent_usd += usd
    if budget.spent_usd < budget.usd * _NEARLY:
        return
    for b in range(s.budgets_of.shape[0]):
        for own in s.budgets_of[b]:
            if own == k:
                provider = s.providers[b]
                provider.spent_until_s = max(provider.spent_until_s, ends[budget.period])


@inner
def _usd(s: State, seq: Row, is_long: int, generated: int) -> float:
    price, written = s.prices[seq.backend, is_long], usage.written(s, seq)
    plain = seq.prompt - seq.cached - written
    usd = plain * price[PLAIN] + seq.cached * price[CACHED] + written * price[WRITTEN]
    return float(usd + generated * price[GENERATED])


@inner
def _factor(s: State, b: int, now: float) -> float:
    """On the prices at a time."""
    provider = s.providers[b]
    hour = math.floor((provider.clock_s + now) / _HOUR_S) % s.peaks.shape[1]
    return float(s.peaks[b, hour] * provider.yearly_factor ** (now / _YEAR_S))
