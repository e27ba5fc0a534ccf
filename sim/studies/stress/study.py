"""Stress: the same service at multiples of its traffic, with three ways to run its fleet.

- **fixed**: the fleet as it is. One that scales is held at the most replicas that the median world
  has ready today.
- **autoscaled**: the scenario's own autoscaler with its own limits; where there is none, an HPA on
  concurrency without a limit that matters, which aims at 70 % of what a replica of the smallest
  fleet that holds has in hand at its busiest, and cold starts.
- **re-sized**: at every step the smallest fixed fleet that holds, several pools in proportion to
  their needs. Quotas of APIs grow in proportion to the tokens.

All of them, and all steps, see the same worlds: the same random numbers, with arrivals that stand
closer together. A cost is that of the scenario's horizon, by the month. Between the last step at
which the fixed or the autoscaled fleet holds and the first at which it breaks, its breaking point
is enclosed. Recovery is that from a spike on the first day, tried beside: today, and at the
furthest step that does not break.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from sim.errors import PeakfleetError
from sim.model.closed import ClosedSource
from sim.model.month import note
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.stress.answer import Stress
from sim.studies.stress.breaking import Breaking, find_breaks
from sim.studies.stress.elasticity import elasticities, extent
from sim.studies.stress.fleets import (
    AUTOSCALED,
    FIXED,
    RESIZED,
    Resizing,
    autoscaled,
    counts_of,
    needs,
    own_autoscaler,
    present_counts,
    quota_factor,
    serving,
)
from sim.studies.stress.growth import Growth, check_growth, grow, path_of
from sim.studies.stress.outcome import (
    SPIKED_WORLDS,
    Outcome,
    observe,
    recovery,
    worth_a_spike,
)
from sim.studies.stress.runs import FIRST_LOOK, Runs
from sim.studies.stress.spike import Spike
from sim.studies.stress.unshared import Hits, emergent, kept_as_they_are
from sim.studies.stress.verdict import Judge

DEFAULT_WORLDS = 12  # of 10, all of which hold, it could not be said that 75 % do
DEFAULT_PROBABILITY = 0.75
DEFAULT_SPIKE = Spike()
MOST_BEYOND = 60e6  # requests of a first look at a fleet that broke before: minutes of simulation
MOST_OF_STEP = 400e6  # requests of all worlds of a fleet at a step: ten minutes or so on two cores


def stress(
    case: Case,
    bench: Bench,
    steps: list[Growth] | None = None,
    worlds: int = DEFAULT_WORLDS,
    seed: int | None = None,
    probability: float = DEFAULT_PROBABILITY,
    budget_usd: float | None = None,
    spike: Spike | None = DEFAULT_SPIKE,
    enclose: bool = True,
) -> Stress:
    """Grow a service step by step.

    Parameters
    ----------
    case : Case
    bench : Bench
    steps : list of Growth, optional
        The first is the scenario itself; by default to ten times the volume.
    worlds : int
        Of each fleet at each step.
    seed : int, optional
        That of the scenario by default.
    probability : float
        With which a fleet must hold.
    budget_usd : float, optional
        A month.
    spike : Spike or None
    enclose : bool
        Whether to look for the breaking point between steps.
    """
    steps = path_of() if steps is None else steps
    if budget_usd is not None and not budget_usd > 0:
        raise PeakfleetError(f"budget ({budget_usd:g} USD a month) must be above 0")
    scenario = case.load()
    design = scenario.typical_design()
    check_growth(design, steps)
    seed = scenario.seed if seed is None else seed
    runs = Runs(bench, Judge(probability), worlds, seed)
    study = _Study(case, runs, steps, budget_usd, scenario)
    if beyond := runs.judge.out_of_reach(worlds):
        bench.advised(beyond)
        study.notes.append(beyond)
    if spike is not None and all(isinstance(w.source, ClosedSource) for w in design.workloads):
        study.notes.append("no spike is tried, as all users wait for answers: none come besides")
        spike = None
    outcomes = study.outcomes()
    breakings = study.breakings(outcomes) if enclose else []
    if spike is not None:
        worth = worth_a_spike(outcomes)
        outcomes = [
            study.tried(each, spike) if any(each is one for one in worth) else each
            for each in outcomes
        ]
    return Stress(
        name=scenario.name,
        worlds=worlds,
        seed=seed,
        probability=probability,
        budget_usd=budget_usd,
        spike=spike,
        steps=tuple(steps),
        outcomes=tuple(outcomes),
        breakings=tuple(breakings),
        elasticities=tuple(elasticities(outcomes, steps)),
        notes=tuple(study.notes),
    )


class _Study:
    """The runs of one study."""

    def __init__(
        self,
        case: Case,
        runs: Runs,
        steps: list[Growth],
        budget_usd: float | None,
        scenario: Scenario,
    ) -> None:
        self.case, self.runs, self.steps = case, runs, steps
        self.budget_usd, self.scenario = budget_usd, scenario
        self.design = scenario.typical_design()
        self.notes: list[str] = [*filter(None, [note(self.design)])]
        self.hits = self._hits()
        self._told = False
        self._scenarios: dict[tuple[str, int], tuple[Scenario, float]] = {}

    def outcomes(self) -> list[Outcome]:
        """All fleets at all steps."""
        used = {pool.name for pool in serving(self.design)}
        idle = [pool.name for pool in self.design.pools if pool.name not in used]
        if idle:
            self.notes.append(
                f"nothing is sent to {', '.join(idle)}, which is left as it is, and paid"
            )
        if not used:
            fixed = self._fleet(FIXED, self.scenario)
            return [*fixed, *self._with_higher_quotas(fixed)]
        own = own_autoscaler(self.design)
        scaled = self._fleet(AUTOSCALED, self.scenario) if own else []
        today = scaled[0].result if own else self.runs.first(self.scenario, FIRST_LOOK, "today")
        counts = present_counts(today, self.design)
        stated = self.case.load(counts_of(counts)) if own else self.scenario
        fixed = self._fleet(FIXED, stated, counts)
        if own:
            shown = ", ".join(f"{count} of {name}" for name, count in counts.items())
            self.notes.append(f"fixed: the most replicas ready today in the median world, {shown}")
        resized = self._resized(fixed, counts)
        if not own:
            scaled = self._newly_scaled(resized)
        return [*fixed, *scaled, *resized]

    def breakings(self, outcomes: list[Outcome]) -> list[Breaking]:
        """Where the fleets break whose size, or rule of scaling, is the same at every step."""
        found: list[Breaking] = []
        for fleet in (FIXED, AUTOSCALED):
            own = [outcome for outcome in outcomes if outcome.fleet == fleet]
            found += find_breaks(own, partial(self._between, fleet, own))
        return found

    def tried(self, outcome: Outcome, spike: Spike) -> Outcome:
        """An outcome with what a spike does to the worlds that held."""
        runs = self.runs
        kept, worlds = runs.judge.held(outcome.result), min(runs.worlds, SPIKED_WORLDS)
        if not kept[:worlds].any():
            return outcome
        scenario, quotas = self._scenarios[outcome.fleet, outcome.step]
        text = f"a spike on the {outcome.fleet} fleet at {outcome.growth}"
        runs.bench.told(text)
        spiked = grow(scenario, outcome.growth, spike, quotas, self.hits)
        result = runs.first(spiked, worlds, text)
        return replace(outcome, recovery=recovery(result, kept, worlds))

    def _hits(self) -> Hits:
        """Share of the prompt tokens found today, where it emerges and misses are to grow."""
        found = emergent(self.design)
        if all(step.miss == 1 for step in self.steps):
            return {}
        self.notes += kept_as_they_are(self.design)
        if not found:
            return {}
        today = self.runs.run(self.scenario, "what caches find today").sample
        hits = {}
        for workload in found:
            shares = today.values(f"workloads.{workload.name}.cache_hit_rate")
            hits[workload.name] = float(np.nan_to_num(np.nanmedian(shares)))
            self.notes.append(
                f"misses: of the prompts of {workload.name}, {100.0 * hits[workload.name]:.0f} % of"
                " the tokens are found today; more misses are tasks that share nothing with others"
            )
        return hits

    def _fleet(
        self, fleet: str, scenario: Scenario, counts: dict[str, int] | None = None
    ) -> list[Outcome]:
        """One fleet, the same at every step, as far as it is worth its time."""
        outcomes: list[Outcome] = []
        for step, growth in enumerate(self.steps):
            broken = any("service" in each.breaks for each in outcomes)
            if self._too_long(fleet, growth, broken):
                break
            outcomes.append(self._outcome(fleet, step, growth, scenario, counts))
            if not self._told:
                self._told = True
                extents = [extent(each, self.steps) for each in self.steps]
                fleets = 3.0 if serving(self.design) else 1.0
                self.runs.tell_of_all(fleets / 2 if outcomes[0].breaks else fleets, extents)
        return outcomes

    def _too_long(self, fleet: str, growth: Growth, broken: bool) -> bool:
        """Whether a step takes longer than it is worth; then it is noted."""
        requests = self.runs.per_world * extent(growth, self.steps)
        if broken and FIRST_LOOK * requests > MOST_BEYOND:
            why = "as it breaks before, and"
        elif growth != self.steps[0] and self.runs.worlds * requests > MOST_OF_STEP:
            why = "as"
        else:
            return False
        self.notes.append(
            f"{fleet}: not looked at from {growth} on, {why} so much traffic takes long to simulate"
            f" ({requests / 1e6:.0f} million requests a world); a shorter horizon takes less"
        )
        return True

    def _between(self, fleet: str, own: list[Outcome], growth: Growth) -> Outcome:
        """A fleet at a growth that is no step."""
        scenario, quotas = self._scenarios[fleet, 0]
        step = next(each.step for each in own if each.breaks)
        return self._observed(fleet, step, growth, scenario, own[0].counts, quotas)

    def _outcome(
        self,
        fleet: str,
        step: int,
        growth: Growth,
        scenario: Scenario,
        counts: dict[str, int] | None,
        quotas: float = 1.0,
    ) -> Outcome:
        self._scenarios[fleet, step] = scenario, quotas
        return self._observed(fleet, step, growth, scenario, counts, quotas)

    def _observed(
        self,
        fleet: str,
        step: int,
        growth: Growth,
        scenario: Scenario,
        counts: dict[str, int] | None,
        quotas: float,
    ) -> Outcome:
        runs = self.runs
        result = runs.run(
            grow(scenario, growth, None, quotas, self.hits),
            f"{fleet} fleet at {growth}",
            extent(growth, self.steps),
        )
        return observe(fleet, step, growth, counts, result, runs.judge, self.budget_usd)

    def _with_higher_quotas(self, fixed: list[Outcome]) -> list[Outcome]:
        """APIs whose quotas grow with the tokens where they must; none where that changes nothing.

        Parameters
        ----------
        fixed : list of Outcome
            With the quotas as they are, step by step.
        """
        factors = [
            1.0 if outcome.word == "holds" else quota_factor(self.design, outcome.growth)
            for outcome in fixed
        ]
        if set(factors) == {1.0}:
            return []
        shown = ", ".join(
            f"{factor:g}x at {outcome.growth}"
            for factor, outcome in zip(factors, fixed, strict=True)
            if factor != 1
        )
        shown += ", else as they are" if 1.0 in factors else ""
        self.notes.append(f"re-sized: quotas {shown}")
        return [
            self._outcome(RESIZED, step, growth, self.scenario, None, factors[step])
            for step, growth in enumerate(self.steps[: len(fixed)])
        ]

    def _resized(self, fixed: list[Outcome], counts: dict[str, int]) -> list[Outcome]:
        """At every step the smallest fleet that holds, where one does."""
        sizing = Resizing(self.case, self.runs, self.hits)
        ratio = 1.0
        outcomes: list[Outcome] = []
        for step, growth in enumerate(self.steps):
            if self._too_long(RESIZED, growth, broken=False):
                break
            self.runs.bench.told(f"sizing the fleet for {growth}")
            quotas = quota_factor(self.design, growth)
            need = self._need(step, fixed, outcomes, counts)
            found, ratio = sizing.counts(growth, quotas, need, ratio)
            if found is None:
                self.notes.append(
                    f"re-sized: no number of replicas holds at {growth}; what breaks there is not a"
                    " matter of their number"
                )
                continue
            scenario = self.case.load(counts_of(found))
            outcomes.append(self._outcome(RESIZED, step, growth, scenario, found, quotas))
        return outcomes

    def _need(
        self, step: int, fixed: list[Outcome], sized: list[Outcome], counts: dict[str, int]
    ) -> dict[str, float]:
        """Replicas that a step may need.

        A fleet that breaks shows little of it: what it turns away or retries is not the load that
        a larger one has. Then it is scaled up from the last fleet that was sized.
        """
        seen, own = fixed[min(step, len(fixed) - 1)], counts
        if sized and (seen.word == "breaks" or seen.step != step):
            seen, own = sized[-1], sized[-1].counts or counts
        now, then = self.steps[step], seen.growth
        further = now.volume * now.prompt / (then.volume * then.prompt)
        return {name: further * count for name, count in needs(seen.result, own).items()}

    def _newly_scaled(self, resized: list[Outcome]) -> list[Outcome]:
        """The scenario under an autoscaler that it does not have."""
        if not resized or resized[0].step != 0:
            self.notes.append("autoscaled: left out, as no fleet holds today")
            return []
        first, last = resized[0].counts or {}, resized[-1].counts or {}
        overrides, notes = autoscaled(self.design, resized[0].result, first, last)
        self.notes += notes
        return self._fleet(AUTOSCALED, self.case.load(overrides))
