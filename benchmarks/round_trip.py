"""Profiles drawn at random, measured by simulation with noise, and calibrated back.

Run with ``python benchmarks/round_trip.py [profiles] [--jobs N]``: how often coefficients lie
inside their 95 % intervals (93 to 97 % of those that data tell; what only the prior tells is
counted apart), and how far predictions of runs that were not seen are off. 200 profiles take an
hour of one core.
"""

import argparse
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measured_runs import KNOWN, SWEEP, closed, open_loop

from sim.catalog.profile_file import profile_document
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.studies.calibration import Calibration, calibrate
from sim.studies.calibration.accuracy import comparison, simulated_error
from sim.studies.calibration.script import script

NOISE = 0.02  # of each time of a request
WITHIN = 1.96  # standard deviations
TOLD = 0.35  # of a logarithm: a wider error is mostly the prior's


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
        frontend_s_per_request=2e-3 * factor(),
        frontend_s_per_token=40e-6 * factor(),
        output_delay_s=1.5e-3 * factor(),
    )


def trip(number: int) -> tuple[list[tuple[str, float, float]], dict[str, float]]:
    """Name, error and standard deviation of each coefficient; errors of predictions."""
    truth = drawn(number)
    runs = [closed(truth, *each, noise=NOISE, seed=number * 100 + at)
            for at, each in enumerate(SWEEP)]  # fmt: skip
    answer = calibrate(runs, tried=2)
    others = [closed(truth, 16, 1024, 128), closed(truth, 64, 256, 256), open_loop(truth, 6.0)]
    error = simulated_error(comparison(answer.profile, [script(run) for run in others]))
    errors = {name: getattr(error, name) for name in ("ttft", "tpot", "e2e", "throughput")}
    return list(off(answer, truth)), errors


def off(answer: Calibration, truth: ServiceProfile) -> list[tuple[str, float, float]]:
    """How far each coefficient is from the truth, in logarithms."""
    error = answer.profile.joint_error
    assert error is not None
    found, known = profile_document(answer.profile), profile_document(truth)
    rows = []
    for name, sd in zip(error.names, error.relative_sd, strict=True):
        key, _, batch = name.partition("@")
        if batch:
            value = found[key][found["batch"].index(int(batch))]
            right = 1e3 * truth.step_s(int(batch), 0.0)
        else:
            value, right = (v[0] if isinstance(v, list) else v for v in (found[key], known[key]))
        rows.append((name, math.log(value / right), sd))
    return rows


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
        inside = np.mean([abs(error) <= WITHIN * sd for _, error, sd in part])
        print(f"{label}: {len(part)} coefficients, {inside:.1%} inside their 95 % intervals")
    for metric in ("ttft", "tpot", "e2e", "throughput"):
        errors = [each[metric] for _, each in trips]
        print(f"predictions, {metric}: {np.mean(errors):.1%} off in the mean of medians,"
              f" at most {np.max(errors):.1%}")  # fmt: skip


if __name__ == "__main__":
    main()
