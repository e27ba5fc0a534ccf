"""Mutated benchmark files: each gives runs that are whole, or is refused in one line.

    python benchmarks/fuzz_importers.py [--cases 10000] [--seed 0] [--only vllm]

Small files of every kind that is read are mutated by their structure: values, keys, whole branches,
lines, cells, bytes; and there are files that are none (devices, FIFOs, folders) or bombs. Limits
and faults are those of ``fuzz.py``; a run whose times, counts or load contradict each other is a
fault, too. Prints how many of each kind were read and refused; ends with 1 if there is a fault.
"""

import argparse
import contextlib
import copy
import gzip
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import benchmark_files as files
import fuzz
import numpy as np

from sim.catalog.benchmarks import read_benchmarks
from sim.errors import PeakfleetError
from sim.model.measured import ClosedLoop, MeasuredRun, OpenLoop, RequestLog, StepLog

BATCH = 200
SMALL = files.closed_run(12)
ORIGINALS = {name: write(SMALL) for name, write in files.FILES.items()}
WORDS = [
    "completed", "requests", "metrics", "unit", "mean", "p95", "inf", "Infinity", "NaN", "ms", "s",
    "agg", "vllm:", "poisson", "concurrent", "0", "1e400", "-0.0", "1_000", "٣",
]  # fmt: skip


def mutated(draw: random.Random, name: str) -> bytes:
    """A file of one kind with one to four things changed."""
    text = ORIGINALS[name]
    text = _json(draw, text) if text.startswith(("{", "[")) else _lines(draw, text)
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    if draw.random() < 0.2:
        fuzz.scramble(draw, content)
    if draw.random() < 0.1:
        content = bytearray(gzip.compress(bytes(content), 1))
        if draw.random() < 0.3:
            fuzz.scramble(draw, content)
    return bytes(content)


def _json(draw: random.Random, text: str) -> str:
    """JSON, or lines of it, with values of it changed."""
    try:
        values, is_lines = [json.loads(text)], False
    except ValueError:
        values, is_lines = [json.loads(line) for line in text.split("\n")], True
    if draw.random() < 0.7:
        for _ in range(draw.randint(1, 4)):
            _change(draw, values)
    if not is_lines:
        values = values[:1]
    elif draw.random() < 0.2 and values:
        values = draw.choices(values, k=draw.randint(1, 3))
    return "\n".join(json.dumps(value) for value in values)


def _change(draw: random.Random, values: list[Any]) -> None:
    """Change one thing in place."""
    places = fuzz.paths(values)[1:]
    if not places:
        return
    *above, last = draw.choice(places)
    parent: Any = values
    for key in above:
        parent = parent[key]
    odd = draw.choice([*fuzz.ODD, *WORDS])
    match draw.randrange(7):
        case 0 if isinstance(parent, dict):
            parent[draw.choice([*WORDS, *map(str, parent)])] = copy.deepcopy(odd)
        case 1:
            del parent[last]
        case 2 if isinstance(parent, list):
            parent.insert(int(last), copy.deepcopy(parent[last]))
        case 3 if isinstance(parent[last], (int, float)) and not isinstance(parent[last], bool):
            parent[last] *= draw.choice((-1, 0, 1e-9, 0.5, 3, 1e9, 1e200))
        case 4:
            parent[last] = copy.deepcopy(draw.choice(list(_branches(values))))
        case _:
            parent[last] = copy.deepcopy(odd)


def _branches(value: Any, depth: int = 0) -> list[Any]:
    """Some of the parts of a value."""
    inside = list(value.values()) if isinstance(value, dict) else value
    found = [value] if depth else [None]
    if isinstance(inside, list) and depth < 4:
        for item in inside[:5]:
            found += _branches(item, depth + 1)
    return found


def _lines(draw: random.Random, text: str) -> str:
    """A table or other text with cells and lines changed."""
    lines = text.split("\n")
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(lines))
        match draw.randrange(6):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, draw.choice(lines) if lines else "")
            case 2:
                lines[at] += draw.choice([*fuzz.CELLS, "\n", ",", "{", " 5"])
            case _:
                mark = draw.choice([",", " ", ":", '"', "{", "="])
                cells = lines[at].split(mark)
                cells[draw.randrange(len(cells))] = draw.choice([*fuzz.CELLS, *WORDS])
                lines[at] = mark.join(cells)
        lines = lines or [""]
    return "\n".join(lines)


def wrong_run(run: MeasuredRun) -> str:
    """What about a run that was read cannot be; empty if nothing is."""
    found = [_wrong_drive(run), _wrong_summary(run)]
    texts = (run.name, run.setup.model, run.setup.engine, run.setup.gpu, run.source.tool_version)
    if any(fuzz.is_control(letter) for text in texts for letter in text):
        found.append("a control character in a name")
    if run.requests is not None:
        found.append(_wrong_log(run.requests))
    if run.steps is not None:
        found.append(_wrong_steps(run.steps))
    return next(filter(None, found), "")


def _wrong_drive(run: MeasuredRun) -> str:
    loop = run.drive.loop
    if isinstance(loop, ClosedLoop) and not (loop.users >= 1 and loop.think_s >= 0):
        return f"a loop of {loop}"
    if isinstance(loop, OpenLoop) and not (loop.rate > 0 and math.isfinite(loop.rate)):
        return f"a rate of {loop}"
    for tokens in (run.drive.prompt_tokens, run.drive.output_tokens):
        if tokens is None:
            continue
        ends = (tokens.low or 0.0) <= (math.inf if tokens.high is None else tokens.high)
        if not (0 <= tokens.mean < 1e16 and tokens.sd >= 0 and ends):
            return f"lengths {tokens}"
    return ""


def _wrong_summary(run: MeasuredRun) -> str:
    for name, found in run.statistics.items():
        for value in (found.mean, found.sd, *found.percentiles.values()):
            if not (math.isnan(value) or 0 <= value < 1e16):
                return f"{name} of {value}"
    return ""


def _wrong_log(log: RequestLog) -> str:
    done = log.completed
    if not done.any() or len({len(getattr(log, name)) for name in log.__slots__}) > 1:
        return "no requests, or columns of unequal length"
    times = (log.e2e_s[done], log.input_tokens[done], log.output_tokens[done] - 1)
    if any(not (each >= 0).all() for each in times):
        return "a completed request with a negative time or count"
    if log.has_times and (np.diff(log.sent_s) < 0).any():
        return "requests that are not in order"
    return ""


def _wrong_steps(steps: StepLog) -> str:
    n = len(steps)
    known = steps.step_s[~np.isnan(steps.step_s)]
    if len(steps.chunk_step) and not (steps.chunk_step < n).all():
        return "a chunk of no step"
    return "" if (known >= 0).all() and (steps.decoding >= 0).all() else "a negative step"


def case(name: str, number: int, seed: int) -> tuple[str, str]:
    """Write a case to the current folder and read it: what became of it, and what is wrong."""
    draw = random.Random(f"{seed}/{name}/{number}")
    path = Path(f"case-{number}")
    if draw.random() < 0.02:
        fuzz.odd_file(draw, path)
    else:
        path.write_bytes(mutated(draw, name))
    found: list[MeasuredRun] = []
    wrong = fuzz.fault(lambda: found.extend(read_benchmarks([str(path)])))
    wrong = wrong or next(filter(None, map(wrong_run, found)), "")
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    return ("read" if found else "refused"), wrong


def batch(task: tuple[str, int, int]) -> tuple[str, Counter[str], list[tuple[str, int, str]]]:
    """Run the cases of a batch."""
    name, first, seed = task
    signal.signal(signal.SIGALRM, fuzz._too_long)
    if not fuzz.BOMBS:
        resource.setrlimit(resource.RLIMIT_AS, (fuzz._size() + fuzz.LIMIT_BYTES,) * 2)
        fuzz.BOMBS.extend(fuzz.bombs())
    ends: Counter[str] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number in range(first, first + BATCH):
            signal.alarm(fuzz.HANGS_S)
            end, wrong = case(name, number, seed)
            signal.alarm(0)
            ends[end] += 1
            if wrong:
                faults.append((name, number, wrong))
    return name, ends, faults


def main() -> int:
    """Run all cases; print each fault, and for each kind how many were read and refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="Of each kind of file.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=sorted(ORIGINALS))
    asked = parser.parse_args()
    names = [asked.only] if asked.only else list(ORIGINALS)
    for name in names:  # an original that is refused would hide everything
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "original"
            path.write_text(ORIGINALS[name])
            try:
                read_benchmarks([str(path)])
            except PeakfleetError as error:
                sys.exit(f"{name}: {error}")
    begun, faults = time.monotonic(), 0
    ends: dict[str, Counter[str]] = {name: Counter() for name in names}
    work = [(name, first, asked.seed) for first in range(0, asked.cases, BATCH) for name in names]
    with get_context("forkserver").Pool(asked.jobs, maxtasksperchild=20) as pool:
        for name, found, wrong in pool.imap(batch, work):
            ends[name] += found
            faults += len(wrong)
            for one in wrong:
                print(*one, flush=True)
    for name, found in ends.items():
        print(f"{name:24} {found['read']:7,} read  {found['refused']:7,} refused")
    total = sum(sum(found.values()) for found in ends.values())
    print(f"{total:,} files in {time.monotonic() - begun:.0f} s: {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
