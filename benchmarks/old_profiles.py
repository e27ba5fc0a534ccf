"""Errors of simulating the rows that the profiles of engines of 2023 and 2024 were fitted to.

Run with ``python benchmarks/old_profiles.py DATA [--write]``: DATA is the folder that holds
``argonne_llm_inference_bench`` and ``splitwise_perf``. Each row is a static batch: so many requests
at once on an idle engine, its front end left out, since the rows are of the engine alone. Argonne's
rows say how long the whole batch took; Splitwise's when the prompts were done, the time per token
and the whole. Left out are rows that the KV cache would not hold, and those of Splitwise's whose
whole is far shorter than its parts: their answers ended early. A profile that is off by more than
its grade allows (in TTFT and TPOT, or in the whole where only that was measured) is of grade C.
``--write`` puts errors and grades into the files of the catalogue.
"""

import argparse
import csv
import gzip
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

import numpy as np

from sim.catalog import profile, profile_names, profiles
from sim.model.measured import Drive, MeasuredRun, RequestLog, Setup, Source
from sim.model.profile import ServiceProfile
from sim.studies.calibration.replay import replays
from sim.studies.calibration.script import Script

FOLDER = Path(profiles.__file__).parent / "data" / "profiles"
ARGONNE_GPUS = {"a100-40g-sxm": "Nvidia A100 GPU", "h100-sxm": "Nvidia H100 GPU",
                "gh200": "Nvidia GH200 GPU", "mi250": "AMD MI250 GPU",
                "max-1550": "Intel PVC GPU"}  # fmt: skip
ARGONNE_ENGINES = {"vllm-2024": "vLLM", "trtllm-2024": "TensorRT-LLM"}
SPLITWISE_GPUS = {"a100-80g-sxm": "a100-80gb", "h100-sxm": "h100-80gb"}
EARLY = 0.9  # of its parts: a whole that is shorter is of answers that ended before
AT_MOST = {"ttft": 0.25, "tpot": 0.10, "e2e": 0.10}  # of grade B
METRICS = ("ttft", "tpot", "e2e", "throughput")


@dataclass(frozen=True, slots=True)
class Batch:
    """A static batch, and what was measured of it: seconds by metric."""

    requests: int
    prompt_tokens: int
    output_tokens: int
    measured: dict[str, float]


def argonne(data: Path, of: ServiceProfile) -> list[Batch]:
    """Rows of a profile: as many tokens out as in."""
    with gzip.open(data / "argonne_llm_inference_bench" / "All_results.csv.gz", "rt") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["Hardware"] == ARGONNE_GPUS[of.gpu]
            and int(row["Num of Hardware"]) == of.gpus_per_replica
            and row["Framework"] == ARGONNE_ENGINES[of.engine]
            and row["Model"].casefold() == f"meta-llama/meta-{of.model}"
        ]
    sizes = [(int(row["Batch Size"]), int(row["Input Output Length"])) for row in rows]
    return [
        Batch(count, tokens, tokens, {"e2e": float(row["Latency"]),
                                      "throughput": count * tokens / float(row["Latency"])})
        for (count, tokens), row in zip(sizes, rows, strict=True)
    ]  # fmt: skip


def splitwise(data: Path, of: ServiceProfile) -> list[Batch]:
    """Rows of a profile: medians of five repeats."""
    alike: dict[tuple[int, int, int], list[dict[str, str]]] = {}
    with gzip.open(data / "splitwise_perf" / "perf_model.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            same = row["model"].replace("llama2", "llama-2"), row["hardware"]
            if same != (of.model, SPLITWISE_GPUS[of.gpu]):
                continue
            if int(row["tensor_parallel"]) == of.gpus_per_replica:
                key = int(row["batch_size"]), int(row["prompt_size"]), int(row["token_size"])
                alike.setdefault(key, []).append(row)
    names = {"ttft": "prompt_time", "tpot": "token_time", "e2e": "e2e_time"}
    return [
        Batch(*key, {ours: 1e-3 * median(float(row[theirs]) for row in rows)
                     for ours, theirs in names.items()})
        for key, rows in alike.items()
    ]  # fmt: skip


def simulated(of: ServiceProfile, batches: Sequence[Batch]) -> list[dict[str, float]]:
    """The same figures of batches, as a profile has them."""
    bare = replace(of, overhead_s=0.0, output_delay_s=0.0, frontend_s_per_request=0.0,
                   frontend_s_per_token=0.0)  # fmt: skip
    logs = replays([(bare, _script(each)) for each in batches])
    return [_figures(log, each) for log, each in zip(logs, batches, strict=True)]


def _figures(log: RequestLog, batch: Batch) -> dict[str, float]:
    first_s, last_s = float(log.ttft_s.max()), float(log.e2e_s.max())
    return {
        "ttft": first_s,
        "tpot": (last_s - first_s) / (batch.output_tokens - 1),
        "e2e": last_s,
        "throughput": batch.requests * batch.output_tokens / last_s,
    }


def _script(batch: Batch) -> Script:
    run = MeasuredRun("batch", Source("", "", "static"), Setup(), Drive(None), clock="engine")
    count = batch.requests
    prompt, output = (
        np.full(count, tokens, np.int32) for tokens in (batch.prompt_tokens, batch.output_tokens)
    )
    return Script(run, np.zeros(count), prompt, output, None, 0.0, math.inf, 1e7, 0.0, float(count))


def own(of: ServiceProfile, data: Path) -> list[Batch]:
    """The batches that a profile was fitted to, but those that it could not have held."""
    rows = splitwise(data, of) if "Splitwise" in of.source else argonne(data, of)
    assert of.measured is not None and of.measured.batch is not None
    return [
        each
        for each in rows
        if each.requests <= of.measured.batch[1]
        and each.output_tokens > 1
        and not ended_early(each)
        and each.prompt_tokens + each.output_tokens <= of.max_model_len
        and each.requests * (each.prompt_tokens + each.output_tokens) <= of.kv_capacity_tokens
    ]


def ended_early(batch: Batch) -> bool:
    """Whether answers were shorter than the row says."""
    if "tpot" not in batch.measured:
        return False
    parts_s = batch.measured["ttft"] + (batch.output_tokens - 1) * batch.measured["tpot"]
    return batch.measured["e2e"] < EARLY * parts_s


def grade(of: ServiceProfile, found: dict[str, float]) -> str:
    """B, as fits by hand are at best, or C."""
    judged = ("ttft", "tpot") if "tpot" in found else ("e2e",)
    return "C" if any(found[metric] > AT_MOST[metric] for metric in judged) else of.grade


def errors(of: ServiceProfile, data: Path) -> tuple[dict[str, float], int]:
    """Mean absolute errors by metric, and over how many rows."""
    batches = own(of, data)
    pairs = list(zip(batches, simulated(of, batches), strict=True))
    found = {
        metric: round(mean(abs(there[metric] / each.measured[metric] - 1) for each, there in pairs
                           if metric in each.measured), 4)
        for metric in METRICS if any(metric in each.measured for each in batches)
    }  # fmt: skip
    return found, len(batches)


def written(text: str, letter: str, found: dict[str, float]) -> str:
    """A profile's file with its grade, and its errors at its end, in place of those it has."""
    kept = re.sub(r"^grade: \w$", f"grade: {letter}", text, flags=re.MULTILINE)
    kept = kept.partition("simulated_error:\n")[0]
    lines = [f"  {metric}: {value}\n" for metric, value in found.items()]
    return kept.rstrip("\n") + "\nsimulated_error:\n" + "".join(lines)


def old() -> Iterator[str]:
    """Names of the profiles."""
    for name in profile_names():
        if name.endswith(("-2023", "-2024")):
            yield name


def main() -> None:
    """Print the errors, and write them if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="into the catalogue's files")
    asked = parser.parse_args()
    for name in old():
        found, count = errors(profile(name), asked.data)
        letter = grade(profile(name), found)
        shown = ", ".join(f"{metric} {value:.1%}" for metric, value in found.items())
        print(f"{letter} {name}: {shown} of {count} rows", flush=True)
        if asked.write:
            path = FOLDER / f"{name}.yaml"
            path.write_text(
                written(path.read_text(encoding="utf-8"), letter, found), encoding="utf-8"
            )


if __name__ == "__main__":
    main()
