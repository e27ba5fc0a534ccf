"""The study: who breaks even with whom, from which volume on."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.model.distributions import Distribution
from sim.model.price import DAY_S, YEAR_S
from sim.montecarlo.controls import Controls
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.shares import Share
from sim.studies.bench import Bench
from sim.studies.breakeven.answer import BreakEven
from sim.studies.breakeven.crossing import Breaking, break_even
from sim.studies.breakeven.field import Field, Run
from sim.studies.breakeven.findings import Verdict, burdened, replicas_at
from sim.studies.breakeven.models import models_of
from sim.studies.breakeven.once import Once
from sim.studies.breakeven.once import once as paid_once
from sim.studies.breakeven.outlay import outlays, years_to_pay
from sim.studies.breakeven.own import own_volume
from sim.studies.breakeven.payback import levels
from sim.studies.breakeven.runs import Runs, worlds_of
from sim.studies.breakeven.sides import FIXED, Contest, Fleet, contest
from sim.studies.breakeven.staff import without_staff
from sim.studies.breakeven.switching import switch
from sim.studies.case import Case

FloatArray = npt.NDArray[np.float64]

VOLUMES: Final = (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7)
MOST_VOLUME: Final = 1e9  # a day
YEAR_DAYS: Final = YEAR_S / DAY_S
NOTHING: Final[Mapping[str, Distribution]] = {}


def breakeven(
    case: Case,
    bench: Bench,
    volumes: Sequence[float] = VOLUMES,
    against: str | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    switching: Mapping[str, Distribution] = NOTHING,
    term_months: float | None = None,
) -> BreakEven:
    """The volume from which on each side costs less than the reference, in every world.

    Parameters
    ----------
    case : Case
        A scenario with several backends, each of which is a side.
    bench : Bench
    volumes : sequence of float
        Arrivals a day, two or more: the range, and where to simulate.
    against : str, optional
        The reference; by default the first managed API.
    worlds, seed : int, optional
        Those of the scenario by default.
    switching : mapping of str to Distribution
        What switching costs once beside the scenario's ``one_off``: to a side, by its name, or to
        whichever, by an empty one.
    term_months : float, optional
        Within which what is paid at once has to be saved; by default its life.

    Raises
    ------
    PeakfleetError
        If there is nothing to compare, or no range.
    """
    asked = _range(volumes)
    sides = contest(case, against)
    worlds = sides.scenario.worlds if worlds is None else worlds
    if worlds < 2:
        raise PeakfleetError(f"worlds ({worlds}) must be at least 2 (add --worlds 40)")
    seed = sides.scenario.seed if seed is None else seed
    draws = draw_worlds(sides.scenario.inputs, seed, worlds)
    each = worlds_of(draws, worlds)
    once = paid_once(sides.scenario, sides.challengers, each, seed, switching, term_months)
    own = own_volume(sides, each)
    simulated = asked if asked[0] <= own.usual <= asked[-1] else np.union1d(asked, [own.usual])
    runs = Runs(bench, seed, draws)
    found = Field(sides, runs, worlds, simulated, float(own.planned[0]), bench.told).all_sides()
    controls = Controls.of(sides.scenario.inputs, draws)
    trend = np.array([_trend(sides.scenario.design(world), sides.reference) for world in each])
    return BreakEven(
        scenario=sides.scenario.name,
        reference=sides.reference,
        arrivals="tasks" if sides.has_tasks else "requests",
        worlds=worlds,
        seed=seed,
        has_slo=sides.has_slo,
        horizon_s=sides.horizon_days * DAY_S,
        month=sides.month,
        volumes=asked,
        verdicts=tuple(
            _verdict(sides, name, found, asked, trend, controls, once) for name in sides.challengers
        ),
        runs=found,
        payback=_payback(sides, found, asked, each, trend, once),
        own=own,
        switches=tuple(switch(sides, name, found, own, trend, once) for name in sides.challengers),
        once=once,
        models=models_of(sides.scenario),
        unstaffed=without_staff(sides.scenario.typical_design()),
    )


def _range(volumes: Sequence[float]) -> FloatArray:
    """The volumes in order; PeakfleetError if they span nothing."""
    asked = np.unique(np.asarray(volumes, np.float64))
    if len(asked) < 2:
        raise PeakfleetError(
            "volumes: a range needs two or more that differ (such as --volumes 1k,10k,100k)"
        )
    if not (asked[0] >= 1 and asked[-1] <= MOST_VOLUME):
        raise PeakfleetError(f"volumes: must be from 1 to {MOST_VOLUME:,.0f} a day")
    return asked


def _verdict(
    sides: Contest,
    side: str,
    runs: dict[str, Run],
    volumes: FloatArray,
    trend: FloatArray,
    controls: Controls,
    once: Once,
) -> Verdict:
    run, reference = runs[side], runs[sides.reference]
    curve = burdened(run.curve, once, side)
    least, most = float(volumes[0]), float(volumes[-1])
    volume = break_even(curve, reference.curve, least, most)
    breaking = Breaking(volume, least, most, controls)
    at = np.array([most])
    usd, other = curve.usd(at)[:, 0], reference.curve.usd(at)[:, 0]
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isinf(usd), np.inf, usd / other)
    middle = replicas_at(run.curve, breaking.level(0.5))
    return Verdict(
        side=side,
        kind=sides.kind(side),
        able=run.able,
        breaking=breaking,
        replicas=None if np.isnan(middle) else int(middle),
        utilisation=_utilisation(sides, side, run, breaking),
        flip=ratio,
        flip_years=_until(ratio, trend),
    )


def _until(ratio: FloatArray, trend: FloatArray) -> FloatArray:
    """Years until a price that changes by a factor a year has come to a ratio of itself."""
    falls = (trend < 1) & (ratio > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        years = np.where(falls, np.log(ratio) / np.log(trend), np.inf)
    return np.asarray(np.where(ratio >= 1, 0.0, years))


def _utilisation(sides: Contest, side: str, run: Run, breaking: Breaking) -> FloatArray:
    """Work against what the fleet can do, at the break-even of each world."""
    used = np.full(breaking.worlds, np.nan)
    if sides.kind(side) != FIXED or not run.able:
        return used
    for world in np.flatnonzero(np.isfinite(breaking.volume)):
        volume = float(breaking.volume[world])
        used[world] = volume * run.work[world] / replicas_at(run.curve, volume)
    return used


PAYBACK_COLUMNS: Final = [
    "side",
    "volume",
    "p5_years",
    "p50_years",
    "p95_years",
    "within_life",
    "within_life_low",
    "within_life_high",
]


def _payback(
    sides: Contest,
    runs: dict[str, Run],
    volumes: FloatArray,
    worlds: Sequence[dict[str, float]],
    trend: FloatArray,
    once: Once,
) -> pd.DataFrame:
    """How long what is paid at once takes to pay for itself, at each volume."""
    rows = []
    for side in sides.challengers:
        if not runs[side].able:
            continue
        for volume in volumes.tolist():
            years = _years(sides, side, runs, volume, worlds, trend, once)
            if years is None:
                break
            values, life = years
            within = Share.of(values <= life)
            rows.append((side, volume, *levels(values), within.value, *within.interval))
    return pd.DataFrame(rows, columns=PAYBACK_COLUMNS)


def _years(
    sides: Contest,
    side: str,
    runs: dict[str, Run],
    volume: float,
    worlds: Sequence[dict[str, float]],
    trend: FloatArray,
    once: Once,
) -> tuple[FloatArray, FloatArray] | None:
    """Payback and life in each world; None if nothing is paid at once."""
    at = np.array([volume])
    own_usd = runs[side].curve.usd(at)[:, 0] * YEAR_DAYS
    other_usd = runs[sides.reference].curve.usd(at)[:, 0] * YEAR_DAYS
    replicas = replicas_at(runs[side].curve, volume)
    fleet = None if np.isnan(replicas) else sides.at(side, volume, Fleet(int(replicas)))
    years, life = np.full((2, len(worlds)), np.nan)
    for world, draws in enumerate(worlds):
        owned = [] if fleet is None else outlays(fleet.design(draws))
        owned += once.outlays(side, world)
        if not owned:
            return None
        sums = float(own_usd[world]), float(other_usd[world]), float(trend[world])
        years[world] = years_to_pay(owned, *sums)
        life[world] = once.life_years(owned, world)
    return years, life


def _trend(design: Design, reference: str) -> float:
    """Factor by which the reference's price changes in a year."""
    return next((a.price.yearly_factor for a in design.managed if a.name == reference), 1.0)
