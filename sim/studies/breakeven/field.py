"""The runs behind the cost curves: every side sized and billed at a few volumes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.engine.ledger import UNANSWERED
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.scenario.backend.gpu_pool import GpuPool
from sim.studies.breakeven.costs import ByFleet, ByUse, Curve, completed
from sim.studies.breakeven.idle import full_fleets, idle_usd_per_day
from sim.studies.breakeven.runs import MONTH_DAYS, Runs, bill_of, kept, tasks_per_day, worlds_of
from sim.studies.breakeven.sides import API, FIXED, SCALED, Contest, Fleet, usual
from sim.studies.sizing_for_volume import CONFIDENCE, Capacity, Search

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Told = Callable[[str], None]

SIZING_WORLDS = 10
FEWEST_WORLDS = 4  # for sizing, where a world is long
RUN_REQUESTS = 2.2e6  # of one run: seconds on a core, and more than enough for a mean cost
SIZING_REQUESTS = 14e6  # of one pool, beyond which larger fleets are extrapolated
PROBES = 6  # to find what the first replica carries
ROOM = 4  # most replicas of an autoscaled fleet, over its mean work


@dataclass(frozen=True, slots=True)
class Trial:
    """A side at a simulated volume.

    Attributes
    ----------
    side : str
    volume : float
    replicas : float
        Of a pool, ready on average where it scales itself; NaN of others.
    worlds : int
    kept_share : float
        Of the worlds, in which the SLO held.
    overloaded_share : float
    load : float
        Median of the work that comes against what the fleet can do; NaN where there is none.
    """

    side: str
    volume: float
    replicas: float
    worlds: int
    kept_share: float
    overloaded_share: float
    load: float

    @property
    def kept(self) -> Share:
        """Worlds in which the SLO held."""
        return Share(round(self.kept_share * self.worlds), self.worlds)


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a side.

    Attributes
    ----------
    curve : Curve
    trials : tuple of Trial
    able : bool
        Whether it keeps the SLO at any of them.
    work : (worlds,) float64
        Replicas that an arrival a day keeps busy at the largest batch; NaN where there are none.
    sizing_worlds : int
        In which its fleet was sized; 0 where it has none.
    """

    curve: Curve
    trials: tuple[Trial, ...]
    able: bool
    work: FloatArray
    sizing_worlds: int = 0


@dataclass
class Field:
    """Where all sides are run.

    Attributes
    ----------
    contest : Contest
    runs : Runs
    worlds : int
    volumes : (n,) float64
        To be simulated, increasing: those that are asked for, and the scenario's own.
    planned : float
        The volume that fleets are bought for at the scenario's own.
    told : callable
    """

    contest: Contest
    runs: Runs
    worlds: int
    volumes: FloatArray
    planned: float
    told: Told

    def all_sides(self) -> dict[str, Run]:
        """Every side's cost curve, in the order of the scenario."""
        found: dict[str, Run] = {}
        for group in self.contest.groups:
            self.told(f"{', '.join(group)} at {len(self.volumes)} volumes")
            found |= self._group(group)
        return {name: found[name] for name in self.contest.scenario.model.backends}

    def _group(self, group: tuple[str, ...]) -> dict[str, Run]:
        match self.contest.kind(group[0]):
            case kind if kind == FIXED:
                return self._fixed(group)
            case kind if kind == SCALED:
                return self._scaled(group)
            case _:
                return self._managed(group[0])

    # -- what is paid by use

    def _managed(self, side: str) -> dict[str, Run]:
        results = self._simulated((side,), lambda _: None)
        by_arrival = self.contest.kind(side) == API
        each = self._each_usd(side, results, by_arrival)
        none = np.full(self.worlds, np.nan)
        return {side: self._by_use(side, results, each, none, replicas="")}

    def _scaled(self, group: tuple[str, ...]) -> dict[str, Run]:
        """Autoscaled fleets with the least floor that keeps the SLO at each volume."""
        probe = self._run(group, self._anchor(), Fleet(1, 1, ROOM), min(2, self.worlds))
        work = float(np.median(self._work(probe, ROOM)))
        floor = self._floor_of(group, work)
        fleets: dict[float, Fleet] = {}
        for volume, worlds in self._plan():
            floor, fleets[volume] = self._scaled_fleet(group, volume, worlds, work, floor)
        results = self._simulated(group, fleets.__getitem__)
        first = next(iter(results.values()))
        works = self._work(first, fleets[min(fleets)].most)
        sizing = min(SIZING_WORLDS, self.worlds)
        return {
            side: replace(
                self._by_use(
                    side,
                    results,
                    self._each_usd(side, results, True),
                    works,
                    replicas="ready_replicas_mean",
                ),
                sizing_worlds=sizing,
            )
            for side in group
        }

    def _floor_of(self, group: tuple[str, ...], work: float) -> int:
        """The floor that the scenario gives, as it is for its own volume."""
        pool = self.contest.scenario.model.backends[group[0]]
        assert isinstance(pool, GpuPool)
        least = pool.replicas.least
        return max(1, int(usual(least))) if least is not None and work > 0 else 1

    def _scaled_fleet(
        self, group: tuple[str, ...], volume: float, worlds: int, work: float, floor: int
    ) -> tuple[int, Fleet]:
        """The least floor from ``floor`` on with which the SLO holds at a volume."""
        mean = math.ceil(volume * work)
        tried = min(worlds, SIZING_WORLDS)

        def fleet(least: int) -> Fleet:
            return Fleet(least, max(least, mean), max(ROOM * (mean + 1), least))

        def holds(least: int) -> bool:
            good = kept(self._run(group, volume, fleet(least), tried))[:tried]
            return bool((~good).sum() <= math.floor((1 - CONFIDENCE) * tried + 1e-9))

        low, high = floor - 1, floor
        while not holds(high):
            if high >= ROOM * (mean + 1):
                return floor, fleet(high)
            low, high = high, 2 * high
        while high - low > max(1, low // 16):
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle, high)
        return high, fleet(high)

    def _by_use(
        self,
        side: str,
        results: dict[float, RunResult],
        each: FloatArray,
        work: FloatArray,
        replicas: str,
    ) -> Run:
        trials = tuple(
            self._trial(
                side,
                volume,
                result,
                float(np.median(result.sample.values(replicas))) if replicas else math.nan,
            )
            for volume, result in results.items()
        )
        able = np.array([_suffices(trial) for trial in trials])
        curve = ByUse(np.array(list(results)), each, able, self._fixed_usd(side))
        return Run(curve, trials, bool(able.any()), work)

    # -- what is there in any case

    def _fixed(self, group: tuple[str, ...]) -> dict[str, Run]:
        """Fixed fleets: sized once, and priced in every way."""
        anchor = self._anchor()
        probe = self._run(group, anchor, Fleet(1), min(2, self.worlds))
        work = float(np.median(self._work(probe, 1)))
        capacity, tried = self._capacity(group, work)
        if not capacity.carries_any:
            return self._unable(group, probe)
        results = self._simulated(
            group, lambda volume: Fleet(int(capacity.needed(np.array([volume]))[0]))
        )
        first = next(iter(results))
        fleets = {v: int(capacity.needed(np.array([v]))[0]) for v in results}
        works = self._work(results[first], fleets[first])
        return {
            side: Run(
                self._fleet_curve(side, results, fleets, capacity),
                tuple(
                    self._trial(side, volume, result, fleets[volume])
                    for volume, result in results.items()
                ),
                True,
                works,
                tried,
            )
            for side in group
        }

    def _capacity(self, group: tuple[str, ...], work: float) -> tuple[Capacity, int]:
        """What fleets of a pool carry, and the worlds that it rests on."""
        per_volume = self.contest.requests_per_volume
        fluid = 1 / work if work > 0 else math.inf
        most = self._most
        fluid = min(fluid, 2 * most)
        affordable = math.floor(SIZING_REQUESTS / (PROBES * fluid * per_volume))
        tried = min(max(affordable, FEWEST_WORLDS), SIZING_WORLDS, self.worlds)

        def held(replicas: int, volume: float, worlds: int) -> npt.NDArray[np.bool_]:
            return kept(self._run(group, volume, Fleet(replicas), worlds))[:worlds]

        search = Search(held, tried, per_volume, SIZING_REQUESTS)
        return search.capacity(fluid, float(self.volumes[0]), most), tried

    def _unable(self, group: tuple[str, ...], probe: RunResult) -> dict[str, Run]:
        """Fleets that keep the SLO at no volume, whatever their number."""
        none = np.full(self.worlds, np.nan)
        column = none[:, None]
        nothing = np.zeros(len(self.volumes), np.bool_)
        trial = self._trial(group[0], self._anchor(), probe, 1)
        curve = ByUse(self.volumes, np.repeat(column, len(self.volumes), axis=1), nothing)
        return {side: Run(curve, (replace(trial, side=side),), False, none) for side in group}

    def _fleet_curve(
        self,
        side: str,
        results: dict[float, RunResult],
        fleets: dict[float, int],
        capacity: Capacity,
    ) -> ByFleet:
        most = int(capacity.needed(np.array([self._most]))[0])
        priced, idle = self._idle_usd(side, max(most, *fleets.values()))
        use = np.full((self.worlds, len(results)), np.nan)
        for column, (volume, result) in enumerate(results.items()):
            n = fleets[volume]
            usd = result.sample.values(bill_of(side))[: self.worlds] / MONTH_DAYS
            rest = np.array([np.interp(n, priced, row) for row in idle[: len(usd)]])
            use[: len(usd), column] = (usd - rest) / n
        volumes = np.array(list(results))
        return ByFleet(capacity, priced, idle, volumes, completed(use))

    def _idle_usd(self, side: str, most: int) -> tuple[IntArray, FloatArray]:
        """Cost a day of numbers of replicas to which nobody comes, exact in between.

        Between two numbers at which a tranche of the purchase plan is full the cost is linear.
        """
        scenario = self.contest.at(side, self.contest.volume, Fleet(most))
        draws = worlds_of(self.runs.draws, self.worlds)
        numbers = np.unique(
            [1, most, *(n for world in draws for n in full_fleets(scenario, world))]
        )
        numbers = numbers[(numbers >= 1) & (numbers <= most)].astype(np.int64)
        usd = [[idle_usd_per_day(scenario, world, int(n)) for n in numbers] for world in draws]
        return numbers, np.array(usd)

    # -- simulating

    @property
    def _most(self) -> float:
        """The greatest volume at which a fleet is priced."""
        return max(float(self.volumes[-1]), self.planned)

    def _anchor(self) -> float:
        """The volume at which all worlds are simulated, at most the least that is asked for."""
        most = RUN_REQUESTS / (self.worlds * self.contest.requests_per_volume)
        return float(min(self.volumes[0], most))

    def _plan(self) -> list[tuple[float, int]]:
        """Volumes to simulate, and in how many worlds: all of them at the first."""
        anchor = self._anchor()
        plan = [(anchor, self.worlds)]
        for volume in self.volumes[self.volumes > anchor].tolist():
            affordable = int(RUN_REQUESTS / (volume * self.contest.requests_per_volume))
            if affordable < 1:
                break
            plan.append((volume, min(self.worlds, max(affordable, 2))))
        return plan

    def _simulated(
        self, group: tuple[str, ...], fleet: Callable[[float], Fleet | None]
    ) -> dict[float, RunResult]:
        return {
            volume: self._run(group, volume, fleet(volume), worlds)
            for volume, worlds in self._plan()
        }

    def _run(
        self, group: tuple[str, ...], volume: float, fleet: Fleet | None, worlds: int
    ) -> RunResult:
        ways = {side: self.contest.at(side, volume, fleet) for side in group}
        many = f", {fleet.words()}" if fleet else ""
        about = f"{', '.join(group)} at {volume:,.0f} a day{many}"
        return self.runs(ways, min(worlds, self.worlds), about)

    # -- figures of runs

    def _each_usd(self, side: str, results: dict[float, RunResult], by_arrival: bool) -> FloatArray:
        """Cost of an arrival: (worlds, volumes); of those that came, or that were expected."""
        each = np.full((self.worlds, len(results)), np.nan)
        fixed = self._fixed_usd(side)
        for column, (volume, result) in enumerate(results.items()):
            usd = result.sample.values(bill_of(side))[: self.worlds] / MONTH_DAYS
            usd = usd - fixed[: len(usd)]
            served = np.maximum(_served(result)[: self.worlds], 1 / MONTH_DAYS)
            expected = np.full(len(usd), volume)
            each[: len(usd), column] = usd / (served if by_arrival else expected)
        return completed(each)

    def _fixed_usd(self, side: str) -> FloatArray:
        """What a side costs a day whatever comes, beside its GPUs: (worlds,)."""
        scenario, usd = self.contest.scenario, np.zeros(self.worlds)
        for world, draws in enumerate(worlds_of(self.runs.draws, self.worlds)):
            pools = {pool.name: pool for pool in scenario.design(draws).pools}
            if side not in pools:
                break
            usd[world] = pools[side].fixed_usd_per_month / MONTH_DAYS
        return usd

    def _work(self, result: RunResult, replicas: int) -> FloatArray:
        """Replicas that an arrival a day keeps busy at the largest batch, in each world."""
        load = result.sample.values("offered_load") * replicas
        return np.asarray(load / np.maximum(tasks_per_day(result), 1e-9))[: self.worlds]

    def _trial(self, side: str, volume: float, result: RunResult, replicas: float) -> Trial:
        sample = result.sample
        load = float(np.median(sample.values("offered_load")))
        return Trial(
            side,
            volume,
            replicas,
            len(sample),
            float(kept(result).mean()),
            float(sample.overloaded().mean()),
            math.nan if math.isnan(replicas) else load,
        )


def _served(result: RunResult) -> FloatArray:
    """Arrivals a day that came to an end, whatever end: what is billed. Others are in flight."""
    values = result.sample.values
    ended = values("completed") + sum(values(fate) for fate in UNANSWERED)
    requests = np.maximum(values("requests"), 1)
    return np.asarray(tasks_per_day(result) * ended / requests)


def _suffices(trial: Trial) -> bool:
    return trial.worlds * (1 - trial.kept_share) <= max(
        math.floor((1 - CONFIDENCE) * trial.worlds + 1e-9), 0
    )
