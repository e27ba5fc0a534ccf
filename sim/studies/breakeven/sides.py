"""The sides that compete, and the volume at which they do.

A scenario says who competes: every backend is a side, which serves all workloads alone. Ways to
have the same GPUs are pools that differ in their ``price`` only; they are simulated once, and every
way gets its own bill of the same days. A pool that differs otherwise (spot instances that are taken
back, an autoscaler) is simulated by itself. Users' devices that cannot run the model (``edge`` with
a ``capable_share`` or a ``memory``) leave their requests to the reference.

**Volume** is the mean number of arrivals a day over a month (of tasks, where requests have
follow-ups), whichever days of it the horizon is; costs are those of a month, too
(:mod:`sim.model.month`). All workloads grow together, in the proportions of the scenario, traces at
their time of day; the devices of an edge with them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.model.distributions import Distribution
from sim.model.generated import GeneratedSource
from sim.model.month import rests_on
from sim.model.price import DAY_S
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.scenario import Scenario
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import Edge
from sim.scenario.resolution import billers
from sim.scenario.values.numbers import Number, Uncertain
from sim.studies.case import Case

RATES: Final = ("requests_per_day", "requests_per_second", "users", "usd_per_month")
BILLED: Final = ("price", "fixed_usd_per_month")  # what changes a bill, and no day
ALONE: Final = ("fallback", "overflow")  # what leads away from a backend

FIXED, SCALED, API, EDGE = "fixed pool", "autoscaled pool", "api", "edge"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas of a pool.

    Attributes
    ----------
    replicas : int
        Of a fixed fleet; the fewest of an autoscaled one.
    initial, most : int
        At the beginning, and the most, of an autoscaled one.
    """

    replicas: int
    initial: int = 0
    most: int = 0

    def words(self) -> str:
        """In words: ``3 replicas``, ``1 to 9 replicas``."""
        if self.most:
            return f"{self.replicas} to {self.most} replicas"
        return f"{self.replicas} replica{'' if self.replicas == 1 else 's'}"

    def written(self) -> str:
        """As a scenario has it."""
        if not self.most:
            return str(self.replicas)
        limits = {"min": self.replicas, "max": self.most, "initial": self.initial}
        return json.dumps(limits)


@dataclass(frozen=True)
class Contest:
    """The sides of a scenario, and the one that the others are measured against.

    Attributes
    ----------
    case : Case
    scenario : Scenario
        The case as it stands.
    reference : str
    """

    case: Case
    scenario: Scenario
    reference: str

    @property
    def challengers(self) -> tuple[str, ...]:
        """All sides but the reference."""
        return tuple(name for name in self.scenario.model.backends if name != self.reference)

    @property
    def horizon_days(self) -> float:
        """Length of the horizon."""
        return self._medians.horizon.duration_s / DAY_S

    @property
    def month(self) -> str:
        """What a month rests on, in a clause."""
        return rests_on(self._medians)

    @cached_property
    def requests_per_volume(self) -> float:
        """Requests in the horizon per arrival a day, the calls of tasks among them."""
        each = self._medians.workloads
        return sum(_expected(w, self._medians) * _calls(w) for w in each) / self.volume

    @property
    def has_tasks(self) -> bool:
        """Whether some requests are followed by others."""
        return any(w.follow_ups is not None for w in self.scenario.model.workloads.values())

    @property
    def has_slo(self) -> bool:
        """Whether a workload says what good service is."""
        return any(w.slo is not None for w in self.scenario.model.workloads.values())

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Sides that differ in what they are billed only, together; managed ones each alone."""
        found: dict[str, list[str]] = {}
        for name, backend in self.scenario.document["backends"].items():
            rest = {key: value for key, value in backend.items() if key not in BILLED}
            is_pool = isinstance(self.scenario.model.backends[name], GpuPool)
            found.setdefault(json.dumps(rest, sort_keys=True) if is_pool else name, []).append(name)
        return tuple(tuple(names) for names in found.values())

    def kind(self, side: str) -> str:
        """What a side is, by how its cost comes about."""
        backend = self.scenario.model.backends[side]
        if isinstance(backend, GpuPool):
            scaler = backend.autoscaler
            return FIXED if scaler is None or scaler.preset == "none" else SCALED
        return EDGE if isinstance(backend, Edge) else API

    def at(self, side: str, volume: float, fleet: Fleet | None = None) -> Scenario:
        """The scenario with one side alone, at a volume."""
        return self.case_at(side, volume, fleet).load()

    def case_at(self, side: str, volume: float, fleet: Fleet | None = None) -> Case:
        """The case with one side alone, at a volume."""
        factor = volume / self.volume
        changes = [*self._traffic(factor), *self._alone(side)]
        if fleet is not None:
            changes.append(f"backends.{side}.replicas={fleet.written()}")
        devices = getattr(self.scenario.model.backends[side], "active_devices", None)
        if devices is not None:
            changes.append(f"backends.{side}.active_devices={usual(devices) * factor!r}")
        return self.case.but(*changes)

    @cached_property
    def volume(self) -> float:
        """Arrivals a day as the scenario stands, every uncertain input at its median."""
        return arrivals_per_day(self._medians)

    @cached_property
    def _medians(self) -> Design:
        return self.scenario.design({i.path: median(i.distribution) for i in self.scenario.inputs})

    def _traffic(self, factor: float) -> Iterator[str]:
        """Rates of all workloads, none of them uncertain, times a factor."""
        for name, workload in self.scenario.model.workloads.items():
            for key in RATES:
                rate = getattr(workload.arrivals, key)
                if rate is not None:
                    yield f"workloads.{name}.arrivals.{key}={usual(rate) * factor!r}"
            counts = workload.arrivals.counts
            if counts is not None:
                yield f"workloads.{name}.arrivals.counts.scale={usual(counts.scale) * factor!r}"
            each = workload.arrivals.requests_per_user_per_day
            if isinstance(each, Uncertain):  # else a volume would not be one
                yield f"workloads.{name}.arrivals.requests_per_user_per_day={usual(each)!r}"
            trace = workload.arrivals.trace
            if trace is not None:
                changes = {"rate_scale": usual(trace.rate_scale) * factor}
                changes |= {"thin": usual(trace.thin), "speed": usual(trace.speed)}
                for key, value in changes.items():
                    yield f"workloads.{name}.arrivals.trace.{key}={value!r}"
            if workload.active_users is not None:
                yield f"workloads.{name}.active_users={usual(workload.active_users) * factor!r}"

    def _alone(self, side: str) -> Iterator[str]:
        """One side in place of all others, but for what the devices of an edge leave over."""
        helped = self._leaves_over(side)
        kept = {side, self.reference} if helped else {side}
        kept |= set(billers(self.scenario.model).values())  # by whose prices volumes are known
        for name, workload in self.scenario.model.workloads.items():
            yield f"workloads.{name}.route={json.dumps(side)}"
            for key in ALONE:
                if getattr(workload, key) is not None:
                    yield f"workloads.{name}.{key}=null"
            if helped:
                yield f"workloads.{name}.fallback={json.dumps(self.reference)}"
        for name in self.scenario.model.backends:
            if name not in kept:
                yield f"backends.{name}=null"

    def _leaves_over(self, side: str) -> bool:
        """Whether some requests cannot be served by the users' devices."""
        backend = self.scenario.model.backends[side]
        limits = ("capable_share", "memory", "max_model_len")
        return isinstance(backend, Edge) and any(getattr(backend, k) is not None for k in limits)


def contest(case: Case, against: str | None = None) -> Contest:
    """The sides of a case.

    Parameters
    ----------
    case : Case
    against : str, optional
        Name of the reference; by default the first managed API.

    Raises
    ------
    PeakfleetError
        If there is nothing to compare, or no volume to vary.
    """
    case = _with_all(case)
    scenario = case.load()
    backends = scenario.model.backends
    apis = [name for name, backend in backends.items() if backend.kind == "managed_api"]
    _refuse(scenario, against, apis)
    found = Contest(case, scenario, against or apis[0])
    if not found.volume > 0:
        raise PeakfleetError(
            f"{scenario.file}: horizon: no requests are expected in it, so that volume cannot be"
            " varied (simulate a day that has some)"
        )
    _refuse_names(scenario)
    return found


def _with_all(case: Case) -> Case:
    """The same case with its candidates taking part, for every backend is a side."""
    backends = case.load().model.backends
    candidates = [name for name, backend in backends.items() if backend.candidate]
    return case.but(*(f"backends.{name}.candidate=null" for name in candidates))


def arrivals_per_day(design: Design) -> float:
    """Expected arrivals on a mean day of the month."""
    counted = (_expected(w, design) * w.month_weight for w in design.workloads)
    return sum(counted) / (design.horizon.duration_s / DAY_S)


def _expected(workload: Workload, design: Design) -> float:
    """Arrivals over the horizon."""
    source, end_s = workload.source, design.horizon.duration_s
    if isinstance(source, TraceSource):
        return float(source.cumulative(np.array([end_s]))[0])
    if not isinstance(source, GeneratedSource):
        raise PeakfleetError(
            f"workload {workload.name} waits for answers (think_time), so that its volume is"
            " an outcome and cannot be varied; give requests_per_user_per_day in place of"
            " think_time"
        )
    return float(source.curve.cumulative(end_s))


def usual(number: Number) -> float:
    """The value of a number, or its median where it is uncertain."""
    return median(number.distribution) if isinstance(number, Uncertain) else number


def median(distribution: Distribution) -> float:
    """The median of a distribution."""
    return float(distribution.ppf(np.array([0.5]))[0])


def _calls(workload: Workload) -> float:
    """Requests of a task, on average."""
    calls = getattr(workload.source, "follow_ups", None)
    return 1.0 if calls is None else float(calls.calls.mean())


def _refuse(scenario: Scenario, against: str | None, apis: list[str]) -> None:
    """Refuse a scenario in which nothing competes."""
    _refuse_together(scenario)
    names = list(scenario.model.backends)
    if against is not None and against not in names:
        raise PeakfleetError(
            f"--against ({against}): no such backend (one of {', '.join(names)} in {scenario.file})"
        )
    if len(names) < 2:
        raise PeakfleetError(
            f"{scenario.file}: backends: '{names[0]}' is the only one, and a break-even needs two"
            " sides (add another backend, such as kind: managed_api beside a gpu_pool)"
        )
    if against is None and not apis:
        raise PeakfleetError(
            f"{scenario.file}: backends: none is a managed_api to compare with"
            f" (name a side with --against, one of {', '.join(names)})"
        )
    for name, backend in scenario.model.backends.items():
        handoff = getattr(backend, "handoff", None)
        if handoff is not None:
            raise PeakfleetError(
                f"{scenario.file}: backends.{name}.handoff: a break-even has each backend serve"
                f" alone, and this one cannot without '{handoff.to}' (remove handoff, or hold the"
                " two against an API with sim compare)"
            )


def _refuse_together(scenario: Scenario) -> None:
    """Refuse a scenario whose backends answer together, so that none is a side of its own."""
    model, key = scenario.model, ""
    if model.variants or model.regions:
        key = "variants" if model.variants else "regions"
        why = "answer together" if model.variants else "serve users of their own"
        message = f"a break-even has each backend serve all alone, and these {why}"
    else:
        routed = {each.name: each.route.backends for each in scenario.typical_design().workloads}
        for name, workload in model.workloads.items():
            before = workload.arrivals.after
            if before is not None and set(routed[name]) != set(routed[before]):
                key = f"workloads.{name}.arrivals.after"
                message = "a break-even has each backend serve all steps, and these have their own"
    if key:
        raise PeakfleetError(
            f"{scenario.file}: {key}: {message} (hold designs against each other with sim compare,"
            " such as --variant 'api: workloads.NAME.route=api')"
        )


def _refuse_names(scenario: Scenario) -> None:
    """Refuse names that no override can reach."""
    for name in (*scenario.model.workloads, *scenario.model.backends):
        if "." in name:
            raise PeakfleetError(
                f"{scenario.file}: the name '{name}' has a dot, which a study cannot address"
                " (rename it, such as " + name.replace(".", "-") + ")"
            )
