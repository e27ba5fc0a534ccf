"""Measured sets, predicted out of sample: the table in RESULTS.md.

Run with ``python benchmarks/validation.py DATA [SET ...] [--most N] [--jobs N]``; sets are:

- ``h200``: ``vllm_h200_live``, fitted on ``calibrate/``, predicting the open loops of
  ``development/``;
- ``cpu``: ``vllm_cpu_live``, each concurrency of GuideLLM's sweep from the other runs;
- ``silicon``: ``inferencex_silicon``, ``--most`` aggregated configurations with at least 4
  concurrencies (of those that ``--only`` names by a part), in turn over models, those with the
  fewest requests first; rows with a TTFT of up to 5 s, but those of engines that were told to hold
  requests back (``silicon_rows.py``); each concurrency from the others (of the ends of a sweep,
  too: so it extrapolates). Rows of NVIDIA's gap analyses, which are in the same table, stand apart:
  in many of them first tokens come sooner the more users there are.

Bars: h200 and cpu as in the table; silicon: median absolute error of TPOT 4 % for dense models and
6 % for mixtures of experts, of TTFT 15 %.
"""

import argparse
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from silicon_rows import (
    RENAMED,
    Configuration,
    configurations,
    every_run,
    requests,
    users_of,
    without,
)

from sim.catalog.benchmarks import read_benchmarks
from sim.catalog.hardware import models
from sim.model.measured import MeasuredRun
from sim.model.profile import ServiceProfile
from sim.studies.calibration import Given, calibrate
from sim.studies.calibration.accuracy import comparison, frame_of
from sim.studies.calibration.fitting import MOST_STEPS, nearby
from sim.studies.calibration.script import script
from sim.studies.calibration.study import problem_of
from sim.studies.validation import validate

SETS = ("h200", "cpu", "silicon")
H200 = Given(
    model="llama-3.1-8b",
    gpu="h200-sxm",
    precision="bf16",
    engine="vllm",
    max_num_seqs=256,
    max_num_batched_tokens=8192,
    kv_capacity_tokens=916_816,
    steps_in_flight=2,  # vLLM 0.22.1
)
CPU = Given(
    model="llama-22.8m",
    gpu="epyc-core",
    precision="bf16",
    engine="vllm",
    max_num_seqs=32,
    max_num_batched_tokens=512,
    kv_capacity_tokens=16_384,
)
COLUMNS = (("ttft", "p50"), ("ttft", "p95"), ("tpot", "p50"), ("tpot", "p95"), ("e2e", "p50"),
           ("e2e", "p95"), ("throughput", "mean"))  # fmt: skip
KINDS = ("dense", "mixtures of experts", "NVIDIA's gap analyses")
BETWEEN = (1, 2, 4, 8, 16)  # concurrencies of the CPU set that others enclose, or nearly

Errors = dict[str, float]


def head() -> Iterator[str]:
    """Head of the table of runs."""
    names = [f"{metric.upper()} {which}" for metric, which in COLUMNS[:-1]]
    yield f"| run | {' | '.join(names)} | tokens/s | in band |"
    yield f"|---|{'---|' * (len(COLUMNS) + 1)}"


def row(name: str, profile: ServiceProfile, runs: Sequence[MeasuredRun]) -> str:
    """Errors of one run, in per cent."""
    answer = validate(profile, runs, worlds=40)
    frame = answer.rows
    cells = []
    for metric, which in COLUMNS:
        found = frame[(frame["metric"] == metric) & (frame["statistic"] == which)]["error"]
        cells.append(f"{100 * float(found.iloc[0]):+.1f}" if len(found) else "–")
    inside = f"{100 * answer.coverage:.0f} %" if not math.isnan(answer.coverage) else "–"
    return f"| {name} | {' | '.join(cells)} | {inside} |"


def h200(data: Path) -> Iterator[str]:
    """Open loops from closed ones."""
    folder = data / "vllm_h200_live"
    files = [str(path) for path in sorted(folder.glob("calibrate/*.requests.csv.gz"))]
    profile = calibrate(read_benchmarks(files), H200).profile
    yield "vLLM 0.22 on an H200, fitted on closed loops, predicting open loops (per cent):"
    yield ""
    yield from head()
    for path in sorted(folder.glob("development/*.requests.csv.gz")):
        runs = read_benchmarks([str(path)])
        yield row(runs[0].name, profile, runs)


def cpu(data: Path) -> Iterator[str]:
    """Each concurrency from the others."""
    folder = data / "vllm_cpu_live"
    sweep = sorted(folder.glob("guidellm_c*.json.gz"))
    others = read_benchmarks([str(path) for path in sorted(folder.glob("vllm-bench-*.json.gz"))])
    runs = {path: read_benchmarks([str(path)]) for path in sweep}
    yield "vLLM on a CPU core, each concurrency from the other runs (per cent):"
    yield ""
    yield from head()
    for users in BETWEEN:
        left = [run for found in runs.values() for run in found if run.name == f"c{users}"]
        kept = [run for found in runs.values() for run in found if run.name != f"c{users}"]
        profile = calibrate([*kept, *others], CPU, tried=2).profile
        yield row(f"c{users}", profile, left[:1])


def silicon(data: Path, most: int, jobs: int, only: Sequence[str]) -> Iterator[str]:
    """Each concurrency from the others, over configurations."""
    every = configurations(every_run(data))
    named = {key: runs for key, runs in every.items() if any(o in " ".join(key) for o in only)}
    chosen = spread(named, most)
    names = {key[0] for key, _ in chosen}
    yield (f"InferenceX, {len(chosen)} configurations of {len(names)} models, each concurrency from"
           " the others:")  # fmt: skip
    yield ""
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(left_out, chosen))
    yield "| models | configurations | rows | TPOT, median | mean | TTFT, median | mean |"
    yield "|---|---|---|---|---|---|---|"
    for name in KINDS:
        own = [rows for one, rows in zip(chosen, found, strict=True) if kind(*one) == name]
        errors = {metric: np.abs([e[metric] for rows in own for e in rows])
                  for metric in ("tpot", "ttft")}  # fmt: skip
        if not len(errors["tpot"]):
            continue
        summaries = [reduced(errors[metric]) for metric in ("tpot", "ttft")
                     for reduced in (np.nanmedian, np.nanmean)]  # fmt: skip
        cells = [f"{100 * float(each):.1f} %" for each in summaries]
        yield f"| {name} | {len(own)} | {len(errors['tpot'])} | {' | '.join(cells)} |"


def spread(
    found: dict[Configuration, list[MeasuredRun]], most: int
) -> list[tuple[Configuration, list[MeasuredRun]]]:
    """So many configurations in turn over models, of each those with the fewest requests first."""
    turns: dict[str, int] = defaultdict(int)
    ordered = sorted(found.items(), key=lambda one: sum(map(requests, one[1])))
    placed = []
    for key, runs in ordered:
        placed.append((turns[key[0]], key, runs))
        turns[key[0]] += 1
    placed.sort(key=lambda each: each[0])  # stable: within a turn the quickest first
    return [(key, runs) for _, key, runs in placed[:most]]


def kind(key: Configuration, runs: Sequence[MeasuredRun]) -> str:
    """Of InferenceX's own runs the kind of model; they say how many requests there were."""
    if all(run.drive.requests is None for run in runs):
        return KINDS[2]
    return KINDS[mixture(key)]


def mixture(key: Configuration) -> bool:
    """Whether a model is a mixture of experts."""
    name = RENAMED.get(key[0], key[0]).rsplit("/", 1)[-1].casefold()
    known = [model for model in models().values() if name.startswith(model.name)]
    return any(model.active_params < model.params for model in known)


def left_out(one: tuple[Configuration, list[MeasuredRun]]) -> list[Errors]:
    """Errors of predicting each concurrency of a configuration from the others."""
    key, runs = one
    given = Given(model=RENAMED.get(key[0], key[0]))
    problem = problem_of(runs, given)[0]
    whole = problem.profile(nearby(problem, np.zeros(len(problem.free)), MOST_STEPS))
    found = []
    for users in users_of(runs):
        rest, left = without(runs, users)
        profile = from_the_rest(whole, rest, given)
        frame = frame_of(comparison(profile, [script(run) for run in left]))
        for name in frame["run"].unique():
            own = frame[frame["run"] == name].set_index("metric")["error"]
            found.append({"tpot": float(own["tpot"]), "ttft": float(own["ttft"])})
    print(" ".join(key), f"TPOT {np.median(np.abs([e['tpot'] for e in found])):.1%}",
          f"TTFT {np.median(np.abs([e['ttft'] for e in found])):.1%}", flush=True)  # fmt: skip
    return found


def from_the_rest(
    before: ServiceProfile, rest: Sequence[MeasuredRun], given: Given
) -> ServiceProfile:
    """A fit to the rest alone; it begins where the fit to all ended, to save time."""
    problem = problem_of(rest, given)[0]
    tables = before.step_tables()
    begun = replace(
        before,
        batch=problem.start.batch,
        step_base_s=tuple(float(tables[0][batch]) for batch in problem.start.batch),
        step_s_per_kv_token=(before.step_s_per_kv_token[0],) * len(problem.start.batch),
    )
    x = np.array([_log_ratio(begun, problem.start, name) for name in problem.names])
    return problem.profile(nearby(problem, x, steps=3))


def _log_ratio(here: ServiceProfile, start: ServiceProfile, name: str) -> float:
    from sim.catalog.profile_file import profile_document  # noqa: PLC0415

    key, _, batch = name.partition("@")
    values = []
    for profile in (here, start):
        value = profile_document(profile)[key]
        if batch:
            value = value[profile.batch.index(int(batch))]
        values.append(value[0] if isinstance(value, list) else value)
    return math.log(values[0] / values[1])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=[], help=", ".join(SETS))
    parser.add_argument("--most", type=int, default=1000, help="configurations of InferenceX")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of configurations' names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    for name in asked.sets or SETS:
        lines = {"h200": h200, "cpu": cpu}.get(name)
        rows = silicon(asked.data, asked.most, asked.jobs, asked.only)
        for line in lines(asked.data) if lines else rows:
            print(line, flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
