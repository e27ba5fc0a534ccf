"""Outcomes made up for tests of money: what was booked, without a simulation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from fleets import pool
from managed_cases import AT_ONCE

from sim.engine.control import FleetLog
from sim.engine.ledger import Ledger
from sim.engine.plane.unfinished import Tasks
from sim.engine.simulation import Outcome, Rental
from sim.engine.state.record import SEQUENCE
from sim.model.design import Design, GpuPool, Horizon
from sim.model.economics import Economics, OneOff
from sim.model.managed import ManagedApi
from sim.model.price import TokenPrice
from sim.model.routing import Leg, Routing
from sim.model.workload import Slo, Workload

MONDAY = datetime(2026, 11, 23)
NO_SOURCE: Any = SimpleNamespace()


def horizon(hours: float = 24.0, bin_s: float = 900.0, start: datetime = MONDAY) -> Horizon:
    return Horizon(start, hours * 3_600.0, 0.0, bin_s)


def workload(
    name: str = "chat", *backends: str, economics: Economics | None = None, **changes: Any
) -> Workload:
    """A workload that may come to any of the backends."""
    route = Routing(tuple(Leg(backend) for backend in backends), **changes)
    return Workload(
        name, NO_SOURCE, backends[0], Slo(), routing=route, economics=economics or Economics()
    )


def api(price: TokenPrice, name: str = "api", **changes: Any) -> ManagedApi:
    return ManagedApi(name, AT_ONCE, price, **changes)


def gpus(price: Any, gpus_per_replica: int = 1, name: str = "pool", replicas: int = 1) -> GpuPool:
    base = pool(name=name, replicas=replicas)
    engine = replace(base.profile, gpus_per_replica=gpus_per_replica)
    return replace(base, profile=engine, price=price)


def design(
    workloads: Sequence[Workload],
    pools: Sequence[GpuPool] = (),
    managed: Sequence[ManagedApi] = (),
    when: Horizon | None = None,
    one_off: OneOff | None = None,
) -> Design:
    return Design(
        "made up", when or horizon(), tuple(workloads), tuple(pools), tuple(managed), one_off
    )


def nothing_happened(what: Design, rentals: Sequence[Rental] = ()) -> Outcome:
    """An outcome in whose ledger everything can be booked by hand."""
    ledger = Ledger(what.horizon.edges_s, len(what.workloads), len(what.pools), len(what.backends))
    return Outcome(
        ledger=ledger,
        rentals=tuple(rentals),
        logs=tuple(FleetLog(0.0, one.replicas) for one in what.pools),
        in_flight=np.zeros(0, SEQUENCE),
        waiting_at_start=np.zeros(len(what.pools), np.int64),
        requests=np.zeros(0, SEQUENCE),
        tasks_in_flight=Tasks(np.zeros(0, np.int64), np.zeros(0)),
        arrived_s=0.0,
        is_drained=False,
    )


def book(
    outcome: Outcome,
    at: tuple[Any, ...],
    answers: int | npt.NDArray[np.int64],
    prompt: int = 0,
    output: int = 0,
    cached: int = 0,
    written: int = 0,
) -> None:
    """Answers of one length.

    ``at`` is (workload, backend, billing, bin), any of which may be a slice.
    """
    usage, (who, where, _, when) = outcome.ledger.usage, at
    usage["attempts"][who, where, 0, when] += answers
    usage["answers"][at] += answers
    for name, tokens in (
        ("prompt_tokens", prompt),
        ("output_tokens", output),
        ("cached_tokens", cached),
        ("written_tokens", written),
    ):
        usage[name][at] += answers * tokens
    booked = outcome.ledger.workloads
    for name in ("requests", "completed", "tasks", "tasks_completed"):
        booked[name][who, when] += answers
    for name, tokens in (("prompt_tokens", prompt), ("output_tokens", output)):
        booked[name][who, when] += answers * tokens


def rent(replicas: int, hours: float, index: int = 0) -> list[Rental]:
    """Replicas that are there from the start."""
    return [Rental(index, 0.0, hours * 3_600.0)] * replicas
