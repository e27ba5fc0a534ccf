"""What an answer rests on: a line for each pool whose profile is not a recent measurement.

And one for each bill that a volume follows from: the requests and tokens it stands for.

Said are the form of a GPU that was taken where none is named, a grade below A, an engine over a
year old, and prompts and contexts beyond what was measured. How old an engine is counts from the
start of the horizon, or from the newest of the built-in profiles, not from today: the same scenario
says the same.
"""

import math
from collections.abc import Iterator

from sim.catalog.apis import api_maker, api_price, api_providers
from sim.catalog.prices import older_than_a_year
from sim.catalog.profiles import is_old, measured_like
from sim.model.design import Design, GpuPool
from sim.model.energy import CAP_ERROR
from sim.model.managed import ManagedApi as Api
from sim.model.profile import ServiceProfile
from sim.model.reach import reach_of
from sim.scenario.backend.gpu_pool import GpuPool as PoolKeys
from sim.scenario.backend.managed import ManagedApi
from sim.scenario.billing import of_bills
from sim.scenario.schema import ScenarioDocument
from sim.scenario.sharing import workloads_of

GRADES = {
    "B": "grade B: an older engine, few points or a loose fit",
    "C": "grade C: measured, but simulations of it are far off its own runs",
}
COMPUTED = "computed, not measured (grade C)"
MANY = 1.05  # times the longest measured, from which on it is said


def footing(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """Lines on the pools of a scenario, as a median world has them."""
    for pool in design.pools:
        keys = document.backends[pool.name]
        assert isinstance(keys, PoolKeys)
        profile = keys.service.profile
        said = [*filter(None, [keys.service.taken])]
        said += [*_of_profile(profile, design), *_of_reach(pool, profile, design)]
        if said:
            yield f"backends.{pool.name}.service ({profile.name}): {'; '.join(said)}"

    for name, backend in document.backends.items():
        if isinstance(backend, ManagedApi):
            yield from _of_host(name, backend)
    yield from of_bills(document, design)
    for served_by in design.backends:
        yield from _of_energy(served_by, document)


def _of_energy(backend: GpuPool | Api, document: ScenarioDocument) -> Iterator[str]:
    """What the energy of a backend rests on, where it is asked for."""
    name, energy = backend.name, backend.energy
    if energy is None:
        return
    if isinstance(backend, Api):
        if math.isnan(energy.wh_per_token):
            yield (
                f"backends.{name}: what others' backends draw is not measured; left out of energy"
                " and carbon (add energy: {wh_per_1k_tokens: ...} to it)"
            )
        return
    law, keys = energy.law, document.backends[name]
    assert law is not None and isinstance(keys, PoolKeys)
    if law.grade in ("B", "C"):
        error = "" if math.isnan(law.error) else f", off by {law.error:.0%} in the mean"
        yield f"backends.{name}.energy ({law.gpu}): grade {law.grade}{error}: {law.source}"
    if keys.power_cap is not None and energy.speed < 1:
        yield (
            f"backends.{name}.power_cap ({law.cap_w:.0f} W): arithmetic at {energy.speed:.0%} of"
            f" its speed, by a law with a mean error of {CAP_ERROR:.0%} (grade C)"
        )


def _of_host(name: str, api: ManagedApi) -> Iterator[str]:
    """At whose price a model is taken that several sell, where the scenario does not say."""
    if api.model is None or api.provider is not None or not (api.price and api.price.source):
        return
    hosts = api_providers(api.model)
    maker = api_maker(api.model)
    if len(hosts) > 1 and maker and api.price.source == api_price(api.model, maker).source:
        others = ", ".join(host for host in hosts if host != maker)
        yield f"backends.{name}.model ({api.model}): at its maker's price ({maker}); also {others}"


def _of_profile(profile: ServiceProfile, design: Design) -> Iterator[str]:
    if profile.grade == "C" and profile.measured is None:
        yield COMPUTED
        if alike := measured_like(profile):
            yield f"there is a measured one: {alike}"
        return
    if profile.grade in GRADES:
        yield GRADES[profile.grade]
    start = design.horizon.start.date()
    if profile.as_of and (is_old(profile) or older_than_a_year(profile.as_of, start)):
        yield f"an engine over a year old ({profile.as_of})"


def _of_reach(pool: GpuPool, profile: ServiceProfile, design: Design) -> Iterator[str]:
    """Prompts and contexts beyond the measured ones."""
    measured = profile.measured
    if measured is None or measured.prompt_tokens is None:
        return
    longest = measured.prompt_tokens[1]
    whole = longest + (measured.output_tokens or (0, 0))[1]
    reaches = [
        reach_of(workload).within(pool.profile.max_model_len)
        for workload in workloads_of(design, pool)
    ]
    prompt = max((each.prompt_tokens for each in reaches), default=0.0)
    context = max((each.context_tokens for each in reaches), default=0.0)
    if prompt > MANY * longest:
        yield f"prompts go to {prompt:,.0f} tokens, measured up to {longest:,}"
    if context > MANY * whole:
        yield f"contexts go to {context:,.0f} tokens, measured up to {whole:,}"
