"""The gateway before a pool: the keys, and the gateway that they make."""

import math
from collections.abc import Mapping
from typing import Annotated, Final, get_args

from sim.model import gateway as model
from sim.model.gateway import OnLoss
from sim.scenario.values.fields import number, one_of
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model

QUEUES: Final = ("push", "central")

Cooldown = Annotated[Number, number("duration", least=0, most=30 * 86_400.0)]


class FlowControl(Model):
    """Flow control as in llm-d: while replicas are full, requests wait at the gateway."""

    full_queue: Annotated[Number, number("count", above=0, most=1e9)] = model.FULL_QUEUE
    """Waiting requests at which a replica counts as full; default 5."""
    full_kv: Annotated[Number, number("share", above=0, most=1)] = model.FULL_KV
    """Filled share of its KV cache at which it does; default 80%."""
    refresh: Annotated[Number, number("duration", least=0.001, most=3600)] = model.REFRESH_S
    """How often the gateway looks at the replicas; default 50ms. The less often, the faster is the
    simulation."""


class Gateway(Model):
    """What is taken in, held back and turned away."""

    max_queue: Annotated[Number, number("count", least=0, most=1e9, integer=True)] | None = None
    """Requests that may wait beyond those that the ready replicas can run at once; more are
    rejected. Default unlimited."""
    retry_after: Annotated[Number, number("duration", above=0, most=30 * 86_400.0)] | None = None
    """Retry-After of a rejection; default none is given."""
    queue: Annotated[str, one_of(*QUEUES)] = "push"
    """Whether requests go to a replica at once and wait there, or in one queue before all."""
    replica_limit: (
        Annotated[Number, number("count", least=1, most=100_000, integer=True)] | None
    ) = None
    """Requests that a replica, or each of its data-parallel ranks, is given at once from the
    central queue; default its max_num_seqs."""
    flow_control: FlowControl | None = None
    """Hold requests while the pool is saturated, and hand them over by priority, as llm-d does; {}
    for its defaults. Saturated is a pool in which the larger of waiting requests over full_queue
    and filled KV cache over full_kv is 1 or more in the mean over its replicas."""
    shed_queue: Annotated[Number, number("count", least=0, most=1e9)] | None = None
    """Requests that wait, in the mean over ready replicas, from which on sheddable ones are turned
    away; default 5, as llm-d's detector has it. With flow_control they are while requests are
    held."""
    on_replica_loss: Annotated[OnLoss, one_of(*get_args(OnLoss))] = "fail"
    """Whether the requests of a replica that dies fail, or are sent again to another one."""


def with_queue(gateway: Gateway | None) -> Gateway:
    """The same with one queue before all replicas, unless it says otherwise."""
    if gateway is None:
        return Gateway.model_construct(queue="central")
    if "queue" in gateway.model_fields_set:
        return gateway
    return gateway.model_copy(update={"queue": "central"})


def compiled(gateway: Gateway | None, holds: bool, draws: Mapping[str, float]) -> model.Gateway:
    """The gateway in a world; it ``holds`` requests while no replica is ready."""
    if gateway is None:
        return model.Gateway(holds=holds)
    return model.Gateway(
        max_queue=_or(gateway.max_queue, math.inf, draws),
        retry_after_s=_or(gateway.retry_after, math.nan, draws),
        replica_limit=_or(gateway.replica_limit, math.inf, draws),
        holds=holds,
        on_loss=gateway.on_replica_loss,
        flow_control=_flow_control(gateway.flow_control, draws),
        shed_queue=_or(gateway.shed_queue, model.FULL_QUEUE, draws),
    )


def _flow_control(
    given: FlowControl | None, draws: Mapping[str, float]
) -> model.FlowControl | None:
    if given is None:
        return None
    return model.FlowControl(
        known(given.full_queue, draws), known(given.full_kv, draws), known(given.refresh, draws)
    )


def _or(number: Number | None, default: float, draws: Mapping[str, float]) -> float:
    return default if number is None else known(number, draws)
