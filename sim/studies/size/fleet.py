"""Kinds of fleet: designs of one pool that differ in a single count."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from sim.catalog import profile, profile_names
from sim.catalog.computed import PREFIX, fewest_gpus
from sim.catalog.hardware import gpu
from sim.catalog.profiles import old_names
from sim.errors import PeakfleetError, ScenarioError
from sim.model.closed import ClosedSource
from sim.model.design import Design, GpuPool
from sim.model.profile import ServiceProfile
from sim.model.purchase import PurchasePlan
from sim.montecarlo.draws import draw_worlds
from sim.scenario import Scenario
from sim.scenario.backend.gpu_pool import GpuPool as PoolKeys
from sim.scenario.backend.replicas import MOST_REPLICAS
from sim.studies.case import Case

Counted = Literal["replicas", "min", "max"]

DEGREES = (1, 2, 4, 8)  # GPUs of a replica, as engines are run

UNSIZED = ("none", "scheduled")  # autoscalers without limits of their own


@dataclass(frozen=True, slots=True)
class Kind:
    """Fleets of one pool that differ in one count.

    Attributes
    ----------
    case : Case
        With the service of the kind.
    pool : str
    service : str
        Name of its service profile.
    counted : {"replicas", "min", "max"}
        A fixed number of replicas, or one of the limits of its autoscaler.
    scaled : bool
        Whether the case's pool has an autoscaler.
    other : int
        The limit of the autoscaler that is not counted.
    """

    case: Case
    pool: str
    service: str
    counted: Counted = "replicas"
    scaled: bool = False
    other: int = 0
    _loaded: dict[int, Scenario] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def autoscaled(self) -> bool:
        """Whether its fleets have an autoscaler."""
        return self.counted != "replicas"

    def limits(self, count: int) -> tuple[int, int]:
        """Fewest and most replicas of a fleet."""
        match self.counted:
            case "replicas":
                return count, count
            case "min":
                return count, max(count, self.other)
            case "max":
                return min(count, self.other), count

    def overrides(self, count: int) -> tuple[str, ...]:
        """What makes the case's fleet the one of this count."""
        place = f"backends.{self.pool}"
        if self.autoscaled:
            least, most = self.limits(count)
            first = max(1, least)
            return (f"{place}.replicas={{min: {least}, max: {most}, initial: {first}}}",)
        fixed = f"{place}.replicas={count}"
        return (fixed, f"{place}.autoscaler=null") if self.scaled else (fixed,)

    def scenario(self, count: int) -> Scenario:
        """The scenario with the fleet of this count."""
        if count not in self._loaded:
            self._loaded[count] = self.case.load(self.overrides(count))
        return self._loaded[count]

    def about(self, count: int) -> str:
        """The fleet and its service, in words."""
        return f"{self.words(count)}, {self.service}"

    def words(self, count: int) -> str:
        """The fleet in words: ``6 replicas``, ``2 to 9 replicas``."""
        least, most = self.limits(count)
        if least == most and not self.autoscaled:
            return f"{count} replica{'s' if count != 1 else ''}"
        return f"{least} to {most} replicas"


def design_of(scenario: Scenario, seed: int) -> Design:
    """The design in the first world."""
    draws = draw_worlds(scenario.inputs, seed, 1)
    return scenario.design({path: float(values[0]) for path, values in draws.items()})


def pool_named(design: Design, asked: str | None) -> GpuPool:
    """The pool to size: the one asked for, or the only one."""
    names = [pool.name for pool in design.pools]
    if not names:
        raise PeakfleetError(
            f"{design.name} has no backend of kind gpu_pool that takes part, so that there is"
            " nothing to size (managed backends have no replicas: see sim breakeven; a candidate"
            " takes part once a workload goes there: --set workloads.NAME.route=POOL)"
        )
    if asked is None and len(names) > 1:
        raise PeakfleetError(f"say which pool to size (--backend: {' or '.join(names)})")
    if asked is not None and asked not in names:
        raise PeakfleetError(f"backend ({asked}) must be a gpu_pool: {', '.join(names)}")
    return design.pools[names.index(asked or names[0])]


def most_replicas(design: Design, pool: GpuPool) -> int:
    """Replicas that are to be had, and paid for."""
    most = min(float(MOST_REPLICAS), pool.lifecycle.most_serving, design.left_for(pool))
    if isinstance(pool.price, PurchasePlan):
        most = min(most, pool.price.gpus // pool.unit_gpus * pool.unit_replicas)
    return int(most)


def waiting_users(design: Design) -> int:
    """Users of closed populations, who wait for answers: at most so many requests at once."""
    sources = (workload.source for workload in design.workloads)
    return sum(source.users for source in sources if isinstance(source, ClosedSource))


def kinds(case: Case, pool: str, services: Iterable[str] = ()) -> list[Kind]:
    """A kind for each service: a fixed number of replicas.

    Parameters
    ----------
    services : iterable of str
        Profiles beside that of the scenario, each with an optional price of a GPU-hour in USD:
        ``NAME`` or ``NAME@2.50``. Without one, another type of GPU costs what the catalogue says.
    """
    keys = _keys(case.load(), pool)
    scaled = keys.autoscaler is not None
    own = Kind(case, pool, keys.service.profile.name, scaled=scaled)
    found = {own.service: own}
    for service in services:
        name, _, price = service.partition("@")
        offered = profile(name)
        same_gpu = offered.gpu == keys.service.profile.gpu
        found[offered.name] = replace(
            own,
            case=_served_by(case, pool, name, price, same_gpu),
            service=offered.name,
        )
    return list(found.values())


def workload_of_users(scenario: Scenario) -> str:
    """The workload whose users are counted: the only one that has any.

    Raises
    ------
    PeakfleetError
        If there is none, or several.
    """
    each = scenario.model.workloads.items()
    names = [name for name, workload in each if workload.arrivals.users is not None]
    if not names:
        first = next(iter(scenario.model.workloads))
        raise PeakfleetError(
            f"{scenario.file}: no workload has users to count; give one arrivals such as"
            f" --set workloads.{first}.arrivals='{{users: 100, think_time: 30s}}'"
        )
    if len(names) > 1:
        raise PeakfleetError(
            f"{scenario.file}: {' and '.join(names)} have users; say whose by"
            f" --set workloads.{names[0]}.arrivals.users=..."
        )
    return names[0]


def users_of(workload: str, count: float) -> str:
    """What makes a workload have so many users."""
    return f"workloads.{workload}.arrivals.users={count:g}"


def scales(scenario: Scenario, pool: str) -> bool:
    """Whether the pool has an autoscaler with limits of its own."""
    scaler = _keys(scenario, pool).autoscaler
    return scaler is not None and scaler.preset not in UNSIZED


def services_on(gpus: Iterable[str], like: ServiceProfile) -> list[str]:
    """Profiles of the model of another on some types of GPU, each degree of parallelism.

    All that are measured; degrees of 1, 2, 4 and 8 GPUs that nobody measured, and that the weights
    fit on, are computed, in that profile's precision.

    Raises
    ------
    PeakfleetError
        Where there is no such GPU, or the model fits on none or is not known.
    """
    model = like.model
    found: list[str] = []
    old = set(old_names())
    for name in (gpu(asked).name for asked in gpus):
        on_it = [n for n in profile_names() if n.startswith(f"{model}/{name}/")]
        on_it = [n for n in on_it if n not in old] or on_it
        measured = {profile(n).gpus_per_replica for n in on_it}
        found += [*on_it, *_computed(like, name, measured, needed=not on_it)]
    return found


def _computed(
    like: ServiceProfile, gpu_name: str, measured: set[int], needed: bool
) -> Iterator[str]:
    """Profiles of the degrees that nobody measured, the fewest GPUs first."""
    try:
        least = fewest_gpus(like.model, gpu_name, like.precision)
    except PeakfleetError:  # a model of which nothing can be computed, or that fits on none
        if needed:
            raise
        return
    for count in DEGREES:
        if count >= least and count not in measured:
            name = f"{PREFIX}{like.model}/{gpu_name}/tp{count}/{like.precision}"
            try:
                yield profile(name).name
            except PeakfleetError:  # of a degree that the model cannot be cut into
                continue


def service_of(case: Case, backend: str | None) -> ServiceProfile:
    """The service of the pool to size."""
    scenario = case.load()
    return pool_named(design_of(scenario, scenario.seed), backend).profile


def _keys(scenario: Scenario, pool: str) -> PoolKeys:
    keys = scenario.model.backends[pool]
    assert isinstance(keys, PoolKeys)
    return keys


def _served_by(case: Case, pool: str, service: str, price: str, same_gpu: bool) -> Case:
    place = f"backends.{pool}"
    served = case.but(f"{place}.service={service}")
    if price:
        return served.but(f"{place}.price={{usd_per_gpu_hour: {price}}}")
    if same_gpu:
        return served
    try:
        case.load([f"{place}.price=null"])
    except ScenarioError:  # none was given: the catalogue's holds for every service
        return served
    return served.but(f"{place}.price=null")
