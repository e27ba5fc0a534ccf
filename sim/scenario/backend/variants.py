"""Variants: several pools behind one router, and perhaps one autoscaler: the keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from pydantic import Field

from sim.model.variants import VariantRouter
from sim.scenario.backend.autoscaler import Autoscaler
from sim.scenario.backend.gateway import Gateway
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.values.fields import JsonSchema, Reads, number_schema, one_of
from sim.scenario.values.numbers import Number, Quantity, document_of
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Finding, Findings, Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

SPEED, COST = "speed", "cost"
FILLS: Final = ("cheapest", "in_order")
WEIGHT: Final = Quantity("factor", least=1e-6, most=1e6)


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
    """The autoscaler of a pool: its own, or that of all variants where it has limits for it."""
    if pool.autoscaler is None and pool.replicas.fixed is None:
        for each in (variants or {}).values():
            if name in each.pools:
                return each.autoscaler
    return pool.autoscaler


def lent(backends: Mapping[str, Any], variants: Mapping[str, Variants] | None) -> dict[str, Any]:
    """The backends, with the autoscaler of all for each variant that has limits for it."""
    done = dict(backends)
    for each in (variants or {}).values():
        for name in each.pools if each.autoscaler is not None else ():
            pool = done.get(name)
            if isinstance(pool, GpuPool) and scaler_of(variants, name, pool) is each.autoscaler:
                done[name] = pool.model_copy(update={"autoscaler": each.autoscaler})
    return done


def resolved(
    backends: Mapping[str, Any],
    given: Mapping[str, Any],
    variants: Mapping[str, Variants] | None,
    findings: Findings,
) -> tuple[dict[str, Any], dict[str, Variants] | None]:
    """Backends without what was lent to them, and the variants with their defaults.

    Parameters
    ----------
    backends, given : mapping
        The backends when they are resolved, and before.
    """
    done, told = dict(backends), dict(variants or {})
    for name, each in told.items():
        taken = [p for p in each.pools if given[p].autoscaler is None and done[p].autoscaler]
        scaler = done[taken[0]].autoscaler if taken else each.autoscaler
        if each.autoscaler is not None and not taken:
            message = "has no variant to scale, as none has limits"
            remedy = "such as replicas: {min: 0, max: 8} of a pool"
            findings.add(("variants", name, "autoscaler"), message, remedy)
        for pool in taken:
            done[pool] = done[pool].model_copy(update={"autoscaler": None})
        _say_once(name, taken, findings)
        _check_alike(name, each, done, findings)
        filled: dict[str, Any] = {"autoscaler": scaler, "weights": each.weights or Weights()}
        told[name] = each.model_copy(update=filled)
    return done, told or None


def _say_once(name: str, pools: Sequence[str], findings: Findings) -> None:
    """What is wrong with an autoscaler that was lent is wrong where it stands."""
    lent_at = {("backends", pool, "autoscaler") for pool in pools}
    found = [
        Finding(("variants", name, "autoscaler", *f.path[3:]), f.message, f.remedy)
        if f.path[:3] in lent_at
        else f
        for f in findings.found
    ]
    findings.found = list(dict.fromkeys(found))


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
