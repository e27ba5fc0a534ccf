"""The simulated days of a plan, and the fleets that serve them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.design import Design, GpuPool
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.run import RunResult
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.plan.days import PEAK, WEEKDAY, WEEKEND, Counts, day, key_of
from sim.studies.plan.outlook import Outlook
from sim.studies.resize import smallest
from sim.studies.stress.verdict import Judge

FloatArray = npt.NDArray[np.float64]

KINDS = (WEEKDAY, WEEKEND, PEAK)
# Replicas over the fluid estimate of the peak, from what is bare to where more is of no help.
MARGINS = (1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0, 6.0)
HOURS = 24
FIRST_LOOK = 4  # worlds, before all of them
COLUMNS = ("ready_replicas", "starting_replicas", "draining_replicas")


@dataclass(frozen=True, slots=True)
class Month:
    """One simulated month.

    Attributes
    ----------
    month : int
    margin : float
        Replicas over the fluid estimate of the peak day's need; NaN where the fleet scales itself,
        or no margin suffices (then the largest is used).
    held : int
        Worlds whose weekday and peak day hold.
    days : dict of str to RunResult
        By kind of day.
    gpus : dict of str to (worlds, 3, 24) float64
        In use by the hour, of each pool, by kind of day in the order of ``KINDS``.
    """

    month: int
    margin: float
    held: int
    days: dict[str, RunResult]
    gpus: dict[str, FloatArray]


@dataclass
class Simulations:
    """Simulates the months of a plan.

    Attributes
    ----------
    case : Case
    bench : Bench
    outlook : Outlook
    worlds, seed : int
    judge : Judge
    design : Design
        A typical one, for what does not change.
    """

    case: Case
    bench: Bench
    outlook: Outlook
    worlds: int
    seed: int
    judge: Judge
    design: Design
    _guess: int = 3  # of the margin: that of the month before

    def month(self, month: int) -> Month:
        """A month with the fleet that it takes."""
        self.bench.told(f"month {month + 1}")
        margin, counts = self._fleet(month) if self._fixed else (math.nan, None)
        days = {kind: self._run(self._day(month, kind, counts)) for kind in KINDS}
        held = self._held(days[WEEKDAY]) & self._held(days[PEAK])
        gpus = {
            pool.name: np.stack([self._gpus(days[kind], pool) for kind in KINDS], axis=1)
            for pool in self.design.pools
        }
        return Month(month, margin, int(held.sum()), days, gpus)

    @property
    def _fixed(self) -> list[GpuPool]:
        return [pool for pool in self.design.pools if pool.autoscaler is None]

    def _day(self, month: int, kind: str, counts: Counts | None = None) -> Scenario:
        return day(self.case, self.outlook, month, kind, counts)

    def _run(self, scenario: Scenario, worlds: int | None = None) -> RunResult:
        return self.bench.run(scenario, worlds or self.worlds, self.seed)

    def _held(self, result: RunResult) -> npt.NDArray[np.bool_]:
        return self.judge.held(result)[: self.worlds]

    def _fleet(self, month: int) -> tuple[float, Counts]:
        """The smallest margin over each world's need that holds on the peak day."""
        needs = self._needs(month)

        def counts(index: int) -> Counts:
            return {
                world: {name: max(1, math.ceil(MARGINS[index] * n - 1e-9)) for name, n in own}
                for world, own in needs.items()
            }

        def holds(index: int) -> bool:
            scenario = self._day(month, PEAK, counts(index))
            allowed = self.judge.allowed(self.worlds)
            first = min(FIRST_LOOK, self.worlds)
            looked = self.judge.held(self._run(scenario, first))[:first]
            if int((~looked).sum()) > allowed:
                return False
            return int((~self._held(self._run(scenario))).sum()) <= allowed

        found = smallest(holds, start=self._guess, most=len(MARGINS) - 1, least=0)
        if found is None:
            return math.nan, counts(len(MARGINS) - 1)
        self._guess = found
        return MARGINS[found], counts(found)

    def _needs(self, month: int) -> dict[tuple[float, ...], tuple[tuple[str, float], ...]]:
        """Replicas that the busiest bin of the peak day fills in each world, by a fluid estimate.

        Measured in a day whose fleet has grown in proportion to the tokens.
        """
        inputs = self._day(month, PEAK).inputs
        draws = draw_worlds(inputs, self.seed, self.worlds)
        worlds = [
            {path: float(values[world]) for path, values in draws.items()}
            for world in range(self.worlds)
        ]
        guess = {
            key_of(values): {
                pool.name: max(1, math.ceil(pool.replicas * self._tokens(month, values)))
                for pool in self._fixed
            }
            for values in worlds
        }
        sample = self._run(self._day(month, PEAK, guess)).sample
        found: dict[tuple[float, ...], tuple[tuple[str, float], ...]] = {}
        for world, values in enumerate(worlds):
            key = key_of(values)
            own = []
            for pool in self._fixed:
                load = float(sample.values(f"backends.{pool.name}.offered_load_peak")[world])
                count = guess[key][pool.name]
                # Worlds without any uncertainty share a key, and then the largest need.
                before = dict(found.get(key, ())).get(pool.name, 0.0)
                own.append((pool.name, max(before, count * (load if math.isfinite(load) else 1.0))))
            found[key] = tuple(own)
        return found

    def _tokens(self, month: int, values: dict[str, float]) -> float:
        outlook = self.outlook
        growth = outlook.volume(month, values) * outlook.prompt(month, values)
        return outlook.peak_factor * growth / outlook.speed(month)

    def _gpus(self, result: RunResult, pool: GpuPool) -> FloatArray:
        """GPUs that a pool has in each hour of a day: (worlds, 24) float64."""
        timelines = result.sample.timelines
        prefix = f"backends.{pool.name}." if len(self.design.pools) > 1 else ""
        rows = []
        for world in range(self.worlds):
            columns = timelines.timeline(world)
            replicas = sum(columns[prefix + name].astype(np.float64) for name in COLUMNS)
            rows.append(np.asarray(replicas).reshape(HOURS, -1).mean(axis=1))
        return np.stack(rows) * pool.profile.gpus_per_replica
