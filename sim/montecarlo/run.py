"""A run: the worlds of one scenario, simulated and summarised.

Worlds are independent, each the same bits wherever and whenever it is simulated, and everything
that is computed from them is computed in their order. So the result depends on the scenario, the
seed and the number of worlds only; not on the number of workers, not on which of them was first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sim.errors import PeakfleetError
from sim.model.threshold import Threshold
from sim.montecarlo.allowance import Allowance
from sim.montecarlo.checkpoints import Checkpoints
from sim.montecarlo.dispatch import replications
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.execution import (
    Executor,
    Job,
    Place,
    Replicate,
    StoppedError,
    Task,
    Workers,
    available_cores,
    workers,
)
from sim.montecarlo.interruption import Interruption
from sim.montecarlo.precision import DEFAULT_CAP, DEFAULT_METRIC, Goal, looks
from sim.montecarlo.result import Draws, Earlier, RunResult
from sim.montecarlo.sample import Sample
from sim.montecarlo.thresholds import check

if TYPE_CHECKING:
    from sim.montecarlo.replication import Replication
    from sim.scenario import Scenario

Progress = Callable[[Sample, int], None]  # the worlds so far, and how many there will be


def run(
    scenario: "Scenario",
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    precision: float | None = None,
    metric: str = DEFAULT_METRIC,
    progress: Progress | None = None,
    record_requests: bool = False,
    replicate: Replicate | None = None,
    executor: Executor | Place | None = None,
    earlier: Earlier | None = None,
    announce: Callable[[], None] | None = None,
    draws: Draws | None = None,
    checkpoints: Checkpoints | None = None,
    thresholds: Sequence[Threshold] = (),
    only: Sequence[int] = (),
    allowance: Allowance | None = None,
) -> RunResult:
    """Simulate the worlds of a scenario.

    Parameters
    ----------
    scenario : Scenario
    worlds : int, optional
        Number of worlds; at most so many if a precision is asked for (then 10,000 by default,
        else those of the scenario).
    seed : int, optional
        That of the scenario by default.
    jobs : int, optional
        Worker processes, by default one per core that this process may use; with 1 everything
        happens in this process.
    precision : float, optional
        Stop as soon as the interval of ``metric`` is narrow enough: half its width over the
        estimate, 0.02 for 2 %.
    metric : str
        ``NAME``, ``NAME:p50`` or ``NAME:p95``, such as ``cost_usd_per_request:p50``.
    progress : callable, optional
        Called with the finished worlds, and the number to come to, after each of them.
    record_requests : bool
        Whether to keep every request of world 0.
    replicate : callable, optional
        Simulates one world; the real engine by default.
    executor : optional
        Where to simulate: anything with ``submit``, such as a Dask client's ``get_executor()``; or
        a place, such as a cluster of :mod:`sim.montecarlo.cluster`.
    earlier : Earlier, optional
        Worlds that need not be simulated again.
    announce : callable, optional
        Called at the first Ctrl-C, SIGTERM or SIGHUP, after which what is under way is finished
        and summarised.
    draws : dict of str to (worlds,) float64, optional
        Values of the uncertain inputs in each world, in place of those drawn.
    checkpoints : Checkpoints, optional
        Puts finished worlds on disk meanwhile.
    thresholds : sequence of Threshold
        What the answer has to keep to. Those of the scenario are given by who judges them: a
        study looks at designs that may not even have their metrics.
    only : sequence of int, optional
        Numbers of the worlds to simulate, in place of the first so many.
    allowance : Allowance, optional
        What it may take; where that is spent, it ends as if it were interrupted.

    Raises
    ------
    StoppedError
        If a world cannot be simulated; its ``partial`` is the result of those finished before.
    KeyboardInterrupt
        If it was interrupted before any world was finished.
    """
    goal = None if precision is None else Goal.parse(precision, metric)
    seed = scenario.seed if seed is None else seed
    worlds = len(only) if only else _asked_worlds(scenario, worlds, goal, earlier)
    thresholds = tuple(thresholds)
    plan = _Plan(scenario, seed, worlds, goal, thresholds, datetime.now(UTC))
    numbers = tuple(only) or range(worlds)
    draws = draw_worlds(scenario.inputs, seed, max(numbers) + 1) if draws is None else draws
    earlier = earlier or Earlier(Sample(scenario.inputs))
    allowance = allowance or Allowance()
    gathering = _Gathering(earlier, goal, thresholds, progress, checkpoints, allowance)
    jobs = jobs or min(available_cores(), worlds)
    here = not isinstance(executor, Place)  # else workers compile for themselves
    job = Job(scenario, seed, replicate) if replicate else _job(scenario, seed, draws)
    if here and not replicate:
        # Here, for it brings the compiler. Before any worker starts, so that each only loads it.
        from sim.montecarlo.needed_kernel import compile_for  # noqa: PLC0415

        compile_for(scenario, seed, jobs, allowance.say)
    complete = False
    try:
        with (
            Interruption(announce, lambda: allowance.is_spent) as interruption,
            suppress(KeyboardInterrupt),
            workers(job, jobs, executor) as unmetered,
            allowance.metered(unmetered) as staff,
        ):
            complete = gathering.gather(staff, draws, numbers, record_requests, interruption)
    except StoppedError as error:
        if len(gathering.sample):
            error.partial = plan.result(gathering, draws, complete=False)
        raise
    if not len(gathering.sample):
        raise allowance.interrupt()
    return plan.result(gathering, draws, complete)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked for."""

    scenario: "Scenario"
    seed: int
    worlds: int
    goal: Goal | None
    thresholds: tuple[Threshold, ...]
    started_at: datetime

    def result(self, gathering: "_Gathering", draws: Draws, complete: bool) -> RunResult:
        """What became of it."""
        sample = gathering.sample
        return RunResult(
            scenario=self.scenario,
            design=self.scenario.design(_world(draws, 0)),
            seed=self.seed,
            worlds=self.worlds,
            goal=self.goal,
            precision=self.goal.width(sample) if self.goal else float("nan"),
            interrupted=not complete,
            sample=sample,
            requests=gathering.requests,
            exports=gathering.exports,
            started_at=self.started_at,
            finished_at=datetime.now(UTC),
            thresholds=self.thresholds,
        )


class _Gathering:
    """The worlds as they come in."""

    def __init__(
        self,
        earlier: Earlier,
        goal: Goal | None,
        thresholds: tuple[Threshold, ...],
        progress: Progress | None,
        checkpoints: Checkpoints | None,
        allowance: Allowance,
    ) -> None:
        self.sample = earlier.sample
        self.requests = earlier.requests
        self.exports = earlier.exports
        self._goal = goal
        self._thresholds = thresholds
        self._progress = progress
        self._checkpoints = checkpoints
        self._allowance = allowance
        self._target = 0

    def gather(
        self,
        staff: Workers,
        draws: Draws,
        numbers: Sequence[int],
        record_requests: bool,
        interruption: Interruption,
    ) -> bool:
        """Have the missing worlds simulated until they suffice; False if interrupted before."""
        worlds = len(numbers)
        for look in looks(worlds, self._goal):
            if look < len(self.sample):
                continue  # passed by an earlier run
            self._target = look if self._goal is None else worlds
            tasks = self._tasks(draws, numbers[:look], record_requests)
            missing = max(look - len(self.sample), 1)  # world 0 may be asked for once more
            for replication in replications(staff, tasks, interruption, self._look, missing):
                self._take(replication, self._target)
            if self._suffices(look, worlds):
                return True
            if interruption.requested:
                return False
        return False

    def _tasks(self, draws: Draws, numbers: Sequence[int], record_requests: bool) -> Iterator[Task]:
        """What is missing of some worlds."""
        for world in numbers:
            record = record_requests and world == 0 and self.requests is None
            export = world == 0 and self.exports is None
            if record or export or world not in self.sample:
                yield Task(world, _world(draws, world), record)

    def _take(self, replication: "Replication", target: int) -> None:
        """Take in one world of ``target``."""
        if self._goal is not None:
            self._goal.check(tuple(replication.metrics))
        if self._thresholds:
            check(self._thresholds, tuple(replication.metrics))
        self.sample.add(replication)
        if replication.requests is not None:
            self.requests = replication.requests
        if replication.world == 0:
            self.exports = replication.exports or {}  # not asked for again
        if self._checkpoints is not None:
            files = Earlier(self.sample, self.requests, self.exports)
            first, last = replication.world == 0, len(self.sample) >= target
            self._checkpoints.take(replication.world, self.sample, files if first else None, last)
        if self._progress is not None:
            self._progress(self.sample, target)

    def _look(self, urgent: bool) -> None:
        if self._checkpoints is not None:
            self._checkpoints.look(self.sample, urgent)
        self._allowance.look(self._target - len(self.sample), at_most=self._goal is not None)

    def _suffices(self, look: int, worlds: int) -> bool:
        """Whether the run may stop after ``look`` of at most ``worlds`` worlds."""
        if len(self.sample) < look:
            return False
        return look == worlds or (
            self._goal is not None and self._goal.width(self.sample) <= self._goal.relative
        )


def _world(draws: Draws, world: int) -> dict[str, float]:
    return {path: float(values[world]) for path, values in draws.items()}


def _asked_worlds(
    scenario: "Scenario", worlds: int | None, goal: Goal | None, earlier: Earlier | None
) -> int:
    if worlds is None:
        worlds = scenario.worlds if goal is None else DEFAULT_CAP
    if worlds < 1:
        raise PeakfleetError(f"worlds ({worlds}) must be at least 1")
    if earlier is not None and len(earlier.sample) > worlds:
        raise PeakfleetError(
            f"worlds ({worlds}) must be at least the {len(earlier.sample)} that are finished"
        )
    return worlds


def _job(scenario: "Scenario", seed: int, draws: Draws) -> Job:
    """The real engine, with autoscalers of the user's own."""
    # Here, for it brings the compiler, which another replicate does not need.
    from sim.engine.control import own_autoscalers  # noqa: PLC0415
    from sim.montecarlo.replication import replicate  # noqa: PLC0415

    return Job(scenario, seed, replicate, own_autoscalers(scenario.design(_world(draws, 0))))
