"""What five seconds of traffic say of a fleet, and what a day says.

Run with ``python benchmarks/short_run.py [requests a second]``. A chat of 200 requests a second, on
average over the week, wants a p99 time to first token below half a second. Its fleet is chosen
twice: as the smallest that keeps this in five seconds of the first morning, from empty; and by
``sim size`` over a day with its peak, in 80 % of worlds. Both are then tried on a day of traffic of
seeds that neither has seen. ``sim size`` refuses the five seconds.
"""

import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

from sim.errors import PeakfleetError
from sim.montecarlo.compilation import compile_kernels
from sim.studies.bench import Bench, bench
from sim.studies.case import Case
from sim.studies.size import Question, size

RATE = 200.0
ASKED = 0.8  # share of worlds
WORLDS, FRESH = 24, 24
SLO_S = 0.5
FIVE_SECONDS = "horizon={start: 2026-11-23, duration: 5s, warm_up: 0s, bin: 1s}"
SCENARIO = """\
name: Two hundred a second
horizon: {{start: 2026-11-23, days: 1}}
workloads:
  chat:
    arrivals:
      requests_per_second: {{lognormal: {{p50: {rate}, p95: {high}}}}}
      shape: azure-chat-2024
    prompt_tokens: {{lognormal: {{mean: 500, p95: 1200}}, max: 8k}}
    output_tokens: {{lognormal: {{mean: 150, p95: 400}}, max: 2k}}
    slo: {{ttft_p99: {slo}s}}
backends:
  pool:
    kind: gpu_pool
    service: llama-3-8b/h100-sxm/tp1/fp16/vllm-2024
    replicas: 1
    router: least_loaded
    price: {{usd_per_gpu_hour: 2.99}}
worlds: {worlds}
"""


def smallest(keeps: Callable[[int], bool]) -> int:
    """The least number of replicas that keeps the SLO, if more always do."""
    high = 1
    while not keeps(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high


def share_kept(ready: Bench, case: Case, worlds: int, seed: int, *overrides: str) -> float:
    """Share of worlds in which the p99 of the scenario is within the SLO."""
    result = ready.run(case.load(overrides), worlds, seed)
    overloaded = result.sample.overloaded()
    return float(np.mean(result.sample.attained("chat", 0.99) & ~overloaded))


def main() -> None:
    """Print the two fleets, and how they do."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    print(f"{platform.machine()}, Python {platform.python_version()}; {rate:g} requests a second")
    compile_kernels()
    with tempfile.TemporaryDirectory() as folder, bench() as ready:
        path = Path(folder, "scenario.yaml")
        text = SCENARIO.format(rate=rate, high=1.3 * rate, slo=SLO_S, worlds=WORLDS)
        path.write_text(text, encoding="utf-8")
        case = Case(path)
        replicas = "backends.pool.replicas={}".format
        naive = smallest(lambda n: share_kept(ready, case, 1, 0, FIVE_SECONDS, replicas(n)) == 1.0)
        try:
            size(Case(path, (FIVE_SECONDS,)), ready, Question(ASKED))
            print("  sim size took the five seconds for enough")
        except PeakfleetError as error:
            print(f"  sim size of 5 s: {error!s}")
        begin = perf_counter()
        answer = size(case, ready, Question(ASKED), worlds=WORLDS, beside=False)
        print(f"  {answer.sentence} ({perf_counter() - begin:,.0f} s)")
        for name, count in (("5 s of traffic", naive), ("sim size", answer.replicas)):
            if count is not None:
                share = share_kept(ready, case, FRESH, 12_345, replicas(count))
                print(
                    f"  {name:15s} {count:4d} replicas keep the SLO in {share:.0%} of {FRESH} fresh"
                    " worlds of a day"
                )


if __name__ == "__main__":
    main()
