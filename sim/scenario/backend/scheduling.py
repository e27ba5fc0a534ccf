"""Order in which an engine takes those that wait: the keys, and the scheduling that they make."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import Field

from sim.model import scheduling as model
from sim.model.design import GpuPool
from sim.model.gateway import FULL_QUEUE
from sim.model.scheduling import AGES, SHEDDABLE, TAKES_AFTER_S, Order
from sim.model.workload import Workload
from sim.scenario.values.fields import Reads, number, one_of
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Abbreviated, Factor
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import shown

ORDER: Final = one_of(*get_args(Order))
Preemption = Literal["memory", "places"]
OF_ORDERS: Final = {  # keys that have a meaning in some orders only
    "preemption": tuple(order for order in get_args(Order) if order != "fcfs"),
    "ageing": AGES,
    "prediction_error": ("shortest_predicted", "fair"),
    "weights": ("fair",),
}


class Scheduling(Abbreviated):
    """Whom the engine of a replica takes next of those that wait there."""

    main: ClassVar[tuple[str, Reads]] = ("order", ORDER)

    order: Annotated[Order, ORDER]
    """The most urgent class (priority of workloads) goes first but in fcfs, which takes who came
    first of all. Of a class, priority takes who came first, as vLLM's --scheduling-policy priority;
    shortest_predicted whose answer is predicted to be shortest; deadline whose deadline is next
    (deadline, or else the nearest of ttft and e2e in slo; who has none goes last); fair whose
    tenant has had the fewest tokens for its weight, those of answers counted twice."""
    preemption: Annotated[Preemption, one_of(*get_args(Preemption))] = "memory"
    """Who leaves for whom. memory: where those that run lack KV blocks for their next tokens, the
    last by order leaves, as in vLLM. places: who waits also takes place and KV blocks of those of
    lower classes that run, as in SGLang with --enable-priority-scheduling. Who leaves computes
    again what it had in the cache, but for what it finds there. Default memory."""
    preempt_after: Annotated[Number, number("duration", least=0, most=366 * 86_400.0)] | None = None
    """How long it waits before it takes places, with preemption: places; 0s as in SGLang. In most
    waits a place becomes free anyway, and what leaves is computed again: at once nearly all work of
    lower classes may be. Default 1s."""
    ageing: Annotated[Number, number("duration", above=0, most=366 * 86_400.0)] | None = None
    """Guard against starvation: waiting so long makes up for one class, and for 1,000 predicted
    tokens. A request is never passed by one of the class before it that came later by more. Default
    none: then lower classes may wait for ever."""
    prediction_error: Annotated[Number, number("factor", least=0, most=10)] | None = None
    """Of predicted answers: standard deviation of the logarithm of predicted over true length, 0.5
    where two of three are within a factor of 1.65; drawn once for a request. Default 0."""
    weights: Annotated[dict[str, Factor], Field(min_length=1)] | None = None
    """Shares of tenants by name, such as {acme: 2}; default 1 each. A workload is a tenant of its
    own unless it names one (tenant)."""


def order_of(backend: Any) -> Any:
    """The order of a pool as it is written, as plain data."""
    given = backend.get("scheduling") if isinstance(backend, dict) else None
    return given.get("order") if isinstance(given, dict) else given or "fcfs"


def is_ordered(backend: Any) -> bool:
    """Whether the lines of a backend's replicas have an order of their own."""
    given = getattr(backend, "scheduling", None)
    return given is not None and given.order != "fcfs"


def check(path: Path, backend: Mapping[str, Any], findings: Findings) -> None:
    """Note keys that mean nothing in an order, and places that are taken where nobody waits."""
    given, order = backend.get("scheduling"), order_of(backend)
    if backend.get("adapters") is not None and order != "fcfs":
        message = f"{order} goes beside adapters, whose requests pass those that find no slot"
        findings.add((*path, "scheduling"), message, "remove one of them")
    if not isinstance(given, dict) or order not in get_args(Order):
        return
    for key, orders in OF_ORDERS.items():
        if given.get(key) not in (None, "memory") and order not in orders:
            message = f"has no meaning in the order {order}"
            remedy = f"give order: {' or '.join(orders)}"
            findings.add((*path, "scheduling", key), message, remedy)
    if given.get("preempt_after") is not None and given.get("preemption") != "places":
        message = "has no meaning where nobody takes places"
        findings.add((*path, "scheduling", "preempt_after"), message, "add preemption: places")
    gateway = backend.get("gateway")
    is_central = isinstance(gateway, dict) and gateway.get("queue") == "central"
    if given.get("preemption") == "places" and is_central:
        message = "places has no meaning where requests wait before the replicas, which have room"
        findings.add((*path, "scheduling", "preemption"), message, "give the gateway queue: push")


def check_rules(
    data: Mapping[str, Any], workloads: Iterable[tuple[Path, Mapping[str, Any]]], findings: Findings
) -> None:
    """Note what workloads and pools say of an order that is not there."""
    backends = data.get("backends")
    pools = backends if isinstance(backends, dict) else {}
    handed = {
        handoff["to"]
        for each in pools.values()
        if isinstance(each, dict)
        and isinstance(handoff := each.get("handoff"), dict)
        and isinstance(handoff.get("to"), str)
    }
    given = list(workloads)
    shares = any(order_of(each) == "fair" for each in pools.values())
    for path, workload in given:
        if workload.get("tenant") is not None and not shares:
            message = "has no meaning where tenants do not share alike"
            findings.add((*path, "tenant"), message, "add scheduling: fair to a backend")
    tenants = {str(workload.get("tenant") or path[-1]) for path, workload in given}
    for name, pool in pools.items():
        scheduling = pool.get("scheduling") if isinstance(pool, dict) else None
        if not isinstance(scheduling, dict):
            continue
        path = ("backends", name, "scheduling")
        weights = scheduling.get("weights")
        for tenant in weights if isinstance(weights, dict) else ():
            if tenant not in tenants:
                message = f"{shown(tenant)} is the tenant of no workload"
                known_ones = ", ".join(sorted(tenants))
                findings.add((*path, "weights", tenant), message, f"there are {known_ones}")
        if name in handed and scheduling.get("prediction_error"):
            message = "has no meaning where prompts come that another pool has computed"
            findings.add((*path, "prediction_error"), message, "remove it")


def warnings(pool: GpuPool, workloads: Sequence[Workload]) -> Iterator[str]:
    """Advice on an order in which nobody passes anybody."""
    path, rules = f"backends.{pool.name}", pool.scheduling
    classes = {workload.priority for workload in workloads}
    if SHEDDABLE not in classes and pool.gateway.shed_queue != FULL_QUEUE:
        yield f"{path}.gateway.shed_queue: makes no difference, as nobody there is sheddable"
    alike = {
        "priority": len(classes) < 2,
        "fair": len({workload.tenant for workload in workloads}) < 2,
        "deadline": not any(math.isfinite(min(w.slo.ttft_s, w.slo.e2e_s)) for w in workloads),
    }
    given = {
        "priority": "give workloads priority, such as priority: batch",
        "fair": "its workloads are one tenant",
        "deadline": "give workloads a deadline, or ttft or e2e in slo",
    }
    if workloads and alike.get(rules.order):
        yield f"{path}.scheduling: makes no difference; {given[rules.order]}"
    elif rules.takes_places and len(classes) < 2:
        yield f"{path}.scheduling.preemption: makes no difference, as all are of one class"


def compiled(given: Scheduling | None, draws: Mapping[str, float]) -> model.Scheduling:
    """The scheduling in a world."""
    if given is None:
        return model.Scheduling()
    weights = {name: known(weight, draws) for name, weight in (given.weights or {}).items()}
    return model.Scheduling(
        given.order,
        math.inf if given.ageing is None else known(given.ageing, draws),
        0.0 if given.prediction_error is None else known(given.prediction_error, draws),
        given.preemption == "places",
        TAKES_AFTER_S if given.preempt_after is None else known(given.preempt_after, draws),
        tuple(sorted(weights.items())),
    )
