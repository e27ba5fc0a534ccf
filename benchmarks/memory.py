"""Peak memory against the horizon and against the number of worlds.

Run with ``python benchmarks/memory.py``. Each case is a process of its own; what counts is the
largest resident set of that process or of one of its workers.
"""

import subprocess
import sys

from sim.montecarlo.compilation import compile_kernels

SCENARIO = """\
name: memory
horizon: {{start: 2026-11-23, days: {days}}}
workloads:
  chat:
    arrivals: {{requests_per_day: {{lognormal: {{p50: {requests}, p95: {more}}}}}, shape: azure-chat-2024}}
    prompt_tokens: {{lognormal: {{mean: 512, p95: 1400}}}}
    output_tokens: {{lognormal: {{mean: 256, p95: 700}}}}
backends:
  pool:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
worlds: {worlds}
"""  # noqa: E501 (a flow mapping)

RUN = """\
import resource, sys, tempfile, pathlib
from sim.scenario import load_scenario
from sim.montecarlo import run
folder = pathlib.Path(tempfile.mkdtemp())
path = folder / "memory.yaml"
path.write_text(sys.argv[1])
run.run(load_scenario(str(path)), jobs=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mib(days: int, worlds: int, requests: int) -> float:
    """Peak resident memory of a run, in MiB."""
    text = SCENARIO.format(days=days, worlds=worlds, requests=requests, more=2 * requests)
    done = subprocess.run(
        [sys.executable, "-c", RUN, text], check=True, capture_output=True, text=True
    )
    kib = int(done.stdout.split()[-1])
    return kib / 1024


def main() -> None:
    """Print both ratios."""
    compile_kernels()
    short, long = peak_mib(6, 2, 100_000), peak_mib(60, 2, 100_000)
    print(f"horizon  6 days {short:6.0f} MiB   60 days {long:6.0f} MiB   x{long / short:.2f}")
    few, many = peak_mib(1, 100, 5_000), peak_mib(1, 1000, 5_000)
    print(f"worlds   100    {few:6.0f} MiB   1,000   {many:6.0f} MiB   x{many / few:.2f}")


if __name__ == "__main__":
    main()
