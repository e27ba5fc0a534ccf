"""Figures of every month and world of a plan, from the months that are simulated."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.model.design import Design, GpuPool
from sim.studies.limits import limit_of
from sim.studies.plan.contracts import Contract
from sim.studies.plan.days import busiest, days_per_month, kinds_of
from sim.studies.plan.months import interpolated
from sim.studies.plan.outlook import PREFIX, Outlook
from sim.studies.plan.runs import HOURS, Month, in_gpus
from sim.studies.worst import worst_served

FloatArray = npt.NDArray[np.float64]

ROUNDED_UP = 0.5  # of a replica, on average


class Future:
    """Every month of a plan.

    Parameters
    ----------
    outlook : Outlook
    values : sequence of dict
        What is drawn in each world.
    design : Design
    months : sequence of Month
        Those simulated, increasing.
    terms : mapping of str to Contract
        Of the APIs, what is counted by the month.

    Attributes
    ----------
    worlds : int
    kinds : tuple of str
    volume, price : (worlds, months) float64
        Multiples of today's volume, and of today's prices.
    hours : (kinds, 24) float64
        How often each hour of each kind of day comes in a month.
    """

    def __init__(
        self,
        outlook: Outlook,
        values: Sequence[dict[str, float]],
        design: Design,
        months: Sequence[Month],
        terms: Mapping[str, Contract],
    ) -> None:
        self.outlook, self.design, self.months = outlook, design, months
        self.terms = terms
        self.values = values
        self.worlds = len(values)
        self.kinds = kinds_of(outlook)
        every = range(outlook.months)
        self.volume = np.array([[outlook.volume(m, each) for m in every] for each in values])
        yearly = np.array([each[f"{PREFIX}price"] for each in values])
        self.price = yearly[:, None] ** (np.arange(outlook.months) / 12.0)
        weights = np.array([days_per_month(outlook)[kind] for kind in self.kinds])
        self.hours = np.repeat(weights[:, None], HOURS, axis=1)

    @cached_property
    def waiting(self) -> str:
        """The workload whose latency is shown: of several, the worst served in the last month.

        On its busiest day; a latency of all of them together would hide it. Empty where there is
        one.
        """
        last = worst_served(self.months[-1].days[busiest(self.outlook)])
        return last.workload if last else ""

    @property
    def limit_s(self) -> float:
        """The SLO's threshold on that time to first token; NaN where there is none."""
        of_whom = f"workloads.{self.waiting}." if self.waiting else ""
        return limit_of(f"{of_whom}peak_hour_ttft_p95_s", self.design.workloads)

    def without(self, month: int) -> "Future":
        """The same, had one of the months not been simulated."""
        others = [each for each in self.months if each.month != month]
        return Future(self.outlook, self.values, self.design, others, self.terms)

    def p95_s(self, kind: str) -> FloatArray:
        """p95 of the first token in the worst hour of a kind of day: (worlds, months).

        Of the workload that is ``waiting``; NaN where none of its requests is answered.
        """
        if kind not in self.kinds:
            return np.full(self.volume.shape, np.nan)
        of_whom = f"workloads.{self.waiting}." if self.waiting else ""
        return self._between(self._of_days(f"{of_whom}peak_hour_ttft_p95_s", kind)).T

    def per_month(self, metric: str) -> FloatArray:
        """What the days of a month bring together: (worlds, months)."""
        days = np.stack([self._of_days(metric, kind) for kind in self.kinds])
        whole_months = np.tensordot(self.hours[:, 0], days, axes=1)
        return self._between(whole_months, self.volume.T).T

    def api_usd(self) -> FloatArray:
        """Bills of the APIs: (worlds, months)."""
        bills = [
            self.terms[api.name].usd(
                self.per_month(f"backends.{api.name}.cost_usd") * self.price,
                self.per_month(f"backends.{api.name}.attempts"),
            )
            for api in self.design.managed
        ]
        return np.asarray(sum(bills, np.zeros(self.volume.shape)))

    def gpus(self, pool: GpuPool) -> FloatArray:
        """GPUs by the hour: (worlds, months, kinds, 24).

        Where none moves, of whole replicas in the simulated months; in between of as many as are
        to be expected, a whole replica being half of one more than suffices on average.
        """
        if pool.moves:
            simulated = np.stack([each.gpus[pool.name] for each in self.months])
            found = self._between(simulated, self.volume.T[:, :, None, None])
            return np.moveaxis(found, 0, 1)
        wanted = self.sufficient(pool)
        replicas = np.clip(wanted + ROUNDED_UP, 1.0, max(pool.lifecycle.most_serving, 1))
        for each in self.months:
            replicas[:, each.month] = each.replicas[pool.name]
        shape = (*wanted.shape, *self.hours.shape)
        return np.broadcast_to(in_gpus(pool, replicas)[:, :, None, None], shape).copy()

    def sufficient(self, pool: GpuPool) -> FloatArray:
        """Replicas that suffice of a pool that does not scale, not rounded: (worlds, months).

        Half of one below those in use. (The margin over the need would not do: where a month needs
        2.1 replicas, 3 of them are enough with no margin at all, which says nothing of the next
        month that needs 2.9. Plans of small fleets leaned low by up to 12 % for it.)
        """
        simulated = np.stack([each.replicas[pool.name] for each in self.months]) - ROUNDED_UP
        return self._between(simulated, self.volume.T).T

    def _of_days(self, metric: str, kind: str) -> FloatArray:
        """A metric of a kind of day: (simulated months, worlds)."""
        return np.stack(
            [each.days[kind].sample.values(metric)[: self.worlds] for each in self.months]
        )

    def _between(self, values: FloatArray, scale: FloatArray | None = None) -> FloatArray:
        """All months from the simulated ones; axis 0 is the month."""
        at = [each.month for each in self.months]
        return interpolated(at, values, np.arange(self.outlook.months, dtype=np.float64), scale)
