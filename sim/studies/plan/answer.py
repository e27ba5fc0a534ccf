"""The answer of a plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.montecarlo.cause import MEANINGS
from sim.montecarlo.shares import Share, spread_over
from sim.montecarlo.summary import share_as_json
from sim.studies.plan.breaking import OVER_BUDGET, Break, Kept
from sim.studies.plan.days import busiest
from sim.studies.plan.naming import named, span
from sim.studies.plan.outlook import Outlook
from sim.studies.plan.purchase import Commitment
from sim.studies.stress.verdict import Word
from sim.studies.worst import WorstServed

FloatArray = npt.NDArray[np.float64]

LEVELS = {"p5": 0.05, "p50": 0.5, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Check:
    """A simulated month, left out and interpolated from its neighbours.

    Attributes
    ----------
    month, below, above : int
    cost, p95 : float
        Interpolated over simulated, less 1: of the bill, mean over worlds, and of the p95 of the
        busiest day, median over worlds.
    """

    month: int
    below: int
    above: int
    cost: float
    p95: float


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Month by month; arrays are (worlds, months) unless said otherwise.

    Attributes
    ----------
    name : str
    worlds, seed : int
    probability : float
        With which each month's fleet must hold.
    budget_usd : float or None
        A month.
    outlook : Outlook
    kept : Kept
        Today's fleet.
    breaks : tuple of Break
        What breaks in the plan itself.
    checks : tuple of Check
        Of the interpolation.
    simulated : tuple of int
        Months that were simulated; the others lie between.
    words, held, margins : tuple
        Of the simulated months: verdict, worlds that hold, replicas over the fluid need.
    volume : array
        Multiple of today's.
    gpus : dict of str to (worlds, months, 24 x kinds of days) float64
        By the hour of weekday, weekend and, where there is one, peak day, of each pool.
    gpus_per_replica : dict of str to int
        Or of the node that is bought whole.
        Of each pool.
    commitments : tuple of Commitment
    reserved_usd, flexible_usd, api_usd, fixed_usd, revenue_usd, requests : array
    weekday_p95_s, peak_p95_s : array
    spot_part : float
        Share of ``flexible_usd`` that is paid for spot.
    uncommitted_usd : array
        What the GPUs would cost without any reservation.
    one_off_usd : (worlds,) float64
        Training and fine-tuning, before the first month.
    waiting : str
        Of several workloads, the one whose p95 is given; empty where there is one.
    worst : (int, WorstServed) or None
        Of several workloads, the worst served on the busiest day of any simulated month, and when.
    unused : tuple of str
        Pools that are paid for, and serve nothing on any simulated day.
    limit_s : float
        The SLO's threshold on the time to first token that is given; NaN where there is none.
    """

    name: str
    worlds: int
    seed: int
    probability: float
    budget_usd: float | None
    outlook: Outlook
    kept: Kept
    breaks: tuple[Break, ...]
    checks: tuple[Check, ...]
    simulated: tuple[int, ...]
    words: tuple[Word, ...]
    held: tuple[int, ...]
    margins: tuple[float, ...]
    volume: FloatArray
    gpus: dict[str, FloatArray]
    gpus_per_replica: dict[str, int]
    commitments: tuple[Commitment, ...]
    reserved_usd: FloatArray
    flexible_usd: FloatArray
    spot_part: float
    uncommitted_usd: FloatArray
    api_usd: FloatArray
    fixed_usd: FloatArray
    revenue_usd: FloatArray
    requests: FloatArray
    weekday_p95_s: FloatArray
    peak_p95_s: FloatArray
    one_off_usd: FloatArray
    waiting: str = ""
    worst: tuple[int, WorstServed] | None = None
    unused: tuple[str, ...] = ()
    limit_s: float = np.nan

    def typical_error(self, figure: str) -> float:
        """Root mean square of the errors of the checks: of ``cost`` or ``p95``; NaN of none."""
        errors = [getattr(each, figure) for each in self.checks]
        return float(np.sqrt(np.mean(np.square(errors)))) if errors else np.nan

    @property
    def cost_usd(self) -> FloatArray:
        """Of everything but training: (worlds, months)."""
        return self.reserved_usd + self.flexible_usd + self.api_usd + self.fixed_usd

    @property
    def margin(self) -> FloatArray:
        """Gross margin, NaN where no revenue is stated: (worlds, months)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.revenue_usd > 0, 1.0 - self.cost_usd / self.revenue_usd, np.nan)

    @property
    def most_gpus(self) -> FloatArray:
        """GPUs at the busiest hour, of whole replicas: (worlds, months)."""
        most = [
            whole_replicas(each.max(axis=2), self.gpus_per_replica[pool])
            for pool, each in self.gpus.items()
        ]
        return np.asarray(sum(most, np.zeros(self.volume.shape)))

    @property
    def saved_share(self) -> FloatArray:
        """Share of the GPUs' cost that reservations save over the whole plan: (worlds,)."""
        before = self.uncommitted_usd.sum(axis=1)
        after = (self.reserved_usd + self.flexible_usd).sum(axis=1)
        saved = np.zeros(len(before))
        np.divide(before - after, before, out=saved, where=before > 0)
        return saved

    @property
    def training_usd(self) -> FloatArray:
        """All training paid up to and in each month: (worlds, months)."""
        again = np.cumsum(self.outlook.training_usd)
        return np.asarray(self.one_off_usd[:, None] + again[None, :])

    @property
    def training_share(self) -> FloatArray:
        """Of all that is paid up to and in each month, the rest being inference."""
        whole = self.training_usd + np.cumsum(self.cost_usd, axis=1)
        share = np.zeros(whole.shape)
        np.divide(self.training_usd, whole, out=share, where=whole > 0)
        return share

    @property
    def trains(self) -> bool:
        """Whether any training is paid for."""
        return bool((self.training_usd > 0).any())

    @property
    def all_breaks(self) -> list[Break]:
        """Of today's fleet and of the plan, by month."""
        first = [] if self.kept.broken is None else [self.kept.broken]
        return sorted([*first, *self.breaks], key=lambda each: each.month)

    @property
    def sentence(self) -> str:
        """The plan in one sentence: the budget, until when today's fleet does, what to buy."""
        parts = [*self._budget(), self._kept()]
        if self.gpus:
            ends = (self.most_gpus[:, month] for month in (0, -1))
            first, last = (float(np.quantile(gpus, 0.5, method="higher")) for gpus in ends)
            until = f", {last:,.0f} by month {self.outlook.months}" if last != first else ""
            parts.append(f"plan for {_gpus(first)} at the peak{until}")
        if self.commitments:
            parts.append(self._commitments())
        parts.append(self._costs())
        if self.worst is not None:
            month, worst = self.worst
            day = busiest(self.outlook)
            parts.append(f"worst served is {worst.words} on a {day} of month {month + 1}")
        if self.trains:
            share = float(np.median(self.training_share[:, -1]))
            parts.append(f"training is {100.0 * share:.0f} % of all that is paid")
        for each in self.breaks:
            if each.what == OVER_BUDGET:
                continue  # said first
            where = f"from month {each.month + 1}" if each.month else "already in month 1"
            parts.append(f"{where} {each.what} {_worlds(each)}")
        return f"{self.name}: " + "; ".join(parts) + "."

    def _budget(self) -> Iterator[str]:
        """Whether the budget is kept; in how many worlds it is not, and when most often."""
        if self.budget_usd is None:
            return
        budget = f"the budget of {self.budget_usd:,.0f} USD a month"
        over = self.cost_usd > self.budget_usd
        ever, often = Share.of(over.any(axis=1)), over.sum(axis=0)
        worst = (np.flatnonzero(often == often.max()) + 1).tolist()
        if not ever.count:
            most = float(self.cost_usd.max())
            yield (
                f"{budget} is kept in every month in {Share(ever.worlds, ever.worlds).words()}:"
                f" the dearest costs {most:,.0f} USD"
            )
            return
        first = next((each.month for each in self.breaks if each.what == OVER_BUDGET), None)
        usually = "" if first is None else f" from month {first + 1} on in most worlds, and"
        yield (
            f"{budget} is exceeded{usually} in some month in {ever.words()}, most often in"
            f" {named(worst)}"
        )

    def _kept(self) -> str:
        broken = self.kept.broken
        if broken is None:
            last = self.outlook.months
            long = "for the month" if last == 1 else f"for all of the {last} months"
            return f"{self.kept.subject} hold{self.kept.ending} {long}"
        when = "already in month 1" if broken.month == 0 else f"from month {broken.month + 1}"
        return f"{when} {broken.what} {_worlds(broken)}"

    def _costs(self) -> str:
        least, most, said = spread_over(self.worlds)
        total = np.quantile(self.cost_usd.sum(axis=1), [least, 0.5, most])
        first, last = (float(np.median(self.cost_usd[:, month])) for month in (0, -1))
        many, one = self.outlook.months, self.outlook.months == 1
        time = "1 month costs" if one else f"{many} months cost"
        shown = f"{time} {total[1]:,.0f} USD ({total[0]:,.0f} … {total[2]:,.0f} {said})"
        if self.outlook.months > 1:
            months = f"from {first:,.0f} a month to {last:,.0f}"
            same = f"{first:,.0f}" == f"{last:,.0f}"
            shown += f", {first:,.0f} a month at either end" if same else f", {months}"
            grown = float(np.median(self.volume[:, -1]))
            shown += f" as volume grows {grown:.1f}x" if grown > 1.05 else ""
        return shown

    def _commitments(self) -> str:
        shown = [
            _gpus(each.gpus)
            + (f" of {each.pool}" if len(self.gpus) > 1 else "")
            + f" for {span(each.first + 1, each.end)}"
            for each in self.commitments
            if each.gpus > 0
        ]
        if not shown:
            return "no reservation pays"
        saved = 100.0 * float(np.median(self.saved_share))
        return f"reserve {', '.join(shown)}, which saves {saved:.0f} % on GPUs"

    def frames(self) -> dict[str, pd.DataFrame]:
        """``months``, with p5, p50 and p95 over worlds; ``commitments``."""
        figures = {
            "volume": self.volume,
            "gpus_at_peak": self.most_gpus,
            "cost_usd": self.cost_usd,
            "reserved_usd": self.reserved_usd,
            "flexible_usd": self.flexible_usd,
            "on_demand_usd": (1.0 - self.spot_part) * self.flexible_usd,
            "spot_usd": self.spot_part * self.flexible_usd,
            "api_usd": self.api_usd,
            "fixed_usd": self.fixed_usd,
            "training_so_far_usd": self.training_usd,
            "training_share_so_far": self.training_share,
            "revenue_usd": self.revenue_usd,
            "gross_margin": self.margin,
            "requests": self.requests,
            "weekday_ttft_p95_s": self.weekday_p95_s,
            "peak_day_ttft_p95_s": self.peak_p95_s,
        }
        months = np.arange(self.outlook.months)
        columns: dict[str, Any] = {"month": months + 1}
        columns["simulated"] = np.isin(months, self.simulated)
        columns["reserved_gpus"] = [
            sum(each.gpus for each in self.commitments if each.first <= month < each.end)
            for month in months
        ]
        held = dict(zip(self.simulated, self.held, strict=True))
        for name, by_month in (("", held), ("_with_todays_fleet", self.kept.held)):
            counted = [by_month.get(int(month)) for month in months]
            columns[f"worlds_that_hold{name}"] = [np.nan if n is None else n for n in counted]
            ends = [Share(n or 0, 0 if n is None else self.worlds).interval for n in counted]
            columns[f"share_that_holds{name}_low"] = [low for low, _ in ends]
            columns[f"share_that_holds{name}_high"] = [high for _, high in ends]
        for name, values in figures.items():
            for level, share in LEVELS.items():
                columns[f"{name}_{level}"] = np.quantile(values, share, axis=0)
        commitments = pd.DataFrame(
            [
                (each.pool, each.first + 1, each.end, each.gpus, each.usd_per_gpu_hour)
                for each in self.commitments
            ],
            columns=["pool", "first_month", "last_month", "gpus", "usd_per_gpu_hour"],
        )
        return {"months": pd.DataFrame(columns), "commitments": commitments}

    def _worst_as_json(self) -> dict[str, Any] | None:
        if self.worst is None:
            return None
        month, worst = self.worst
        return {"month": month + 1, **worst.as_json()}

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        frames = self.frames()
        months = frames["months"].astype(object).where(frames["months"].notna(), None)
        return {
            "version": 1,
            "study": "plan",
            "scenario": self.name,
            "sentence": self.sentence,
            "worlds": self.worlds,
            "seed": self.seed,
            "probability": self.probability,
            "budget_usd": self.budget_usd,
            "one_off_usd": float(np.median(self.one_off_usd)),
            "retraining_usd": float(self.outlook.training_usd.sum()),
            "breaks": [_break_as_json(each) for each in self.all_breaks],
            "ttft_of_workload": self.waiting or None,
            "worst_served": self._worst_as_json(),
            "served_nothing": list(self.unused),
            "interpolation_typical_cost_error": _plain(self.typical_error("cost")),
            "interpolation": [
                {
                    "month": each.month + 1,
                    "from_months": [each.below + 1, each.above + 1],
                    "cost_error": each.cost,
                    "busiest_day_ttft_p95_error": each.p95,
                }
                for each in self.checks
            ],
            "months": months.to_dict("records"),
            "commitments": frames["commitments"].to_dict("records"),
        }


def whole_replicas(gpus: FloatArray, size: int) -> FloatArray:
    """The GPUs of as many whole replicas as hold them.

    >>> whole_replicas(np.array([0.0, 4.0, 4.5, 12.0]), 4).tolist()
    [0.0, 4.0, 8.0, 12.0]
    """
    return np.asarray(size * np.ceil(gpus / size - 1e-9) + 0.0)  # no minus zero


def _gpus(count: float) -> str:
    return f"{count:,.0f} {'GPU' if count == 1 else 'GPUs'}"


def _worlds(broken: Break) -> str:
    """In how many worlds, and the resource that gives way, if any."""
    share = f"in {broken.share.words()}"
    if broken.cause is None:
        return share
    signs = broken.cause.signs
    full = signs.get("kv", 0.0)
    fullness = f", cache {100.0 * full:.0f} % full" if broken.cause.name == "KV memory" else ""
    return f"{share}: {MEANINGS[broken.cause.name]}{fullness}"


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _break_as_json(broken: Break) -> dict[str, Any]:
    return {
        "month": broken.month + 1,
        "what": broken.what,
        **share_as_json("share_of_worlds", broken.share),
        "exact": broken.exact,
        "cause": None if broken.cause is None else broken.cause.name,
        "backend": None if broken.cause is None else broken.cause.backend,
        "signs": {} if broken.cause is None else dict(broken.cause.signs),
    }
