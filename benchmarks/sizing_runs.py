"""How often ``sim size`` names a fleet of about 60 replicas, simulating as users do, and which.

Run with ``python benchmarks/sizing_runs.py [studies]``: so many studies (100) of 200 worlds, each
with a seed of its own, at an SLO that is to hold in 95 % of worlds. What is true comes from 4,000
worlds of other seeds. A study is wrong if its fleet keeps the SLO in too few worlds, or if a fleet
that it says to miss would do. ``benchmarks/sizing.py`` has the search alone, in many more settings.
"""

import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.execution import available_cores
from sim.studies.bench import Bench, bench
from sim.studies.case import Case
from sim.studies.size.evidence import Verdict
from sim.studies.size.fleet import design_of, kinds
from sim.studies.size.question import Question
from sim.studies.size.study import size

STUDIES, WORLDS, MANY = 100, 200, 4_000
QUESTION = Question(0.95)
OTHER_SEEDS = 1_000_000
SPREAD = (
    8  # replicas to either side of the fleet named most, among which the true one is looked for
)

PROFILE = """\
model: any
gpu: any
precision: any
engine: any
gpus_per_replica: 1
batch: [1, 8]
step_base_ms: [15, 20]
step_ns_per_kv_token: [0, 0]
prefill_us_per_token: 20
kv_capacity_tokens: 1000000
max_num_seqs: 8
max_num_batched_tokens: 8192
max_model_len: 100000
"""
SCENARIO = """\
name: About sixty
horizon: {{days: 0.0006, warm_up: 10s}}
workloads:
  chat:
    arrivals: {{requests_per_day: {{lognormal: {{p50: 27M, p95: 35M}}}}}}
    prompt_tokens: 200
    output_tokens: {{lognormal: {{mean: 50, p95: 90}}, max: 200}}
    slo: {{ttft_p95: 300ms}}
    route: pool
backends:
  pool:
    kind: gpu_pool
    service: {profile}
    replicas: 60
    throughput_factor: {{normal: {{mean: 1, sd: 0.05}}}}
    price: {{usd_per_gpu_hour: 2.5}}
"""


def written(folder: Path) -> Case:
    """The scenario."""
    profile, path = folder / "engine.yaml", folder / "sixty.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    path.write_text(SCENARIO.format(profile=profile), encoding="utf-8")
    return Case(path)


def named(case: Case, seed: int) -> tuple[int, int, int]:
    """The fleet that a study names (0 for none), the largest said to miss, and worlds simulated."""
    answer = size(case, Bench(1), QUESTION, worlds=WORLDS, seed=seed, beside=False)
    (option,) = answer.options
    assert option.found is not None
    missed = [n for n, each in option.found.tallies.items() if each.verdict is Verdict.MISSES]
    return option.count or 0, max(missed, default=0), answer.simulated_worlds


def least_fleet(case: Case, about: int, own: Bench) -> tuple[int, dict[int, float]]:
    """The least fleet that keeps the SLO in enough of many worlds; the shares that tell."""
    (kind,) = kinds(case, "pool")
    shares: dict[int, float] = {}

    def keeps(count: int) -> bool:
        scenario = kind.scenario(count)
        run = own.run(scenario, MANY, OTHER_SEEDS)
        shares[count] = float(QUESTION.kept(run, design_of(scenario, OTHER_SEEDS), MANY).mean())
        return shares[count] >= QUESTION.probability

    low, high = about - SPREAD, about + SPREAD
    assert keeps(high) and not keeps(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high, dict(sorted(shares.items()))


def main(studies: int) -> None:
    """Print what was named, and what is true of it."""
    compile_kernels()
    with tempfile.TemporaryDirectory() as folder:
        case = written(Path(folder))
        with ProcessPoolExecutor(available_cores()) as pool:
            found = np.array(list(pool.map(partial(named, case), range(studies))))
        fleets, missed, worlds = found.T
        with bench() as own:
            least, shares = least_fleet(case, int(np.median(fleets[fleets > 0])), own)
    for count, share in shares.items():
        print(f"{count} replicas keep the SLO in {share:.1%} of {MANY:,} worlds")
    for count, by in zip(*np.unique(fleets, return_counts=True), strict=True):
        print(f"{count or 'no fleet'} named by {by}")
    too_small, denied = (fleets > 0) & (fleets < least), missed >= least
    wrong = int((too_small | denied).sum())
    low, high = binomtest(wrong, studies).proportion_ci(0.95)
    print(
        f"{(fleets > 0).sum()} of {studies} name a fleet; {wrong} are wrong"
        f" ({low:.1%} to {high:.1%}; {too_small.sum()} too small,"
        f" {denied.sum()} deny one that would do);"
        f" worlds simulated {np.mean(worlds) / WORLDS:.1f} times {WORLDS}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
