"""What was found: where every side breaks even with the reference, as tables."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.montecarlo.estimates import quantile
from sim.montecarlo.shares import Share
from sim.studies.breakeven.costs import Burdened, ByFleet, Curve
from sim.studies.breakeven.crossing import Breaking, break_even
from sim.studies.breakeven.field import Run, Trial
from sim.studies.breakeven.once import Once
from sim.studies.breakeven.own import Own
from sim.studies.breakeven.payback import levels
from sim.studies.breakeven.runs import MONTH_DAYS
from sim.studies.breakeven.switching import Switch

FloatArray = npt.NDArray[np.float64]

CHEAPER: Final = (1.0, 0.8, 0.5, 0.2)  # the reference, at these shares of its price
POINTS: Final = 121  # of a drawn curve
STEPS: Final = 20  # of a fleet that are drawn; the others are too small to be seen


@dataclass(frozen=True, slots=True)
class Verdict:
    """One side against the reference.

    Attributes
    ----------
    side, kind : str
    able : bool
        Whether it keeps the SLO anywhere in the range.
    breaking : Breaking
    replicas : int or None
        Of a fixed fleet, at the median break-even.
    utilisation : (worlds,) float64
        Work against what the fleet can do at its largest batch, at the break-even of each world;
        NaN where there is no break-even or no fixed fleet.
    flip : (worlds,) float64
        Cost of the side over that of the reference at the greatest volume: the factor on the
        reference's price at which the answer flips there; its inverse is that on the side's own.
    flip_years : (worlds,) float64
        Until it does so at the trend of the reference's price; infinite if it never does, and 0 if
        the side is the dearer one already.
    """

    side: str
    kind: str
    able: bool
    breaking: Breaking
    replicas: int | None
    utilisation: FloatArray
    flip: FloatArray
    flip_years: FloatArray


@dataclass(frozen=True, slots=True)
class Findings:
    """Where self-hosting and other sides break even with the reference.

    Attributes
    ----------
    scenario, reference : str
    arrivals : {"requests", "tasks"}
        What is counted.
    worlds, seed : int
    has_slo : bool
    horizon_s : float
    month : str
        What a month, and the volume of its mean day, rest on; empty where it need not be said.
    volumes : (n,) float64
        Asked for, a day.
    verdicts : tuple of Verdict
        Of all sides but the reference.
    runs : dict of str to Run
        By side, the reference included.
    payback : DataFrame
        Of what is paid at once: side, volume, p5, p50, p95 in years, share that pays back in its
        life.
    own : Own
        The scenario's own volume.
    switches : tuple of Switch
        From the reference to every other side, at that volume.
    once : Once
        What switching costs once; costs by volume bear their part of it, break-evens with them.
    models : dict of str to str
        What answers on each side, by the catalogue's name, with its quality where one is given.
    unstaffed : tuple of str
        Pools of which nothing is counted for the people who run them.
    """

    scenario: str
    reference: str
    arrivals: str
    worlds: int
    seed: int
    has_slo: bool
    horizon_s: float
    month: str
    volumes: FloatArray
    verdicts: tuple[Verdict, ...]
    runs: dict[str, Run]
    payback: pd.DataFrame
    own: Own
    switches: tuple[Switch, ...]
    once: Once
    models: dict[str, str] = field(default_factory=dict)
    unstaffed: tuple[str, ...] = ()

    @property
    def simulated_to(self) -> float:
        """The greatest volume at which every side was simulated."""
        return min(max(trial.volume for trial in run.trials) for run in self.runs.values())

    def own_costs(self) -> Iterator[tuple[str, FloatArray, bool]]:
        """Each side, what a month costs at the scenario's own volume, whether it keeps the SLO.

        The reference comes first; it is paid whether it keeps the SLO or not.
        """
        first = self.switches[0]
        yield self.reference, first.reference_usd, self.runs[self.reference].able
        for each in self.switches:
            yield each.side, each.usd, each.able

    def curve(self, side: str) -> Curve:
        """Cost of a side, its part of what switching to it costs once included."""
        return burdened(self.runs[side].curve, self.once, side)

    def trials(self) -> list[Trial]:
        """All simulated volumes of all sides."""
        return [trial for run in self.runs.values() for trial in run.trials]

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {
            "own_volume": self.own_costs_frame(),
            "switching": pd.DataFrame([each.as_row() for each in self.switches]),
            "break_even": self.break_even_frame(),
            "costs": self.costs_frame(self.volumes),
            "flips": self.flips_frame(),
            "payback": self.payback,
            "fleets": self.fleets_frame(),
            "runs": pd.DataFrame(self.trials()),
            "worlds": self.worlds_frame(),
        }

    def own_costs_frame(self) -> pd.DataFrame:
        """One row for each side: what a month costs at the scenario's own volume, over worlds."""
        rows = []
        for side, usd, able in self.own_costs():
            p5, p50, p95 = levels(usd)
            row = {"side": side, "keeps_slo": able, "p5_usd_per_month": p5}
            rows.append({**row, "p50_usd_per_month": p50, "p95_usd_per_month": p95})
        return pd.DataFrame(rows)

    def break_even_frame(self) -> pd.DataFrame:
        """One row for each side: its break-even volumes, and the fleet at the median."""
        return pd.DataFrame([_row(verdict) for verdict in self.verdicts])

    def worlds_frame(self) -> pd.DataFrame:
        """One row for each world: the break-even volume of every side, empty where none."""
        columns = {v.side: np.where(np.isinf(v.breaking.volume), np.nan, v.breaking.volume)
                   for v in self.verdicts}  # fmt: skip
        return pd.DataFrame({"world": np.arange(self.worlds), **columns})

    def costs_frame(self, volumes: FloatArray) -> pd.DataFrame:
        """Cost a month of every side at volumes, over worlds."""
        usd = {side: self.curve(side).usd(volumes) * MONTH_DAYS for side in self.runs}
        least = np.min(list(usd.values()), axis=0)
        rows = []
        for side, values in usd.items():
            for column, volume in enumerate(volumes.tolist()):
                ordered = np.sort(values[:, column])
                cheapest = (values[:, column] <= least[:, column]) & np.isfinite(least[:, column])
                low, high = Share.of(cheapest).interval
                rows.append(
                    {
                        "side": side,
                        "volume": volume,
                        "p5_usd_per_month": quantile(ordered, 0.05),
                        "p50_usd_per_month": quantile(ordered, 0.50),
                        "p95_usd_per_month": quantile(ordered, 0.95),
                        "p50_usd_per_arrival": quantile(ordered, 0.5) / MONTH_DAYS / volume,
                        "cheapest_share": float(cheapest.mean()),
                        "cheapest_share_low": low,
                        "cheapest_share_high": high,
                        "keeps_slo": bool(np.isfinite(ordered[0])),
                        "replicas": replicas_at(self.runs[side].curve, volume),
                    }
                )
        return pd.DataFrame(rows)

    def curve_volumes(self) -> FloatArray:
        """Volumes close enough to draw a curve, with both sides of the first steps of fleets."""
        least, most = float(self.volumes[0]), float(self.volumes[-1])
        breaks = [run.curve.breaks[:STEPS] for run in self.runs.values()]
        steps = np.unique(np.concatenate(breaks))
        drawn = (np.geomspace(least, most, POINTS), steps, steps * (1 + 1e-6))
        grid = np.unique(np.concatenate(drawn))
        return np.asarray(grid[(grid >= least) & (grid <= most)])

    def flips_frame(self) -> pd.DataFrame:
        """Break-evens if the reference became cheaper, or all of a side that much dearer."""
        reference = self.runs[self.reference].curve
        least, most = float(self.volumes[0]), float(self.volumes[-1])
        rows = []
        for verdict in self.verdicts:
            for factor in CHEAPER:
                curve = self.curve(verdict.side)
                breaking = Breaking(
                    break_even(curve, reference, least, most, 1 / factor), least, most
                )
                rows.append(
                    {
                        "side": verdict.side,
                        "reference_factor": factor,
                        "side_factor": 1 / factor,
                        "p50": breaking.level(0.5),
                        "without_break_even": breaking.none,
                    }
                )
        return pd.DataFrame(rows)

    def fleets_frame(self) -> pd.DataFrame:
        """What fixed fleets carry: replicas, volume, and whether that was simulated."""
        rows: list[dict[str, Any]] = []
        for side, run in self.runs.items():
            if not isinstance(run.curve, ByFleet):
                continue
            capacity = run.curve.capacity
            for replicas in range(1, min(int(run.curve.replicas[-1]), 64) + 1):
                carried = float(capacity.carried(np.arange(1, replicas + 1))[-1])
                was = replicas in capacity.replicas
                rows.append(
                    {"side": side, "replicas": replicas, "volume": carried, "simulated": was}
                )
        return pd.DataFrame(rows, columns=["side", "replicas", "volume", "simulated"])


def burdened(curve: Curve, once: Once, side: str) -> Curve:
    """A side with its part of what switching to it costs once."""
    paid = once.usd.get(side)
    return curve if paid is None or not paid.any() else Burdened(curve, once.per_day(side))


def replicas_at(curve: Curve, volume: float) -> float:
    """Replicas of a fixed fleet at a volume; NaN of other sides."""
    if not isinstance(curve, ByFleet) or not curve.capacity.carries_any or math.isinf(volume):
        return math.nan
    return float(curve.capacity.needed(np.array([volume]))[0])


def _row(verdict: Verdict) -> dict[str, Any]:
    breaking = verdict.breaking
    low, high = breaking.median_interval
    used = np.sort(verdict.utilisation[~np.isnan(verdict.utilisation)])
    flips, years = np.sort(verdict.flip), np.sort(verdict.flip_years)
    return {
        "side": verdict.side,
        "kind": verdict.kind,
        "keeps_slo": verdict.able,
        "p5": breaking.level(0.05),
        "p50": breaking.level(0.50),
        "p95": breaking.level(0.95),
        "p50_low": low,
        "p50_high": high,
        "without_break_even": breaking.none,
        "break_even_share_low": breaking.share_interval[0],
        "break_even_share_high": breaking.share_interval[1],
        "cheaper_at_once": breaking.at_once,
        "worlds": breaking.worlds,
        "replicas": math.nan if verdict.replicas is None else verdict.replicas,
        "utilisation_p5": quantile(used, 0.05),
        "utilisation_p50": quantile(used, 0.50),
        "utilisation_p95": quantile(used, 0.95),
        "flip_p5": quantile(flips, 0.05),
        "flip_p50": quantile(flips, 0.50),
        "flip_p95": quantile(flips, 0.95),
        "flip_years_p5": quantile(years, 0.05),
        "flip_years_p50": quantile(years, 0.50),
        "flip_years_p95": quantile(years, 0.95),
    }
