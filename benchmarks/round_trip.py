"""Profiles drawn at random, measured by simulation with noise, and calibrated back.

Run with ``python benchmarks/round_trip.py [profiles] [--jobs N]``: how often coefficients lie
inside their 95 % intervals (93 to 97 % of those that data tell; what only the prior tells is
counted apart), and how far predictions of runs that were not seen are off. 200 profiles take an
hour of one core. The files are those of six tools in turn, with single requests.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import benchmark_files as files
from benchmark_files import Run, run_of
from measured_runs import KNOWN, SWEEP, closed, open_loop

from sim.catalog.benchmarks import read_benchmarks
from sim.catalog.profile_file import profile_document
from sim.model.measured import MeasuredRun
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.studies.calibration import Given
from sim.studies.calibration.accuracy import comparison, simulated_error
from sim.studies.calibration.problem import Fit
from sim.studies.calibration.script import script
from sim.studies.calibration.study import fit_of

NOISE = 0.02  # of each time of a request
WITHIN = 1.96  # standard deviations
TOLD = 0.35  # of a logarithm: a wider error is mostly the prior's
WRITERS: dict[str, Callable[[Run, int], str]] = {
    "vllm": lambda run, users: json.dumps(files.vllm_detailed(run, users)),
    "sglang": lambda run, users: json.dumps(
        {**files.sglang_detailed(run), "max_concurrency": users}
    ),
    "guidellm": lambda run, users: json.dumps(files.guidellm(run, users)),
    "aiperf": lambda run, users: files.aiperf_lines(run),
    "inference-perf": lambda run, users: json.dumps(files.inference_perf_requests(run)),
    "csv": lambda run, users: files.csv_requests(run),
}


def drawn(number: int) -> ServiceProfile:
    """An engine at random: every coefficient within a factor of 2 or so of a usual one."""
    rng = Streams(number, 0)("round-trip/profile")

    def factor() -> float:
        return math.exp(0.4 * float(rng.standard_normal()))

    base = np.cumsum([6e-3 * factor(), 0.6e-3 * factor(), 1.4e-3 * factor(), 5e-3 * factor()])
    return replace(
        KNOWN,
        step_base_s=tuple(base.tolist()),
        step_s_per_kv_token=(30e-9 * factor(),) * 4,
        prefill_s_per_request=0.8e-3 * factor(),
        prefill_s_per_token=20e-6 * factor(),
        prefill_s_per_token_context=1.2e-9 * factor(),
        frontend_s_per_request=2.5e-3 * factor(),
        frontend_s_per_token=54e-6 * factor(),
        output_delay_s=1.9e-3 * factor(),
        frontend_s_per_token_from_rest=22e-6 * factor(),
        frontend_s_per_prompt_token_out=1.5e-6 * factor(),
    )


def measured(truth: ServiceProfile, number: int, tool: str, folder: Path) -> list[MeasuredRun]:
    """The runs of a sweep as a tool's files say them, by one tool for each profile."""
    files = []
    for at, each in enumerate(SWEEP):
        run = closed(truth, *each, noise=NOISE, seed=number * 100 + at)
        assert run.requests is not None
        files.append(folder / f"{at}.json")
        files[-1].write_text(WRITERS[tool](run_of(run.requests), each[0]), encoding="utf-8")
    return read_benchmarks([str(file) for file in files])


def trip(number: int) -> tuple[list[tuple[str, float, float]], dict[str, float]]:
    """Name, error and standard deviation of each coefficient; errors of predictions."""
    truth, tool = drawn(number), list(WRITERS)[number % len(WRITERS)]
    with tempfile.TemporaryDirectory() as folder:
        runs = measured(truth, number, tool, Path(folder))
    limits = ("kv_capacity_tokens", "max_num_seqs", "max_num_batched_tokens")
    given = Given(model="m", gpu="g", precision="bf16", engine="vllm",
                  **{name: getattr(truth, name) for name in limits})  # fmt: skip
    fit, _, _ = fit_of(runs, given, tried=2)
    others = [closed(truth, 16, 1024, 128), closed(truth, 64, 256, 256), open_loop(truth, 6.0)]
    error = simulated_error(comparison(fit.profile, [script(run) for run in others]))
    errors = {name: getattr(error, name) for name in ("ttft", "tpot", "e2e", "throughput")}
    rows = list(off(fit, truth))
    inside = [abs(each) <= WITHIN * sd for _, each, sd in rows if sd < TOLD]
    shown = ", ".join(f"{name} {value:.1%}" for name, value in errors.items())
    print(f"{number} {tool}: {sum(inside)} of {len(inside)} inside; off by {shown}", flush=True)
    return rows, errors


def off(fit: Fit, truth: ServiceProfile) -> Iterator[tuple[str, float, float]]:
    """How far each coefficient is from the truth, in logarithms, and its standard deviation."""
    found, known = profile_document(fit.profile), profile_document(truth)
    for name, sd in zip(fit.problem.names, np.sqrt(np.diag(fit.covariance)), strict=True):
        key, _, batch = name.partition("@")
        if batch:
            value = found[key][found["batch"].index(int(batch))]
            right = 1e3 * truth.step_s(int(batch), 0.0)
        else:
            value, right = (v[0] if isinstance(v, list) else v for v in (found[key], known[key]))
        yield name, math.log(value / right), float(sd)


def share(inside: Sequence[bool]) -> str:
    """A share with its 95 % interval (Clopper and Pearson 1934)."""
    found = stats.binomtest(sum(inside), len(inside)).proportion_ci()
    return f"{np.mean(inside):.1%} ({found.low:.1%} … {found.high:.1%})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("profiles", type=int, nargs="?", default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.jobs) as pool:
        trips = list(pool.map(trip, range(asked.profiles)))
    rows = [row for coefficients, _ in trips for row in coefficients]
    for label, part in (
        ("told by the data", [row for row in rows if row[2] < TOLD]),
        ("mostly the prior's", [row for row in rows if row[2] >= TOLD]),
    ):
        inside = [abs(error) <= WITHIN * sd for _, error, sd in part]
        print(f"{label}: {share(inside)} of {len(part)} coefficients in their 95 % intervals")
    for metric in ("ttft", "tpot", "e2e", "throughput"):
        errors = np.array([each[metric] for _, each in trips])
        print(f"predictions, {metric}: {errors.mean():.1%} off in the mean of medians, at most"
              f" {errors.max():.1%}, {(errors < 0.02).mean():.0%} within 2 %")  # fmt: skip


if __name__ == "__main__":
    main()
