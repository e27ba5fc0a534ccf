"""Small runs of the naive simulator, to compare with what was worked out by hand.

The engine's step takes 1 s whatever it does, so that a request of n output tokens, alone, has its
first token 1 s after it is admitted and its last after n.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from fleets import END_S, pool, profile

from naive.data_plane import NaiveDataPlane
from sim.engine.state import status
from sim.engine.state.backend_record import STANDARD
from sim.model.client import Client, Retry
from sim.model.design import GpuPool
from sim.model.distributions import Constant
from sim.model.gateway import Gateway
from sim.model.managed import ManagedApi, Pace
from sim.model.routing import Leg, Routing
from sim.model.workload import OWN, Chains, Prefixes

PATIENT = Client()
ONE_PLACE = profile(max_num_seqs=1)
KEY = 42


def fleet(engine: Any = ONE_PLACE, replicas: int = 1, **gateway: Any) -> GpuPool:
    """Replicas with one place each, the least loaded first."""
    return pool(engine, replicas, "least_loaded", gateway=Gateway(**gateway))


def plane(
    pool_: GpuPool,
    clients: list[Client],
    *requests: tuple[float, int],
    prompt: int = 1,
    patience_s: list[float] | None = None,
    priorities: list[int] | None = None,
) -> NaiveDataPlane:
    """Requests of (arrival, output tokens), each of a client of its own."""
    naive = NaiveDataPlane([pool_], [0] * len(clients), KEY, clients, priorities)
    arrival_s, output = zip(*requests, strict=True)
    naive.feed(arrival_s, [prompt] * len(output), output, range(len(clients)), patience_s)
    return naive


def served(
    pool_: GpuPool,
    *requests: tuple[float, int, int],
    client: Client = PATIENT,
    fed: dict[str, Any] | None = None,
    until_s: float = END_S,
    **traits: Any,
) -> NaiveDataPlane:
    """After requests of (arrival, prompt tokens, output tokens) of one workload with traits."""
    traits = {name: [trait] for name, trait in traits.items()}
    naive = NaiveDataPlane([pool_], [0], KEY, [client], **traits)
    naive.feed(*zip(*requests, strict=True), [0] * len(requests), **(fed or {}))
    assert naive.advance(until_s) == status.REACHED
    return naive


def api(name: str = "api", ttft_s: float = 2.0, **changes: Any) -> ManagedApi:
    """First tokens after 2 s, each further one a second later."""
    return ManagedApi(name, changes.pop("pace", Pace(Constant(ttft_s), Constant(1.0))), **changes)


def to(*backends: str, **rules: Any) -> Routing:
    """To the first, and on to the others."""
    return Routing((Leg(backends[0], **rules.pop("leg", {})),), backends[1:], **rules)


def routed(
    backends: list[GpuPool | ManagedApi], routing: Routing, client: Client = PATIENT, **traits: Any
) -> NaiveDataPlane:
    """One workload before pools and managed backends."""
    pools = [backend for backend in backends if isinstance(backend, GpuPool)]
    managed = [backend for backend in backends if isinstance(backend, ManagedApi)]
    traits = {name: trait if name == "day_start_s" else [trait] for name, trait in traits.items()}
    return NaiveDataPlane(pools, [0], KEY, [client], managed=managed, routes=[routing], **traits)


def asked(
    naive: NaiveDataPlane, *requests: tuple[float, int, int], until_s: float = END_S, **fed: Any
) -> NaiveDataPlane:
    """After requests of (arrival, prompt tokens, output tokens)."""
    naive.feed(*zip(*requests, strict=True), [0] * len(requests), **fed)
    assert naive.advance(until_s) == status.REACHED
    return naive


def used(naive: NaiveDataPlane, backend: int, billing: int = STANDARD) -> dict[str, int]:
    """What a backend did, but for what it did not."""
    usage = naive.books.usage[0, backend, billing]
    return {what: number for what, number in usage.items() if number}


def chains(*tasks: list[tuple[int, float, int, int]]) -> Chains:
    """Calls of (stage, think time, new tokens, output tokens), task by task."""
    calls = [call for task in tasks for call in task]
    stage, think_s, prompt, output = zip(*calls, strict=True)
    return Chains(
        np.array([len(task) for task in tasks], np.int32),
        np.array(stage, np.int32),
        np.array(think_s, np.float64),
        np.array(prompt, np.int32),
        np.array(output, np.int32),
        np.full(len(calls), OWN, np.int32),
    )


def prefixes(*names: list[int]) -> Prefixes:
    """Names of the blocks of each prompt."""
    return Prefixes(
        np.array([len(own) for own in names], np.int32),
        np.array([name for own in names for name in own], np.int64),
    )


def ran(*arguments: Any, until_s: float = END_S, **options: Any) -> NaiveDataPlane:
    naive = plane(*arguments, **options)
    assert naive.advance(until_s) == status.REACHED
    return naive


def expect(naive: NaiveDataPlane, **columns: list[float]) -> None:
    for name, values in columns.items():
        np.testing.assert_allclose(naive.column(name), values, rtol=1e-12, err_msg=name)


def retrying(base_s: float = 0.5, **changes: Any) -> Client:
    """Without jitter, three times, after everything."""
    return Client(
        retry=replace(
            Retry(max_retries=3, base_s=base_s, jitter="none"), **changes.pop("retry", {})
        ),
        **changes,
    )
