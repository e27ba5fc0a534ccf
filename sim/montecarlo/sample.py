"""The finished worlds of a run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.model.uncertain import UncertainInput
from sim.montecarlo.controls import Controls
from sim.montecarlo.estimates import Estimate, estimate
from sim.montecarlo.lower_bounds import DAYS_SHARE, OPEN, TOLERANCE, UNFINISHED
from sim.montecarlo.timelines import Timelines

if TYPE_CHECKING:
    import pandas as pd

    from sim.montecarlo.replication import Replication

FloatArray = npt.NDArray[np.float64]

INPUT_PREFIX = "input."  # of the columns that hold the draws of the uncertain inputs
OVERLOADED = "overloaded"
LATENCIES = ("ttft_", "tpot_", "e2e_", "queue_wait_", "task_e2e_")
YES_OR_NO = (
    "loses_money",
    "drained",
    "all_at_once",
    "month_is_least",
)  # 1 or 0: the mean over worlds is a probability
MAKESPAN, DRAINED = "makespan_s", "drained"  # a drained world has answered all
MONTH, MONTH_IS_LEAST = "cost_usd_per_month", "month_is_least"
EXTREMES = ("offered_load_peak", "ready_replicas_max")
RECOVERY, UNRECOVERED = "time_to_recover_s", "spikes_unrecovered"


class Sample:
    """Finished worlds, whatever the order in which they came in.

    Keeps the figures of a world as one array beside names shared by all worlds; timelines are kept
    apart, outside memory if need be. So memory hardly grows with the number of worlds.

    Parameters
    ----------
    inputs : sequence of UncertainInput
        What was drawn for the worlds; it narrows the intervals.
    """

    def __init__(self, inputs: Sequence[UncertainInput] = ()) -> None:
        self.timelines = Timelines()
        self.inputs = tuple(inputs)
        self._rows: dict[int, _Row] = {}
        self._places: dict[tuple[str, ...], dict[str, int]] = {}
        self._controls: Controls | None = None
        self._columns: dict[str, FloatArray] | None = None  # until the next world

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, world: int) -> bool:
        return world in self._rows

    def add(self, replication: "Replication") -> None:
        """Take in a finished world."""
        draws = {INPUT_PREFIX + path: value for path, value in replication.draws.items()}
        self.add_row(
            replication.world,
            replication.verdict,
            {**draws, **replication.metrics},
            replication.timeline,
        )

    def add_row(
        self,
        world: int,
        verdict: str,
        figures: Mapping[str, float],
        timeline: Mapping[str, npt.NDArray[np.floating]],
    ) -> None:
        """Take in a world by its figures: draws under ``input.<path>``, then metrics."""
        names = tuple(figures)
        places = self._places.setdefault(names, {name: i for i, name in enumerate(names)})
        values = np.fromiter(figures.values(), np.float64, len(names))
        self.timelines.add(world, timeline)
        self._rows[world] = _Row(verdict, places, values)
        self._columns = None

    def part(self, worlds: Iterable[int]) -> "Sample":
        """Some of the worlds, as a sample of their own."""
        part = Sample(self.inputs)
        part.add_from(self, worlds)
        return part

    def add_from(self, other: "Sample", worlds: Iterable[int]) -> None:
        """Take in some of the worlds of another sample."""
        for world in worlds:
            verdict, places, values = other._rows[world]
            figures = dict(zip(places, values.tolist(), strict=True))
            self.add_row(world, verdict, figures, other.timelines.timeline(world))

    @property
    def worlds(self) -> list[int]:
        """The finished worlds, in increasing order."""
        return sorted(self._rows)

    def verdicts(self) -> list[str]:
        """The verdict of each world, in the order of worlds."""
        return [row.verdict for row in self._ordered()]

    def lacks(self, name: str) -> npt.NDArray[np.bool_]:
        """Which worlds have no metric or draw of that name, not even an undefined one."""
        return np.array([name not in row.places for row in self._ordered()], np.bool_)

    def values(self, name: str) -> FloatArray:
        """Values of a metric or draw in the order of worlds; NaN where a world has none."""
        if self._columns is None:
            self._columns = _columns(self._ordered())
        found = self._columns.get(name)
        return np.full(len(self), np.nan) if found is None else found.copy()

    def figure(self, world: int, name: str) -> float:
        """A metric or draw of one world; NaN where it has none."""
        return self._rows[world].value(name)

    def verdict(self, world: int) -> str:
        """Of one world."""
        return self._rows[world].verdict

    def estimate(self, name: str) -> Estimate:
        """Estimate of a metric over the worlds."""
        yes_or_no = name.rpartition(".")[2] in YES_OR_NO
        bounds = self.least_month(name) if is_monthly(name) else self.lower_bound(name)
        return estimate(self.values(name), bounds, self.controls(), yes_or_no)

    def controls(self) -> Controls:
        """What was drawn for the worlds, as control variates."""
        if self._controls is None or len(self._controls) != len(self):
            draws = {each.path: self.values(INPUT_PREFIX + each.path) for each in self.inputs}
            self._controls = Controls.of(self.inputs, draws)
        return self._controls

    def names(self) -> tuple[str, ...]:
        """Names of all draws and metrics, in the order of the first world that has them."""
        kinds = {id(row.places): row.places for row in self._ordered()}  # worlds have few
        return tuple(dict.fromkeys(name for places in kinds.values() for name in places))

    def attained(self, workload: str, share: float) -> npt.NDArray[np.bool_]:
        """Whether a workload attains its SLO in each world.

        Without requests it misses nothing; with none of them answered it attains nothing.
        """
        attainment = self.values(f"workloads.{workload}.slo_attainment")
        kept = np.isnan(attainment) | (attainment >= share)
        return np.asarray(kept & ~self.answers_nothing(workload))

    def answers_nothing(self, workload: str) -> npt.NDArray[np.bool_]:
        """In which worlds requests of a workload came, and none was answered."""
        came, answered = (
            self.values(f"workloads.{workload}.{name}") for name in ("requests", "completed")
        )
        return np.asarray((came > 0.0) & (answered == 0.0))

    def overloaded(self) -> npt.NDArray[np.bool_]:
        """Whether each world overloaded, in the order of worlds."""
        return np.array([row.verdict == OVERLOADED for row in self._ordered()], np.bool_)

    def lower_bound(self, name: str) -> npt.NDArray[np.bool_] | None:
        """In which worlds a metric is a lower bound; None for metrics that never are."""
        if is_latency(name):
            grows = self.overloaded() & (self.values(DRAINED) != 1.0)
            seen = self._by_days() if is_extreme(name) else False
            return np.asarray(grows | self._hangs_on_unfinished(name) | seen)
        if is_extreme(name):
            return self._by_days()
        if name == MAKESPAN:
            return np.asarray(self.values(DRAINED) == 0.0)
        if name.endswith(f".{MAKESPAN}"):
            return self.values(name.removesuffix(MAKESPAN) + "in_flight_end") > 0.0
        if name.endswith(RECOVERY):
            return self.values(name.removesuffix(RECOVERY) + UNRECOVERED) > 0.0
        return None

    def least_month(self, name: str) -> npt.NDArray[np.bool_]:
        """In which worlds a month costs at least as much, of a backend, or of any."""
        backend = name.startswith("backends.")
        flag = name.removesuffix(MONTH) + MONTH_IS_LEAST if backend else MONTH_IS_LEAST
        return np.asarray((self.values(flag) == 1.0) & (self.values(name) > 0.0))

    def _by_days(self) -> npt.NDArray[np.bool_]:
        """Which worlds are simulated by some of their days."""
        return np.asarray(self.values(DAYS_SHARE) < 1.0)

    def _hangs_on_unfinished(self, name: str) -> npt.NDArray[np.bool_]:
        """In which worlds a latency could move with those who are unanswered at the end."""
        stem, _, statistic = name.removesuffix("_s").rpartition("_")
        if statistic == "mean":
            place = name.rpartition(".")[0]
            share = self.values(f"{place}.{UNFINISHED}" if place else UNFINISHED)
            return np.asarray(share > TOLERANCE)
        if not statistic.startswith("p"):
            return np.zeros(len(self), np.bool_)
        return np.asarray(self.values(stem + OPEN) <= float(statistic[1:]) / 100.0)

    def frame(self) -> "pd.DataFrame":
        """One row per world, in their order: world, verdict, ``input.<path>``, metrics."""
        import pandas as pd  # noqa: PLC0415 (a third of a second, after the answer)

        return pd.DataFrame(
            {
                "world": np.array(self.worlds, np.int64),
                "verdict": self.verdicts(),
                **{name: self.values(name) for name in self.names()},
            }
        )

    def _ordered(self) -> "list[_Row]":
        return [self._rows[world] for world in sorted(self._rows)]


class _Row(NamedTuple):
    verdict: str
    places: dict[str, int]  # of the names in ``values``; one object for all worlds alike
    values: FloatArray

    def value(self, name: str) -> float:
        place = self.places.get(name)
        return float("nan") if place is None else float(self.values[place])


def _columns(rows: list[_Row]) -> dict[str, FloatArray]:
    """Values of each row by their name; NaN where a row has none."""
    found: dict[str, FloatArray] = {}
    kinds = {id(row.places): row.places for row in rows}  # there are few
    for kind, places in kinds.items():
        having = np.flatnonzero([id(row.places) == kind for row in rows])
        table = np.array([rows[number].values for number in having]).T
        for name, place in places.items():
            if name not in found:
                found[name] = np.full(len(rows), np.nan)
            found[name][having] = table[place]
    return found


def is_monthly(metric: str) -> bool:
    """Whether a metric is what a month costs, of all, of a workload or of a backend."""
    return metric.rpartition(".")[2] == MONTH


def is_extreme(metric: str) -> bool:
    """Whether a metric is the largest of all days.

    >>> is_extreme("backends.large.ready_replicas_max"), is_extreme("peak_hour_e2e_p95_s")
    (True, True)
    """
    name = metric.rpartition(".")[2]
    return name in EXTREMES or name.startswith("peak_hour_")


def is_latency(metric: str) -> bool:
    """Whether a metric is a latency, of which an overloaded world shows a lower bound only.

    >>> is_latency("workloads.chat.peak_hour_ttft_p95_s"), is_latency("cost_usd")
    (True, False)
    """
    return metric.rsplit(".", 1)[-1].removeprefix("peak_hour_").startswith(LATENCIES)
