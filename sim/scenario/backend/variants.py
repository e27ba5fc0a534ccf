"""Variants: several pools behind one router, and perhaps one autoscaler: the keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from pydantic import Field

from sim.model.variants import VariantRouter
from sim.scenario.backend import autoscaler
from sim.scenario.backend.autoscaler import Autoscaler, joint
from sim.scenario.backend.gateway import Gateway
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.replicas import Replicas
from sim.scenario.values.fields import JsonSchema, Reads, number_schema, one_of
from sim.scenario.values.numbers import Number, Quantity, document_of, extent
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

SPEED, COST = "speed", "cost"
FILLS: Final = ("cheapest", "in_order")
WEIGHT: Final = Quantity("factor", least=0.01, most=1000)


@dataclass(frozen=True, slots=True)
class Weights:
    """What a replica of each variant takes: by its speed or its cost, or as given."""

    by: str = SPEED
    given: tuple[tuple[str, Number], ...] = ()

    def document(self) -> Any:
        """As plain data."""
        return {name: document_of(each) for name, each in self.given} or self.by


def weighing() -> Reads:
    """``speed``, ``cost``, or a number for each pool."""
    return Reads(_read_weights, _weights_schema)


def _read_weights(raw: Any, spot: Spot) -> Weights | None:
    if isinstance(raw, str) and raw in (SPEED, COST):
        return Weights(raw)
    if not isinstance(raw, dict) or not raw:
        remedy = "such as speed, or {h100: 3, l40s: 1}"
        spot.wrong(f"{shown(raw)} must be speed, cost or a weight for each pool", remedy)
        return None
    each = {name: _read_weight(value, spot.below(name)) for name, value in raw.items()}
    return Weights("given", tuple((n, w) for n, w in each.items() if w is not None))


def _read_weight(raw: Any, spot: Spot) -> Number | None:
    if raw == 0:
        spot.wrong("0 leaves its replicas without a request", "give a weight above 0, or remove it")
        return None
    return read_number(raw, WEIGHT, spot)


def _weights_schema() -> JsonSchema:
    given = {"type": "object", "additionalProperties": number_schema(WEIGHT), "minProperties": 2}
    return {"anyOf": [{"enum": [SPEED, COST]}, given]}


class Variants(Model):
    """Pools of several services that serve one model, such as H100 beside L40S, as one backend."""

    pools: Annotated[list[Text], Field(min_length=2)]
    """The pools of GPUs among the backends that are its variants, such as [h100, l40s]. Each has
    its service, replicas, price, cold start and failures, and requests come by the name of this."""
    weights: Annotated[Weights, weighing()] | None = None
    """What a replica of each takes beside the others: speed, by the requests of the workloads that
    it could answer in full batches; cost, by its price; or a weight for each, such as {h100: 3,
    l40s: 1}. Default speed."""
    router: Annotated[VariantRouter, one_of(*get_args(VariantRouter))] = "least_loaded"
    """How a request finds its replica, of whichever variant. By loads a replica of weight 3 counts
    as three; random and round_robin give each its weight's share; prefix goes to what is cached."""
    fill: Annotated[str, one_of(*FILLS)] = "cheapest"
    """Which variant the autoscaler adds to first, and takes from last: the cheapest by weight, or
    that which pools names first (in_order). It goes on with the next where one has its most, or
    waits for replicas, as the variant autoscaler of llm-d does."""
    autoscaler: Autoscaler | None = None
    """One for all of them, such as {preset: hpa, target_concurrency: 24}: by what all have at once,
    with targets for a replica of the smallest weight; one of three times that counts as three. The
    variants have limits of their own (replicas: {min: 0, max: 8}). Default each its own, if any."""
    gateway: Gateway | None = None
    """What is taken in, held back and turned away before all of them; by default every request is
    taken in and sent to a replica at once."""


def members(variants: Mapping[str, Variants] | None, name: str) -> list[str]:
    """The pools of a backend that has variants."""
    found = (variants or {}).get(name)
    return [] if found is None else list(found.pools)


def only_target(backends: Mapping[str, Any], variants: Mapping[str, Variants] | None) -> str:
    """Where requests go that have no route: the only backend that they may go to."""
    joined = {name for each in (variants or {}).values() for name in each.pools}
    return next(name for name in (*backends, *(variants or {})) if name not in joined)


def scaler_of(
    variants: Mapping[str, Variants] | None, name: str, pool: GpuPool
) -> Autoscaler | None:
    """The autoscaler of a pool: its own, or where all variants have one and it has limits, that."""
    if pool.autoscaler is None and pool.replicas.fixed is None:
        for each in (variants or {}).values():
            if name in each.pools and each.autoscaler is not None:
                return joint()
    return pool.autoscaler


def lent(backends: Mapping[str, Any], variants: Mapping[str, Variants] | None) -> dict[str, Any]:
    """The backends, each variant that the autoscaler of all scales with one of its own."""
    done = dict(backends)
    for each in (variants or {}).values():
        for name in each.pools:
            pool = done.get(name)
            if isinstance(pool, GpuPool):
                scaler = scaler_of(variants, name, pool)
                done[name] = pool.model_copy(update={"autoscaler": scaler})
    return done


def resolved(
    backends: Mapping[str, Any],
    given: Mapping[str, Any],
    variants: Mapping[str, Variants],
    findings: Findings,
) -> tuple[dict[str, Any], dict[str, Variants]]:
    """Backends without what was lent to them, and the variants with their defaults.

    Parameters
    ----------
    backends, given : mapping
        The backends when they are resolved, and before.
    """
    done, told = dict(backends), dict(variants)
    for name, each in told.items():
        lent_to = [p for p in each.pools if given[p].autoscaler is None and done[p].autoscaler]
        for pool in lent_to:
            done[pool] = done[pool].model_copy(update={"autoscaler": None})
        scaler = each.autoscaler
        if scaler is not None:
            limits = [done[pool].replicas for pool in each.pools]
            scaler = _scaler(name, scaler, limits, bool(lent_to), findings)
        _check_alike(name, each, done, findings)
        filled: dict[str, Any] = {"autoscaler": scaler, "weights": each.weights or Weights()}
        told[name] = each.model_copy(update=filled)
    return done, told


def _scaler(
    name: str, scaler: Autoscaler, limits: list[Replicas], scales: bool, findings: Findings
) -> Autoscaler:
    """The autoscaler of all with its defaults."""
    path = ("variants", name)
    if not scales:
        message = "has no variant to scale, as none has limits"
        findings.add((*path, "autoscaler"), message, "such as replicas: {min: 0, max: 8} of a pool")
        return scaler
    ends = [(_end(each, 0), _end(each, 1)) for each in limits]
    least, most = (float(sum(each)) for each in zip(*ends, strict=True))
    own = Findings()
    done, _ = autoscaler.resolved(scaler, Replicas(None, least, max(most, 1.0)), path, own)
    for each in own.found:  # of how many there are in all, no key says anything
        is_count = each.path[:3] == (*path, "replicas")
        findings.add((*path, "pools") if is_count else each.path, each.message, each.remedy)
    assert done is not None
    return done


def _end(replicas: Replicas, at: int) -> float:
    """Fewest or most replicas of a pool that there may be."""
    number = replicas.fixed if replicas.fixed is not None else (replicas.least, replicas.most)[at]
    return 0.0 if number is None else extent(number)[at]


def _check_alike(
    name: str, given: Variants, backends: Mapping[str, Any], findings: Findings
) -> None:
    """Note variants that do not serve the same."""
    first, *others = given.pools
    one = backends[first].service.profile.model
    for index, pool in enumerate(others, start=1):
        other = backends[pool].service.profile.model
        if other != one:
            message = f"'{pool}' serves {other}, and '{first}' {one}"
            remedy = "variants serve one model; for several use a route with shares"
            findings.add(("variants", name, "pools", index), message, remedy)
