"""Variants in a world: what joins which pools, and what a replica of each takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.model import variants as model
from sim.model.autoscaler import Autoscaler
from sim.model.capacity import Offered, needed_s, work_offered
from sim.model.closed import drawn_lengths
from sim.model.design import GpuPool
from sim.model.price import GpuPrice
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.scenario.backend import gateway, scaled
from sim.scenario.backend.replicas import Replicas
from sim.scenario.backend.variants import COST, Variants, Weights
from sim.scenario.values.numbers import known

Draws = Mapping[str, float]

USUAL = Offered(1.0, 1000.0, 1e6, 200.0, 200.0 * 1100.0)  # where no request comes


def compiled(
    variants: Mapping[str, Variants] | None,
    pools: Sequence[GpuPool],
    workloads: Sequence[Workload],
    draws: Draws,
) -> tuple[tuple[GpuPool, ...], tuple[model.Variants, ...]]:
    """Pools behind the gateways of all, and what joins them, in a world."""
    done, joined = {pool.name: pool for pool in pools}, []
    for name, each in (variants or {}).items():
        parts = [done[pool] for pool in each.pools if pool in done]
        if len(parts) < len(each.pools):
            continue  # no request comes to it
        own = [one for one in workloads if name in one.route.backends]
        weight = dict(zip(each.pools, _weights(each, parts, own, draws), strict=True))
        least = min(weight.values())
        if each.fill == "cheapest":
            parts.sort(key=lambda pool: usd_per_hour(pool) / weight[pool.name])
        weights = tuple(weight[pool.name] / least for pool in parts)
        scaler = _scaler(each, parts, weights, draws)
        door = gateway.compiled(each.gateway, any(p.autoscaler is not None for p in parts), draws)
        done |= {pool.name: _behind(pool, each, door) for pool in parts}
        order = tuple(pool.name for pool in parts)
        joined.append(model.Variants(name, order, weights, each.router, door, scaler))
    return tuple(done[pool.name] for pool in pools), tuple(joined)


def _behind(pool: GpuPool, given: Variants, door: Any) -> GpuPool:
    """A pool behind the gateway of all, which gives each replica so much at once."""
    if given.gateway is not None and given.gateway.queue == "central":
        limit = float(pool.profile.max_num_seqs)
        limit = limit if given.gateway.replica_limit is None else door.replica_limit
        door = replace(door, replica_limit=limit)
    return replace(pool, gateway=door, router=given.router)


def _scaler(
    given: Variants, parts: Sequence[GpuPool], weights: Sequence[float], draws: Draws
) -> Autoscaler | None:
    """The autoscaler of all, with limits in replicas of the smallest weight."""
    limits = zip(*(pool.limits for pool in parts), strict=True)
    fewest, most = (
        float(int(sum(w * n for w, n in zip(weights, each, strict=True)) + 1e-9)) for each in limits
    )
    return scaled.compiled(given.autoscaler, Replicas(None, fewest, max(most, 1.0)), draws)


def _weights(
    given: Variants, parts: Sequence[GpuPool], workloads: Sequence[Workload], draws: Draws
) -> list[float]:
    rule = given.weights or Weights()
    if rule.given:
        named = dict(rule.given)
        return [known(named[pool.name], draws) for pool in parts]
    if rule.by == COST:
        return [max(usd_per_hour(pool), 1e-6) for pool in parts]
    return [speed(pool, workloads) for pool in parts]


def usd_per_hour(pool: GpuPool) -> float:
    """What a replica costs: at the first of its prices, where there are several."""
    price = pool.price if isinstance(pool.price, GpuPrice) else pool.price.tranches[0]
    return price.usd_per_gpu_hour * pool.gpus_per_replica


def speed(pool: GpuPool, workloads: Sequence[Workload]) -> float:
    """Mean requests of workloads, as many of each, that a replica answers a second at most."""
    each = [offered for workload in workloads if (offered := _mean_request(workload)) is not None]
    each = each or [USUAL]
    needed = sum(float(needed_s(pool.profile, work_offered(pool.profile, one))[0]) for one in each)
    return len(each) / needed if needed > 0 else 1.0


def _mean_request(workload: Workload) -> Offered | None:
    if isinstance(workload.source, TraceSource):
        trace = workload.source.trace
        prompt, output = float(trace.prompt_tokens.mean()), float(trace.output_tokens.mean())
    elif (drawn := drawn_lengths(workload.source)) is not None:
        prompt, output = drawn.prompt.mean_tokens(), drawn.output.mean_tokens()
    else:
        return None
    decoded = max(output - 1.0, 0.0)
    context = decoded * (prompt + decoded / 2)
    return Offered(1.0, prompt, prompt**2, output, context, workload.prefix_hit_rate)
