"""Requests per second of a design with two pools, an API, a cascade and fallbacks.

Run with ``python benchmarks/backends.py``. Seven tenths of the requests begin on a small pool,
whose answers are not good enough in one of ten cases and are made again by a large one; two tenths
begin on the large pool, one tenth at the API. What a pool or the API turns away, and what times
out, goes on to another. The API has a quota and incidents. In the same run, the traffic of the
large pool alone, with clients that wait for ever; the best of three counts.
"""

import platform
import time
from dataclasses import replace

from fleet import PoissonSource, design, pool

from sim.engine.simulation import simulate
from sim.model.client import RETRIES, Client
from sim.model.design import Design
from sim.model.distributions import Exponential, LogNormal
from sim.model.gateway import Gateway
from sim.model.managed import ManagedApi, Outages, Pace, Quota
from sim.model.price import TokenPrice, TokenRates
from sim.model.routing import Leg, Routing
from sim.model.streams import Streams
from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import timeline

REPEATS = 3
REPLICAS = 8
DAYS = 0.1

API = ManagedApi(
    "api",
    Pace(LogNormal(-0.5, 0.2), LogNormal(4.5, 0.1)),
    TokenPrice(TokenRates(2.5, 10.0, cached_input=1.25)),
    Quota(requests_per_min=3_000, tokens_per_min=2_000_000),
    outages=Outages(Exponential(3_600.0), Exponential(600.0)),
)


def alone() -> Design:
    """One pool."""
    return design(REPLICAS, DAYS)


def routed() -> Design:
    """Two pools and an API for the traffic of both."""
    day = alone()
    chat = day.workloads[0]
    large = replace(pool(REPLICAS), name="large", gateway=Gateway(max_queue=200))
    small = replace(pool(REPLICAS), name="small", gateway=Gateway(max_queue=200))
    source = chat.source
    assert isinstance(source, PoissonSource)
    route = Routing(
        (Leg("small", 0.7, escalates_to="large", escalation_share=0.1), Leg("large", 0.2),
         Leg("api", 0.1)),
        fallback=("api", "large"),
        overflow_queue=100,
    )  # fmt: skip
    client = Client(ttft_timeout_s=10.0, timeout_s=120.0, retry=RETRIES["openai-sdk"])
    mixed = replace(
        chat,
        source=replace(source, rate_rps=1.5 * source.rate_rps),
        pool="small",
        routing=route,
        client=client,
    )
    return replace(day, workloads=(mixed,), pools=(large, small), managed=(API,))


def end_to_end(day: Design) -> tuple[float, dict[str, float]]:
    """Requests per second of generation, simulation and statistics; and the figures."""
    begin = time.perf_counter()
    outcome = simulate(day, Streams(7, 0))
    figures = metrics(outcome, day)
    timeline(outcome, day)
    return figures["requests"] / (time.perf_counter() - begin), figures


def main() -> None:
    """Print the two rates and their ratio."""
    print(f"{platform.machine()}, Python {platform.python_version()}, one core")
    compile_kernels()
    designs = {"one pool": alone(), "two pools and an API": routed()}
    rates = dict.fromkeys(designs, 0.0)
    figures: dict[str, dict[str, float]] = {}
    for _ in range(REPEATS):  # in turn, so that what disturbs the one disturbs the other
        for name, day in designs.items():
            rate, figures[name] = end_to_end(day)
            rates[name] = max(rates[name], rate)
    print("\nend to end: generation, simulation, statistics")
    for name, rate in rates.items():
        requests = figures[name]["requests"]
        print(f"  {name:20s} {requests:,.0f} requests   {rate / 1e6:5.2f} million requests/s")
    print(f"  ratio   {rates['two pools and an API'] / rates['one pool']:.2f}")
    print("\nwhat happened")
    for name in ("attempts", "retries", "fallbacks", "escalations", "timed_out", "completed"):
        print(f"  {figures['two pools and an API'].get(name, float('nan')):,.0f} {name}")


if __name__ == "__main__":
    main()
