"""The runs of a stress study: a few worlds first, and no more where they leave no doubt.

What is far beyond the breaking point takes longest to simulate, as queues and retries grow with the
time, and tells least. So a fleet is looked at in ``FIRST_LOOK`` worlds; where hardly any of them
holds, that is the answer. How far a study is, and how long the rest may take, is told meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from sim.montecarlo.pulse import Pulse
from sim.montecarlo.result import RunResult
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.stress.verdict import Judge

FIRST_LOOK = 4  # the fewest of which it can be said, for a probability of 75 %, that a fleet breaks
LONG_S = 15.0  # a run worth an estimate
WORTH_TELLING_S = 60.0  # a study
AROUND = 2.0  # simulated in all, over the steps: sizing, spikes, and what lies between steps

Seconds = float


@dataclass
class Runs:
    """Runs fleets in the same worlds.

    Attributes
    ----------
    bench : Bench
    judge : Judge
    worlds, seed : int
        Of each fleet at each step.
    """

    bench: Bench
    judge: Judge
    worlds: int
    seed: int
    _per_world: float = 0.0
    _spent_s: Seconds = 0.0
    _requests: float = 0.0

    @property
    def per_world(self) -> float:
        """Requests of a world of the first scenario that was run; 0 before."""
        return self._per_world

    def first(self, scenario: Scenario, worlds: int, text: str) -> RunResult:
        """The first worlds of a scenario."""
        worlds = min(worlds, self.worlds)
        began_s, before = perf_counter(), self.bench.requests
        pulse = Pulse(self.bench.told)
        result = self.bench.run(
            scenario,
            worlds,
            self.seed,
            about=text,
            progress=lambda sample, most: pulse.tell(
                lambda: f"{text}: {len(sample)} of {most} worlds"
            ),
        )
        if self._per_world:  # the workers are there, their modules loaded
            self._spent_s += perf_counter() - began_s
            self._requests += self.bench.requests - before
        else:
            self._per_world = float(result.sample.values("requests").mean())
        return result

    def run(self, scenario: Scenario, text: str, factor: float = 1.0) -> RunResult:
        """All worlds of a scenario, or the first of them where these already say that it breaks.

        Parameters
        ----------
        scenario : Scenario
        text : str
            Names it to whoever waits.
        factor : float
            Requests of a world, over those of the first scenario that was run.
        """
        self.bench.told(text + self._guess(factor))
        looked = self.first(scenario, FIRST_LOOK, text)
        if self.judge.hopeless(int(self.judge.held(looked).sum()), len(looked.sample)):
            return looked
        return self.first(scenario, self.worlds, text)

    def holds(self, scenario: Scenario, worlds: int, text: str) -> bool:
        """Whether a fleet holds as far as the first worlds tell; all of them tell for certain.

        Ends at the first worlds that say it does not.

        Parameters
        ----------
        scenario : Scenario
        worlds : int
        text : str
        """
        allowed = self.judge.allowed(self.worlds)
        for look in (FIRST_LOOK // 2, FIRST_LOOK, worlds):
            looked = min(look, worlds, self.worlds)
            held = self.judge.held(self.first(scenario, looked, text))[:looked]
            if int((~held).sum()) > allowed:
                return False
        return True

    def seconds(self, requests: float) -> Seconds:
        """How long so many requests take, at the pace so far; 0 where it is not known."""
        return requests * self._spent_s / self._requests if self._requests else 0.0

    def tell_of_all(self, fleets: float, extents: Sequence[float]) -> None:
        """Tell how long a study may take, where that is long.

        Parameters
        ----------
        fleets : float
            So many of them are run at every step.
        extents : sequence of float
            Requests of each step, over those of the first.
        """
        requests = AROUND * fleets * self._per_world * self.worlds * sum(extents)
        if (seconds := self.seconds(requests)) > WORTH_TELLING_S:
            self.bench.advised(
                f"some {spoken(seconds)} in all, at a first guess; --no-spike, --steps-only, fewer"
                " --worlds or less --growth take less"
            )

    def _guess(self, factor: float) -> str:
        seconds = self.seconds(factor * self._per_world * self.worlds)
        return f", about {spoken(seconds)}" if seconds > LONG_S else ""


def spoken(seconds: Seconds) -> str:
    """A length of time as one says it.

    >>> spoken(42.0), spoken(200.0), spoken(9000.0)
    ('40 s', '3 min', '2.5 h')
    """
    if seconds < 90.0:
        return f"{max(round(seconds / 10.0), 1) * 10} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"
