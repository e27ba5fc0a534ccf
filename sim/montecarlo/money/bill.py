"""The bill of a replication: every charge of every backend, hour by hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.model.design import Design
from sim.montecarlo.money.apis import Account, api_charges
from sim.montecarlo.money.charge import (
    CACHED,
    OUTPUT,
    PROMPT,
    USES,
    WRITTEN,
    Charge,
    Frequency,
    Pricing,
    Status,
)
from sim.montecarlo.money.gpus import pool_charges
from sim.montecarlo.money.periods import hour_edges_s, months
from sim.montecarlo.money.usage import usage_of, users_of
from sim.montecarlo.money.work import PoolWork, pool_work

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the bill: a kind of charge of a backend in an hour.

    Attributes
    ----------
    backend, kind : str
    start, end : datetime
        Of the hour, in the clock of the horizon.
    unit : str
    quantity, consumed : float
    list_usd, contracted_usd, effective_usd, billed_usd : float
    used_usd, headroom_usd, idle_usd, wasted_usd : float
        The effective cost by its use.
    prompt_tokens, cached_tokens, written_tokens, output_tokens : float
    pricing, status, frequency
        As in :class:`~sim.montecarlo.money.charge.Charge`.
    """

    backend: str
    kind: str
    start: datetime
    end: datetime
    unit: str
    quantity: float
    consumed: float
    list_usd: float
    contracted_usd: float
    effective_usd: float
    billed_usd: float
    used_usd: float
    headroom_usd: float
    idle_usd: float
    wasted_usd: float
    prompt_tokens: float
    cached_tokens: float
    written_tokens: float
    output_tokens: float
    pricing: Pricing
    status: Status
    frequency: Frequency


@dataclass(frozen=True, slots=True)
class Bill:
    """All charges of a replication.

    Attributes
    ----------
    start : datetime
        Of the horizon.
    hours_s : (hours + 1,) float64
        Edges of the hours, in seconds from the start; the last hour may be short.
    charges : tuple of Charge
    works : tuple of PoolWork
        What the time of each pool went to.
    """

    start: datetime
    hours_s: FloatArray
    charges: tuple[Charge, ...]
    works: tuple[PoolWork, ...] = ()

    def lines(self) -> Iterator[CostLine]:
        """Line by line, by backend, hour and kind; hours in which there is nothing are left out."""
        edges = [self.start + timedelta(seconds=float(second)) for second in self.hours_s]
        for backend in dict.fromkeys(charge.backend for charge in self.charges):
            own = [charge for charge in self.charges if charge.backend == backend]
            for hour, (start, end) in enumerate(pairwise(edges)):
                for charge in own:
                    if _is_there(charge, hour):
                        yield _line(charge, hour, start, end)


_FIGURES = (
    "quantity",
    "consumed",
    "list_usd",
    "contracted_usd",
    "effective_usd",
    "billed_usd",
    *(f"{use}_usd" for use in USES),
)


def _is_there(charge: Charge, hour: int) -> bool:
    return any(getattr(charge, name)[hour] for name in _FIGURES)


def _line(charge: Charge, hour: int, start: datetime, end: datetime) -> CostLine:
    tokens = charge.tokens[:, hour]
    return CostLine(
        backend=charge.backend,
        kind=charge.kind,
        start=start,
        end=end,
        unit=charge.unit,
        **{name: float(getattr(charge, name)[hour]) for name in _FIGURES},
        prompt_tokens=float(tokens[PROMPT]),
        cached_tokens=float(tokens[CACHED]),
        written_tokens=float(tokens[WRITTEN]),
        output_tokens=float(tokens[OUTPUT]),
        pricing=charge.pricing,
        status=charge.status,
        frequency=charge.frequency,
    )


def costs(outcome: Outcome, design: Design) -> Bill:
    """The bill of a replication.

    Returns
    -------
    Bill
        Its effective costs add up to ``cost_usd``, per backend and in total.
    """
    hours_s = hour_edges_s(design.horizon.duration_s)
    charges: list[Charge] = []
    works = [pool_work(outcome, design, index, hours_s) for index in range(len(design.pools))]
    for pool, work in zip(design.pools, works, strict=True):
        charges += pool_charges(pool, work, hours_s)
    calendar = months(design.horizon.start, hours_s)
    ledger = outcome.ledger
    for index, api in enumerate(design.managed, start=len(design.pools)):
        usage = usage_of(ledger.usage[:, index], ledger.edges_s, hours_s)
        users = users_of(design, api.name)
        charges += api_charges(Account(api, usage, users, hours_s, calendar))
    return Bill(design.horizon.start, hours_s, tuple(charges), tuple(works))
