"""What the cases of published fleets have in common: what was published, and what is simulated."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import sim
from sim.model.profile import ServiceProfile

HERE = Path(__file__).parent
SEEDS = 3
CHUNK = 8_192  # tokens, with which prefill was measured


@dataclass(frozen=True)
class Arm:
    """One way of running a fleet.

    Attributes
    ----------
    name : str
    changes : tuple of str
        Of the scenario.
    """

    name: str
    changes: tuple[str, ...]


def published(data: Path, name: str) -> list[dict[str, str]]:
    """The rows of a table."""
    with (data / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def simulated(scenario: Path, arm: Arm, seed: int) -> sim.Result:
    """The world of a seed, with all of its requests."""
    return sim.run(scenario, *arm.changes, worlds=1, seed=seed, jobs=1, requests=True)


def first_token_s(requests: pd.DataFrame) -> "pd.Series[float]":
    """Of those that had one."""
    return (requests.first_token_s - requests.arrival_s).dropna()


def span(values: Sequence[float], digits: int = 2) -> str:
    """Mean, and least and most where they differ."""
    least, most = (f"{f(values):,.{digits}f}" for f in (min, max))
    return f"{np.mean(values):,.{digits}f}" + ("" if least == most else f" ({least} … {most})")


def off(values: Sequence[float], measured: float) -> str:
    """How far the mean is from what was measured."""
    return f"{100.0 * (float(np.mean(values)) / measured - 1.0):+.0f} %"


def of_prefill(data: Path, **which: str) -> float:
    """The one measured rate of prefill of an engine, tokens a second."""
    rows = published(data.parent / "published_fleets", "llmd_prefill_calibration.csv")
    (row,) = (row for row in rows if which.items() <= row.items())
    return float(row["prefill_tok_s"])


def with_prefill(made: ServiceProfile, tokens_per_s: float) -> ServiceProfile:
    """A computed profile, its prefill of a chunk as fast as measured."""
    step_s = made.step_s(0, 0.0)
    computed_s = CHUNK * (made.prefill_s_per_token + made.prefill_s_per_token_context * CHUNK / 2)
    factor = (CHUNK / tokens_per_s - step_s) / computed_s
    return replace(
        made,
        prefill_s_per_token=made.prefill_s_per_token * factor,
        prefill_s_per_token_context=made.prefill_s_per_token_context * factor,
    )


def write_questions(
    folder: Path,
    times: Sequence[float] | np.ndarray,
    asked: Sequence[tuple[int, int]],
    shared: int,
    own: int,
    answer: int,
    block: int,
) -> None:
    """A trace of questions of groups, with names of the blocks of their prompts."""
    with folder.joinpath("questions.jsonl").open("w") as file:
        for at, (group, question) in zip(times, asked, strict=True):
            names = [group * 1_000 + k for k in range(shared // block)]
            first = 1_000_000 + (group * 1_000 + question) * 1_000
            names += [first + k for k in range(own // block)]
            row = {"timestamp": round(1e3 * at), "input_length": shared + own,
                   "output_length": answer, "hash_ids": names}  # fmt: skip
            file.write(json.dumps(row) + "\n")
