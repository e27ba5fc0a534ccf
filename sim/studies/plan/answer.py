"""The answer of a plan."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.studies.plan.outlook import Outlook
from sim.studies.stress.verdict import Word

FloatArray = npt.NDArray[np.float64]

LEVELS = {"p5": 0.05, "p50": 0.5, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Commitment:
    """GPUs reserved for some months.

    Attributes
    ----------
    pool : str
    first, end : int
        Months, counted from 0; the end is not among them.
    gpus : float
    usd_per_gpu_hour : float
    """

    pool: str
    first: int
    end: int
    gpus: float
    usd_per_gpu_hour: float


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
    present : dict of str to int
        Replicas today of the pools that do not scale by themselves.
    gpus_per_replica : dict of str to int
    simulated : tuple of int
        Months that were simulated; the others lie between.
    words, held, margins : tuple
        Of the simulated months: verdict, worlds that hold, replicas over the fluid need.
    volume : array
        Multiple of today's.
    gpus : dict of str to (worlds, months, 72) float64
        By the hour of weekday, weekend and peak day, of each pool.
    commitments : tuple of Commitment
    reserved_usd, flexible_usd, api_usd, revenue_usd, requests, weekday_p95_s, peak_p95_s : array
    uncommitted_usd : array
        What the GPUs would cost without any reservation.
    one_off_usd : float
        Training and fine-tuning, before the first month.
    """

    name: str
    worlds: int
    seed: int
    probability: float
    budget_usd: float | None
    outlook: Outlook
    present: dict[str, int]
    gpus_per_replica: dict[str, int]
    simulated: tuple[int, ...]
    words: tuple[Word, ...]
    held: tuple[int, ...]
    margins: tuple[float, ...]
    volume: FloatArray
    gpus: dict[str, FloatArray]
    commitments: tuple[Commitment, ...]
    reserved_usd: FloatArray
    flexible_usd: FloatArray
    uncommitted_usd: FloatArray
    api_usd: FloatArray
    revenue_usd: FloatArray
    requests: FloatArray
    weekday_p95_s: FloatArray
    peak_p95_s: FloatArray
    one_off_usd: float

    @property
    def cost_usd(self) -> FloatArray:
        """Of everything but training: (worlds, months)."""
        return self.reserved_usd + self.flexible_usd + self.api_usd

    @property
    def margin(self) -> FloatArray:
        """Gross margin, NaN where no revenue is stated: (worlds, months)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.revenue_usd > 0, 1.0 - self.cost_usd / self.revenue_usd, np.nan)

    @property
    def most_gpus(self) -> FloatArray:
        """GPUs at the busiest hour: (worlds, months)."""
        most = [each.max(axis=2) for each in self.gpus.values()]
        return np.asarray(sum(most, np.zeros(self.volume.shape)))

    @property
    def saved_share(self) -> FloatArray:
        """Share of the GPUs' cost that reservations save over the whole plan: (worlds,)."""
        before = self.uncommitted_usd.sum(axis=1)
        after = (self.reserved_usd + self.flexible_usd).sum(axis=1)
        saved = np.zeros(len(before))
        np.divide(before - after, before, out=saved, where=before > 0)
        return saved

    def breaks(self) -> list[tuple[int, str, float]]:
        """Month, what breaks first then, and the share of worlds; of each kind the first month."""
        found = []
        grown = np.zeros(self.volume.shape, bool)
        for name, count in self.present.items():
            grown |= self.gpus[name].max(axis=2) > count * self.gpus_per_replica[name]
        kinds = {"the present fleet is too small": grown, "money is lost": self.margin < 0}
        if self.budget_usd is not None:
            kinds["the budget is exceeded"] = self.cost_usd > self.budget_usd
        for words, where in kinds.items():
            share = where.mean(axis=0)
            months = np.flatnonzero(share > 0.5)
            if len(months):
                found.append((int(months[0]), words, float(share[months[0]])))
        unserved = (
            m for m, word in zip(self.simulated, self.words, strict=True) if word == "breaks"
        )
        month = next(unserved, None)
        if month is not None:
            share_held = self.held[self.simulated.index(month)] / self.worlds
            found.append((month, "no fleet keeps the SLO", 1.0 - share_held))
        return sorted(found)

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        total = np.quantile(self.cost_usd.sum(axis=1), list(LEVELS.values()))
        first, last = (float(np.median(self.cost_usd[:, month])) for month in (0, -1))
        parts = [
            f"{self.outlook.months} months cost {total[1]:,.0f} USD ({total[0]:,.0f} …"
            f" {total[2]:,.0f}, p5 to p95 over {self.worlds} worlds), from {first:,.0f} a month to"
            f" {last:,.0f} as volume grows {np.median(self.volume[:, -1]):.1f}x"
        ]
        if self.commitments:
            parts.append(self._commitments())
        if self.one_off_usd:
            share = self.one_off_usd / (self.one_off_usd + total[1])
            parts.append(f"training is {100.0 * share:.0f} % of all that is paid")
        parts += [
            f"from month {month + 1} {words} in {100.0 * share:.0f} % of worlds"
            for month, words, share in self.breaks()
        ] or ["nothing breaks in most worlds"]
        return f"{self.name}: " + "; ".join(parts) + "."

    def _commitments(self) -> str:
        shown = [
            f"{each.gpus:.0f} {'GPU' if each.gpus == 1 else 'GPUs'}"
            + (f" of {each.pool}" if len(self.gpus) > 1 else "")
            + f" for months {each.first + 1} to {each.end}"
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
            "api_usd": self.api_usd,
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
        held: dict[int, float] = dict(zip(self.simulated, self.held, strict=True))
        columns["worlds_that_hold"] = [held.get(int(month), np.nan) for month in months]
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
            "one_off_usd": self.one_off_usd,
            "breaks": [
                {"month": month + 1, "what": words, "share_of_worlds": share}
                for month, words, share in self.breaks()
            ],
            "months": months.to_dict("records"),
            "commitments": frames["commitments"].to_dict("records"),
        }
