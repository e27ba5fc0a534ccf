"""Levers that are off where they would matter: found by simulating world 0 once more with each.

A task's later calls begin with what was said before, and so do turns of a log. An API bills that
again at the full price unless its memory of prompts is used (``prompt_caching``), and a replica
works through it again unless it keeps blocks of prompts (``prefix_cache``). What turning either on
would do is simulated, under the same arrivals and draws, and said where it is worth saying.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.montecarlo.draws import draw_worlds
from sim.scenario import Scenario
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import ManagedApi
from sim.studies.case import Case

WORTH_SAYING = 0.05  # share of the bill, or of the wait
MOST_REQUESTS = 1e6  # in world 0, beyond which it is not simulated again

Figures = dict[str, float]
Simulate = Callable[[Scenario], Figures]


@dataclass(frozen=True, slots=True)
class Lever:
    """What turning something on would do in world 0.

    Attributes
    ----------
    setting : str
        For ``--set``.
    backend : str
    what : str
    now, then : float
        USD of an API's bill a month, or seconds of the p95 time to first token in the worst hour.
    cached_share : float
        Of the prompt tokens, found again.
    """

    setting: str
    backend: str
    what: str
    now: float
    then: float
    cached_share: float

    @property
    def saved_share(self) -> float:
        """Of what it is now."""
        return 1.0 - self.then / self.now if self.now > 0 else 0.0

    def words(self) -> str:
        """One line with the setting that turns it on."""
        share = f"{100 * self.saved_share:.0f} %"
        found = f"{100 * self.cached_share:.0f} % of prompt tokens have been there before"
        effect = (
            f"its bill would be {share} smaller ({self.now:,.0f} to {self.then:,.0f} USD a month)"
            if self.what == "prompt_caching"
            else f"the p95 time to first token in the worst hour would be {share} shorter"
            f" ({self.now:.3g} to {self.then:.3g} s)"
        )
        return (
            f"backends.{self.backend}.{self.what} is off, but {found}: with it {effect}, in world"
            f" 0 simulated again (--set '{self.setting}')"
        )


def levers(case: Case, scenario: Scenario, seed: int) -> Iterator[Lever]:
    """Levers of a scenario that would be worth turning on."""
    design = scenario.typical_design()
    if not _repeats(design):
        return
    settings = list(_off(scenario))
    if not settings:
        return
    simulate = _world_zero(seed)
    now = simulate(scenario)
    if now["requests"] > MOST_REQUESTS:
        return
    for backend, what, setting in settings:
        try:
            then = simulate(case.load([setting]))
        except PeakfleetError:
            continue  # what it cannot go together with is not off by mistake
        metric = "peak_hour_ttft_p95_s"
        if what == "prompt_caching":
            own = f"backends.{backend}.cost_usd_per_month"  # where it is not the only one
            metric = own if own in now else "cost_usd_per_month"
        found = Lever(setting, backend, what, now[metric], then[metric], then["cache_hit_rate"])
        if found.saved_share >= WORTH_SAYING:
            yield found


def levers_of(cases: Mapping[str, Case], seed: int | None = None) -> Iterator[tuple[str, Lever]]:
    """Levers of several cases by their labels, each where it is worth turning on first.

    Parameters
    ----------
    cases : mapping of str to Case
    seed : int, optional
        By default that of each case.
    """
    said = set()
    for label, case in cases.items():
        scenario = case.load()
        for lever in levers(case, scenario, scenario.seed if seed is None else seed):
            if lever.setting not in said:
                said.add(lever.setting)
                yield label, lever


def _repeats(design: Design) -> bool:
    """Whether prompts begin with what was said before."""
    return any(map(_repeats_itself, design.workloads))


def _repeats_itself(workload: Workload) -> bool:
    """Whether a workload's tasks have several calls, or its trace tells what belongs together."""
    source = workload.source
    if isinstance(source, TraceSource):
        return source.trace.session is not None or source.trace.prefixes is not None
    tasks = getattr(source, "follow_ups", None)
    return tasks is not None and tasks.calls.mean() > 1


def _off(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Backends without a memory of prompts: name, key, and the setting that gives them one."""
    for name, backend in scenario.model.backends.items():
        if isinstance(backend, ManagedApi) and backend.prompt_caching is None:
            price = backend.price
            if price is not None and price.cached_input is not None:
                yield name, "prompt_caching", f"backends.{name}.prompt_caching={{}}"
        elif isinstance(backend, GpuPool) and backend.prefix_cache is None:
            yield name, "prefix_cache", f"backends.{name}.prefix_cache={{}}"


def _world_zero(seed: int) -> Simulate:
    # Here, for it brings the compiler.
    from sim.montecarlo.replication import replicate  # noqa: PLC0415

    def simulate(scenario: Scenario) -> Figures:
        draws = draw_worlds(scenario.inputs, seed, 1)
        values = {path: float(each[0]) for path, each in draws.items()}
        return replicate(scenario, seed, 0, values).metrics

    return simulate
