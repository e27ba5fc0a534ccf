"""The bill of a month, from that of a horizon: what goes by time, and what by volume.

:mod:`sim.model.month` says what a month is, and how costs are carried over to it.
"""

import math

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.model.design import Design, GpuPool
from sim.model.managed import ManagedApi
from sim.model.price import HOUR_S, MONTH_S, GpuPrice, Subscription
from sim.montecarlo.money.apis import TOKENS
from sim.montecarlo.money.bill import Bill
from sim.montecarlo.money.charge import Charge
from sim.montecarlo.money.gpus import GPU_HOURS
from sim.montecarlo.money.usage import in_shares, users_of

FloatArray = npt.NDArray[np.float64]

BUSIER = 1.05  # requests of a mean stretch of the month over those of the horizon
HARDLY = 0.01  # of the GPU-hours, beyond the least fleet
BY_USE = ("Standard", "Dynamic")  # pricing of GPUs that are paid while they are there


class Monthly:
    """What a replication's horizon comes to in a month.

    Parameters
    ----------
    bill : Bill
    outcome : Outcome
    design : Design

    Attributes
    ----------
    time : float
        Horizons in a month.
    volume : (workloads,) float64
        Requests of a month over those of the horizon.
    usd : (backends, workloads) float64
        Cost of a month.
    is_least : (backends,) bool
        Whether a fleet that scales itself had its least replicas all the time although a mean day
        brings more: how many that would take is not known, so the month costs at least so much.
    """

    def __init__(self, bill: Bill, outcome: Outcome, design: Design) -> None:
        self._outcome, self._design = outcome, design
        self.time = MONTH_S / design.horizon.duration_s
        self._weights = np.array([workload.month_weight for workload in design.workloads])
        self.volume = self._weights * self.time
        self._busier = bool((self._weights > BUSIER).any())
        self.is_least = np.zeros(len(design.backends), np.bool_)
        self.usd = np.zeros((len(design.backends), len(design.workloads)))
        for index, backend in enumerate(design.backends):
            charges = [charge for charge in bill.charges if charge.backend == backend.name]
            if isinstance(backend, GpuPool):
                self.usd[index] = self._pool(backend, index, charges)
            else:
                self.usd[index] = self._api(backend, index, charges)

    def _pool(self, pool: GpuPool, index: int, charges: list[Charge]) -> FloatArray:
        """A fleet by time; of one that scales itself, what it has beyond its least by volume."""
        paid_in_use = [charge for charge in charges if _is_paid_in_use(pool, charge)]
        first, beyond, present = self._moving(pool, index, paid_in_use)
        scales = pool.autoscaler is not None and pool.limits[1] > pool.limits[0]
        moving = beyond + first * (1 - present)
        self.is_least[index] = scales and bool(paid_in_use) and self._busier and moving < HARDLY
        usd, in_use = self._sum(charges), self._sum(paid_in_use)
        # The more requests there are, the seldomer none of them needs the first.
        presence = (1 - (1 - present) ** self._weights) / present if first > 0 else self._weights
        scaled = in_use * (beyond * self.volume + first * presence * self.time)
        return (usd - (first + beyond) * in_use) * self.time + np.where(in_use > 0, scaled, 0.0)

    def _moving(
        self, pool: GpuPool, index: int, paid_in_use: list[Charge]
    ) -> tuple[float, float, float]:
        """What moves with the volume: the first replica of a fleet that may serve none, and more.

        Returns
        -------
        first, beyond : float
            Shares of the GPU-hours that are paid in use: of the first replica beside those that are
            kept on standby, if the least fleet serves none; and of what there is beyond.
        present : float
            Share of the horizon in which that first one was there.
        """
        gpu_hours = math.fsum(float(charge.consumed.sum()) for charge in paid_in_use)
        if pool.autoscaler is None or gpu_hours == 0:
            return 0.0, 0.0, 1.0
        bought = self._outcome.bought(self._design, index)
        bought_s = math.fsum(each.end_s - each.start_s for each in bought) * pool.unit_gpus
        least = pool.bought_gpus(pool.limits[0] + pool.lifecycle.kept_ready)
        duration_s = self._design.horizon.duration_s
        beyond_s = max(bought_s - least * duration_s, 0.0)
        present_s = 0.0
        if pool.limits[0] == 0:
            spans = [(each.start_s, each.end_s) for each in bought]
            present_s = _time_above_s(spans, least // pool.unit_gpus)
        first_s = present_s * pool.unit_gpus
        of_all = 1 / HOUR_S / gpu_hours
        # What is committed serves the first: those that are paid in use are what is beyond.
        beyond = min(max(beyond_s - first_s, 0.0) * of_all, 1.0)
        first = min(first_s * of_all, 1.0 - beyond)
        return first, beyond, min(present_s / duration_s, 1.0) if first > 0 else 1.0

    def _api(self, api: ManagedApi, index: int, charges: list[Charge]) -> FloatArray:
        """Tokens by volume, the rest by time; what is counted by the month by what it has."""
        tokens = [charge for charge in charges if charge.unit == TOKENS]
        others = [charge for charge in charges if charge.unit != TOKENS]
        # A longer horizon has whole months of its own on the bill.
        is_short = self.time > 1
        fee = api.price.subscription if is_short else None
        usd = self._sum(tokens) * self.volume
        if fee is not None:
            usd = self._overage(fee, index, tokens)
        minimum = api.price.minimum_usd_per_month if is_short else 0.0
        if minimum > 0:
            missing = [charge for charge in others if charge.kind == "minimum_spend"]
            others = [charge for charge in others if charge.kind != "minimum_spend"]
            devices = [charge for charge in others if charge.kind == "devices"]
            counted = usd + (self._sum(others) - self._sum(devices)) * self.time
            shares = in_shares(self._sum(missing), users_of(self._design, api.name))
            usd = usd + max(minimum - counted.sum(), 0.0) * shares
        return usd + self._sum(others) * self.time

    def _overage(self, fee: Subscription, index: int, tokens: list[Charge]) -> FloatArray:
        """Tokens beyond a subscription's cap on the attempts of a month."""
        booked = self._outcome.ledger.usage[:, index]
        taken = booked["attempts"] - booked["errors"] - booked["rejections"]
        attempts = np.maximum(taken.sum(axis=(1, 2)), 0.0) * self.volume
        if not attempts.sum() > fee.included_requests:
            return np.zeros(len(attempts))
        beyond = 1.0 - fee.included_requests / attempts.sum()
        shares = attempts / attempts.sum()
        # What all tokens cost by their price, of which those of a month within the cap are free.
        list_usd = math.fsum(float(charge.list_usd.sum()) for charge in tokens)
        by_workload = in_shares(taken.sum(axis=(1, 2)).astype(np.float64), shares) * list_usd
        usd: FloatArray = by_workload * self.volume * beyond * fee.overage_multiple
        return usd

    def _sum(self, charges: list[Charge]) -> FloatArray:
        """What charges cost over the horizon: (workloads,)."""
        return sum((charge.workload_usd for charge in charges), np.zeros(len(self.volume)))


def _time_above_s(spans: list[tuple[float, float]], level: int) -> float:
    """Time in which there are more than so many of some spans.

    >>> spans = [(5.0, 6.0), (0.0, 2.0), (1.0, 3.0)]
    >>> _time_above_s(spans, 0), _time_above_s(spans, 1)
    (4.0, 1.0)
    """
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    total_s = since_s = 0.0
    there = 0
    for at_s, change in changes:
        total_s += at_s - since_s if there > level else 0.0
        there, since_s = there + change, at_s
    return total_s


def _is_paid_in_use(pool: GpuPool, charge: Charge) -> bool:
    """Whether a charge is for GPUs that are paid as long as they are there, and no longer."""
    return charge.unit == GPU_HOURS and (
        isinstance(pool.price, GpuPrice) or charge.pricing in BY_USE
    )
