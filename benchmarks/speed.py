"""Requests per second: the kernel alone, end to end, and the same M/M/1 in SimPy and in Ciw.

Run with ``python benchmarks/speed.py``. The kernel is warm; the best of three runs counts, since
what disturbs a run only ever slows it down.
"""

import math
import platform
import time
from collections.abc import Callable

import ciw
import numpy as np
import simpy
from fleet import ONE_SERVER, design, lognormal_tokens, pool, rate_per_replica

from sim.engine.plane.plane import DataPlane
from sim.engine.simulation import simulate
from sim.engine.state.status import REACHED
from sim.model.streams import Streams
from sim.model.workload import Slo
from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import timeline

REPEATS = 3
CHUNK = 65_536
LOAD = 0.8  # of the M/M/1


def best_s(work: Callable[[], float]) -> float:
    """Least of the seconds that ``work`` reports over the repeats."""
    return min(work() for _ in range(REPEATS))


def kernel_s(replicas: int, requests: int, output: float = 256.0) -> float:
    """Seconds in the kernel for lognormal 512 in and ``output`` out at about 70 % load."""
    rng = np.random.default_rng(7)
    prompt_tokens = lognormal_tokens(rng, 512, requests)
    output_tokens = lognormal_tokens(rng, output, requests)
    rate_rps = replicas * rate_per_replica(0.7, 512, output)
    arrival_s = np.cumsum(rng.exponential(1 / rate_rps, requests))
    plane = DataPlane([pool(replicas)], [0], [Slo(ttft_s=2.0)])
    return fed_s(plane, arrival_s, prompt_tokens, output_tokens)


def fed_s(plane: DataPlane, arrival_s: np.ndarray, prompt: np.ndarray, output: np.ndarray) -> float:
    """Seconds to feed and simulate the given requests, chunk by chunk."""
    label = np.zeros(CHUNK, np.int32)
    begin = time.perf_counter()
    for first in range(0, len(arrival_s), CHUNK):
        rows = slice(first, first + CHUNK)
        plane.feed(arrival_s[rows], prompt[rows], output[rows], label[: len(arrival_s[rows])])
        plane.advance(math.inf)
    plane.close_feed()
    assert plane.advance(1e15) == REACHED
    return time.perf_counter() - begin


def end_to_end_s(replicas: int) -> tuple[float, float]:
    """Seconds and requests of one simulated day: generation, simulation, statistics."""
    day = design(replicas, days=1)
    begin = time.perf_counter()
    outcome = simulate(day, Streams(7, 0))
    figures = metrics(outcome, day)
    timeline(outcome, day)
    return time.perf_counter() - begin, figures["requests"]


def mm1_kernel_s(customers: int) -> float:
    """The M/M/1 in the kernel; 10,000 tokens of 0.1 ms are a mean service of 1 s."""
    rng = np.random.default_rng(7)
    arrival_s = np.cumsum(rng.exponential(1 / LOAD, customers))
    output = np.ceil(rng.exponential(10_000, customers)).astype(np.int32)
    plane = DataPlane([pool(1, ONE_SERVER)], [0], [Slo()])
    return fed_s(plane, arrival_s, np.ones(customers, np.int32), output)


def mm1_simpy_s(customers: int) -> float:
    """The M/M/1 in plain SimPy: one process per customer."""
    rng = np.random.default_rng(7)
    gaps, services = rng.exponential(1 / LOAD, customers), rng.exponential(1.0, customers)
    env = simpy.Environment()
    server = simpy.Resource(env)
    waits_s = []

    def customer(service_s: float):
        arrived_s = env.now
        with server.request() as turn:
            yield turn
            waits_s.append(env.now - arrived_s)
            yield env.timeout(service_s)

    def arrivals():
        for gap_s, service_s in zip(gaps, services, strict=True):
            yield env.timeout(gap_s)
            env.process(customer(service_s))

    begin = time.perf_counter()
    env.process(arrivals())
    env.run()
    return time.perf_counter() - begin


def mm1_ciw_s(customers: int) -> float:
    """The M/M/1 in Ciw."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(LOAD)],
        service_distributions=[ciw.dists.Exponential(1.0)],
        number_of_servers=[1],
    )
    ciw.seed(7)
    begin = time.perf_counter()
    ciw.Simulation(network).simulate_until_max_customers(customers)
    return time.perf_counter() - begin


def main() -> None:
    """Print all figures."""
    print(f"{platform.machine()}, Python {platform.python_version()}, one core")
    compile_kernels()
    print("\nkernel, 512 tokens in and 256 out, 70 % load")
    for replicas, requests in ((1, 1_000_000), (8, 2_000_000), (64, 2_000_000), (1000, 4_000_000)):
        seconds = best_s(lambda r=replicas, n=requests: kernel_s(r, n))
        print(f"  {replicas:5d} replicas   {requests / seconds / 1e6:6.2f} million requests/s")

    print("\noutput x4 at the same load, 8 replicas")
    requests = 1_000_000
    short_s = best_s(lambda: kernel_s(8, requests))
    long_s = best_s(lambda: kernel_s(8, requests, output=1024))
    print(f"  {long_s / short_s - 1:+.0%} time per request")

    print("\nend to end: generation, simulation, statistics")
    for replicas in (8, 64):
        runs = [end_to_end_s(replicas) for _ in range(REPEATS)]
        rate = max(requests / seconds for seconds, requests in runs)
        print(f"  {replicas:5d} replicas   {rate / 1e6:6.2f} million requests/s")

    print(f"\nthe same M/M/1 at {LOAD:.0%} load, customers per second")
    ours = 2_000_000 / best_s(lambda: mm1_kernel_s(2_000_000))
    print(f"  kernel  {ours:12,.0f}")
    for name, run, customers in (("SimPy", mm1_simpy_s, 100_000), ("Ciw", mm1_ciw_s, 20_000)):
        theirs = customers / best_s(lambda run=run, n=customers: run(n))
        print(f"  {name:6s}  {theirs:12,.0f}   kernel x{ours / theirs:.0f}")


if __name__ == "__main__":
    main()
