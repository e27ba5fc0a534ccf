"""A place to run many scenarios: one set of workers, and no world simulated twice."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.montecarlo import days_simulated
from sim.montecarlo.allowance import Allowance
from sim.montecarlo.archive import Archive
from sim.montecarlo.cluster.connection import connected
from sim.montecarlo.days_simulated import requests_of
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.execution import Executor, Place, available_cores, shared_pool
from sim.montecarlo.pulse import Pulse
from sim.montecarlo.result import Draws, Earlier, RunResult
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample
from sim.montecarlo.storage.identity import scenario_digest
from sim.scenario import Scenario
from sim.studies.twins import Twins

FloatArray = npt.NDArray[np.float64]
Told = Callable[[str], None]
Announce = Callable[[], None]


@dataclass
class Bench:
    """Runs scenarios under common random numbers.

    A world of one scenario and seed is simulated once: asked for more worlds, only those that are
    missing are, and those that another scenario had just so are taken from it. All scenarios that
    are run with one seed see the same arrivals in the same world.

    Attributes
    ----------
    jobs : int
    told : callable
        Told in a few words of what is going on.
    advised : callable
        Told what has to be known beside the answer.
    executor : optional
        Workers; else all happens in this process.
    archive : Archive, optional
        Where finished worlds are on disk meanwhile.
    announce : callable, optional
        Called at the first Ctrl-C, SIGTERM or SIGHUP while worlds are simulated.
    allowance : Allowance
        What all runs together may take.
    requests : float
        Simulated so far.
    worlds : int
    seen : dict of str to (str, RunResult)
        What was simulated, with what it is about, in order; of a run that is cut off what was
        finished.
    """

    jobs: int
    told: Told = lambda _: None
    executor: Executor | Place | None = None
    archive: Archive | None = None
    announce: Announce = lambda: None
    allowance: Allowance = field(default_factory=Allowance)
    advised: Told = lambda _: None
    requests: float = 0.0
    worlds: int = 0
    seen: dict[str, tuple[str, RunResult]] = field(default_factory=dict)
    _finished: dict[tuple[str, int], RunResult] = field(default_factory=dict)
    _twins: Twins = field(default_factory=Twins)
    _pulse: Pulse | None = None
    _told_days: bool = False

    def run(
        self,
        scenario: Scenario,
        worlds: int,
        seed: int | None = None,
        known_by: str = "",
        about: str = "",
        **options: Any,
    ) -> RunResult:
        """The first ``worlds`` worlds of a scenario, or more if more are there.

        Further options are those of :func:`~sim.montecarlo.run.run`; runs that differ in them must
        be known by different names. ``about`` says what it is, to whom ends the study before its
        answer.
        """
        seed = scenario.seed if seed is None else seed
        known_by = known_by or scenario_digest(scenario)
        before = self._finished.get((known_by, seed))
        have = len(before.sample) if before else 0
        if before and have >= worlds:
            return before
        self._pulse = self._pulse or Pulse(self.told)
        options.setdefault("progress", self._progress(have, about or scenario.name))
        result = self._simulated(scenario, worlds, seed, known_by, before, about, **options)
        self._finished[known_by, seed] = result
        return result

    def at(
        self, scenario: Scenario, draws: Draws, worlds: int, seed: int, about: str = ""
    ) -> RunResult:
        """The first worlds of a scenario at given values of its inputs; not remembered."""
        digest = hashlib.sha256()
        for path in sorted(draws):
            digest.update(f"{path}\0".encode() + draws[path].tobytes())
        known_by = f"{scenario_digest(scenario)} at {digest.hexdigest()}"
        return self._simulated(scenario, worlds, seed, known_by, None, about, draws=draws)

    def _simulated(
        self,
        scenario: Scenario,
        worlds: int,
        seed: int,
        known_by: str,
        before: RunResult | None,
        about: str,
        **options: Any,
    ) -> RunResult:
        """The first worlds: those of before, those of the archive, and the others simulated.

        All but those of before count as simulated here, the archive's too, so that the answer does
        not tell; those that another scenario had just so do not.
        """
        sample = before.sample if before else Sample(scenario.inputs)
        exports = before.exports if before else None
        numbers = range(len(sample), worlds)
        drawer = self.archive.drawer(scenario, seed, known_by) if self.archive else None
        given = options.get("draws")
        with (
            drawer.opened(sample, worlds, given) if drawer else nullcontext() as checkpoints,
            self._sharing(scenario, sample, numbers, seed, options) as others,
        ):
            if exports is None and 0 in sample:
                exports = {}  # of world 0, which studies do not look at
            result = run(
                scenario,
                worlds=worlds,
                seed=seed,
                jobs=max(min(self.jobs, worlds - len(sample)), 1),
                executor=self.executor,
                earlier=Earlier(sample, exports=exports),
                checkpoints=checkpoints,
                announce=self.announce,
                allowance=self.allowance,
                **options,
            )
        self.note(about, result, f"{known_by}/{seed}")
        self._count(result, others)
        self._tell_days(result, scenario)
        return result

    def _tell_days(self, result: RunResult, scenario: Scenario) -> None:
        """Once, that some days of a long horizon stand for the others; or why they do not."""
        if scenario.fidelity == "exact" or self._told_days:
            return
        self._told_days = True
        told = days_simulated.as_json(result.sample, scenario.typical_design())
        if told is not None:  # else its worlds are made up
            self.advised(days_simulated.sentence(told))

    def _count(self, result: RunResult, simulated: Sequence[int]) -> None:
        """Have worlds count as simulated, unless they were cut off."""
        if result.interrupted:
            raise self.allowance.interrupt()
        self.worlds += len(simulated)
        self.requests += math.fsum(requests_of(result.sample, each) for each in simulated)

    @contextmanager
    def _sharing(
        self,
        scenario: Scenario,
        sample: Sample,
        numbers: Sequence[int],
        seed: int,
        options: Mapping[str, Any],
    ) -> Iterator[list[int]]:
        """While worlds are simulated: adds those that other scenarios had; gives the others.

        None is shared where values are given or worlds are made up.
        """
        if not options.keys() <= {"progress"}:
            yield list(numbers)
            return
        draws = draw_worlds(scenario.inputs, seed, max(numbers, default=-1) + 1)
        keys = self._twins.keys(scenario, draws, numbers, seed)
        others = [each for each in numbers if keys.get(each) not in self._twins]
        self._twins.add_to(sample, keys)
        try:
            yield others
        finally:
            self._twins.note(sample, keys)

    def note(self, about: str, result: RunResult, key: str = "") -> None:
        """Take note of what was simulated, for whom ends the study before its answer."""
        key = key or about
        about = about or self.seen.get(key, ("", None))[0]
        if about:
            self.seen[key] = about, result

    def example(self) -> tuple[str, RunResult] | None:
        """Of what was simulated the case with the most worlds, the first of equals."""
        return max(self.seen.values(), key=lambda each: len(each[1].sample), default=None)

    def probe(self, scenario: Scenario, only: Sequence[int], seed: int) -> RunResult:
        """Some worlds of a scenario by their numbers; they are not kept."""
        sample = Sample(scenario.inputs)
        with self._sharing(scenario, sample, only, seed, {}) as others:
            result = run(
                scenario,
                seed=seed,
                jobs=max(min(self.jobs, len(only) - len(sample)), 1),
                executor=self.executor,
                earlier=Earlier(sample, exports={}),
                announce=self.announce,
                allowance=self.allowance,
                only=tuple(only),
            )
        self._count(result, others)
        return result

    def chosen(
        self,
        scenario: Scenario,
        draws: Draws,
        numbers: Sequence[int],
        seed: int,
        have: Sample,
        about: str,
    ) -> RunResult:
        """Worlds by their numbers, less those that are there, which are taken in; kept on disk.

        Parameters
        ----------
        draws : dict of str to (worlds,) float64
            Values of the inputs in all worlds, those of other numbers among them.
        have : Sample
            Worlds that were simulated before.
        about : str
            What they are, to whom ends the study before its answer.
        """
        sample = have.part(each for each in numbers if each in have)
        new = [each for each in numbers if each not in have]
        asked = hashlib.sha256(np.array(numbers, np.int64).tobytes()).hexdigest()
        known_by = f"{scenario_digest(scenario)} worlds {asked}"
        drawer = self.archive.drawer(scenario, seed, known_by) if self.archive else None
        self._pulse = self._pulse or Pulse(self.told)
        with (
            drawer.opened(sample, max(numbers) + 1, draws) if drawer else nullcontext()
        ) as checkpoints:
            result = run(
                scenario,
                seed=seed,
                jobs=max(min(self.jobs, len(numbers) - len(sample)), 1),
                executor=self.executor,
                earlier=Earlier(sample, exports={}),
                checkpoints=checkpoints,
                announce=self.announce,
                allowance=self.allowance,
                progress=self._progress(len(sample), about),
                draws=draws,
                only=tuple(numbers),
            )
        self.note(about, result, f"{known_by}/{seed}")
        self._count(result, new)
        return result

    def _progress(self, have: int, about: str) -> Callable[[Sample, int], None]:
        """What is said while worlds are added to those that there were: of what, and how far."""

        def progress(sample: Sample, target: int) -> None:
            assert self._pulse is not None
            done = self.worlds + len(sample) - have
            self._pulse.tell(
                lambda: f"{about}: {len(sample):,} of {target:,} worlds; {done:,} in all so far"
            )

        return progress

    def values(
        self, scenario: Scenario, metric: str, worlds: int, seed: int | None = None
    ) -> FloatArray:
        """A metric in each of the first worlds: (worlds,) float64."""
        return self.run(scenario, worlds, seed).sample.values(metric)[:worlds]


@contextmanager
def bench(
    jobs: int | None = None,
    told: Told = lambda _: None,
    announce: Announce = lambda: None,
    cluster: str | None = None,
    allowance: Allowance | None = None,
    advised: Told | None = None,
) -> Iterator[Bench]:
    """A bench with worker processes of its own, by default one per core, or those of a cluster."""
    beside: dict[str, Any] = {
        "announce": announce,
        "allowance": allowance or Allowance(),
        "advised": advised or told,
    }
    if cluster is not None:
        with connected(cluster, advised or told) as place:
            yield Bench(place.processes, told, place, **beside)
        return
    jobs = jobs or available_cores()
    if jobs == 1:
        yield Bench(1, told, **beside)
        return
    with shared_pool(jobs) as executor:
        yield Bench(jobs, told, executor, **beside)
