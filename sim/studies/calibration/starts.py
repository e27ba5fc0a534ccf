"""Where a fit begins: the law by closed form, from means of runs and windows of steps.

In a run with L requests in flight, prompts of p tokens and answers of g, a step carries L/g
prompts, so that the time per token is nearly

    a(L) + c·L·(p + g/2) + L/g · (d0 + d1·p + d2·p²/2),

and a request that waits for nothing has its first token after the front end, a step and its own
prefill. Windows of logged steps give the same form, row by row (single steps do not: with two in
flight, time moves between neighbours). All is linear in the coefficients: least squares of relative
errors, with none below 0, held weakly to what physics would guess.

Guesses are in proportion to the time of a step with one sequence, which is about that of reading
the weights: a token in the caches is read like weights, some 8e-6 of theirs (131 kB of 16 GB for
Llama 3.1 8B); a prompt's token costs some 4e-3 of it, and its square 3e-7.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from sim.errors import PeakfleetError
from sim.model.measured import StepLog
from sim.studies.calibration.figures import is_saturated
from sim.studies.calibration.script import Script

FloatArray = npt.NDArray[np.float64]

WINDOW = 20  # logged steps
GUESS = (8e-6, 0.15, 4e-3, 3e-7)  # c, d0, d1, d2 as multiples of a step's time
WEAK = 0.02  # weight of a guess beside a measured row: it may be far off
FIRM = 1.0  # ... of d0 and d2: waiting behind others' prompts looks like the one or the other
FIRST_TOKEN_USERS = 16.0  # up to which a first token waits for little


@dataclass(frozen=True, slots=True)
class Start:
    """Coefficients to begin with, in SI: see :mod:`sim.model.profile`."""

    base_s: FloatArray
    c: float
    d0: float
    d1: float
    d2: float
    overhead_s: float


def knots(scripts: Sequence[Script], ranks: int = 1, most: int = 9) -> list[int]:
    """Batches at which a(B) is fitted: 1 and those of the runs, the largest among them.

    They are those of one of so many ranks, which share the requests. Where requests waited for a
    place, the batch was another, unless all runs are so.
    """
    flowing = [each for each in scripts if not is_saturated(each.run)] or scripts
    seen = sorted({1, *(max(round(each.in_flight / ranks), 1) for each in flowing)})
    if len(seen) > most:
        places = np.linspace(0, len(seen) - 1, most).round().astype(int)
        seen = [seen[at] for at in places]
    kept: list[int] = []
    for batch in seen:  # no two so near that nothing tells them apart
        if not kept or batch >= 1.4 * kept[-1]:
            kept.append(batch)
    return [*kept[:-1], seen[-1]] if len(kept) > 1 else kept


def start(scripts: Sequence[Script], at: Sequence[int], ranks: int = 1) -> Start:
    """The law by closed form, a(B) at some batches of a rank."""
    rows = [row for each in scripts for row in _rows_of_run(each, at, ranks)]
    for each in scripts:
        if each.run.steps is not None:
            rows += _rows_of_steps(each.run.steps, at)
    if not rows:
        raise PeakfleetError(
            "no run has a time per output token: give files with TPOT, or with single requests"
        )
    matrix = np.array([row for row, _ in rows])
    values = np.array([value for _, value in rows])
    quickest = float(values[matrix[:, len(at) + 5 - 1] == 0].min(initial=np.inf))
    quickest = quickest if math.isfinite(quickest) else float(values.min())
    scaled, wanted = matrix / values[:, None], np.ones(len(values))
    held, aims = _held(len(at), quickest)
    solution, _ = optimize.nnls(np.vstack([scaled, held]), np.concatenate([wanted, aims]))
    floors = np.array([0.3 * quickest] * len(at) + [0.3 * g * quickest for g in GUESS] + [1e-4])
    solution = np.maximum(solution, floors)
    base_s = np.maximum.accumulate(solution[: len(at)])
    c, d0, d1, d2, overhead_s = (float(each) for each in solution[len(at) :])
    return Start(base_s, c, d0, d1, d2, overhead_s)


def _held(count: int, quickest: float) -> tuple[FloatArray, FloatArray]:
    """Rows that hold coefficients to guesses, and neighbours of a(B) to each other."""
    guesses = np.array([g * quickest for g in GUESS])
    held = np.zeros((len(GUESS) + count, count + 5))
    aims = np.zeros(len(held))
    for row, (guess, weight) in enumerate(zip(guesses, (WEAK, FIRM, WEAK, FIRM), strict=True)):
        held[row, count + row] = weight / guess
        aims[row] = weight
    for at in range(count):
        held[len(GUESS) + at, at] = 0.03 / quickest
        aims[len(GUESS) + at] = 0.03
    return held, aims


def _rows_of_run(script: Script, at: Sequence[int], ranks: int) -> list[tuple[FloatArray, float]]:
    run, load = script.run, script.in_flight / ranks
    prompt, output = _mean_lengths(script)
    step = _base(load, at)
    chunk = prompt * (1 - script.hit_rate)
    prefill = np.array([1.0, chunk, chunk * (prompt - chunk / 2)])
    rows = []
    tpot_s = run.statistic("tpot_s", "mean")
    if math.isfinite(tpot_s) and tpot_s > 0:
        kv = load * (prompt + output / 2)
        rows.append((np.concatenate([step, [kv], prefill * load / output, [0.0]]), tpot_s))
    ttft_s = run.statistic("ttft_s", 50.0)
    ttft_s = ttft_s if math.isfinite(ttft_s) else run.statistic("ttft_s", "mean")
    if math.isfinite(ttft_s) and ttft_s > 0 and load <= FIRST_TOKEN_USERS:
        row = np.concatenate([1.5 * step, [load * prompt], prefill, [1.0]])
        rows.append((row, ttft_s))
    return rows


def _mean_lengths(script: Script) -> tuple[float, float]:
    return float(script.prompt_tokens.mean()), float(script.output_tokens.mean())


def _base(load: float, at: Sequence[int]) -> FloatArray:
    """Weights of a(B) at the knots, which add up to one."""
    return np.array([float(np.interp(load, at, np.eye(len(at))[k])) for k in range(len(at))])


def _rows_of_steps(steps: StepLog, at: Sequence[int]) -> list[tuple[FloatArray, float]]:
    """One row a window of logged steps that came one after the other."""
    period_s = _periods(steps)
    count = len(steps) // WINDOW
    tokens = np.bincount(steps.chunk_step, steps.chunk_tokens, len(steps))
    depth = np.nan_to_num(steps.chunk_depth)
    work = steps.chunk_tokens * (depth + steps.chunk_tokens / 2)
    context = np.bincount(steps.chunk_step, work, len(steps))
    chunks = np.bincount(steps.chunk_step, minlength=len(steps))
    rows = []
    for window in range(1, count):  # the first one holds the beginning
        part = slice(window * WINDOW, (window + 1) * WINDOW)
        value = float(period_s[part].mean())
        kv = float(np.nan_to_num(steps.kv_tokens[part]).mean())
        if not math.isfinite(value) or value <= 0 or kv <= 0:
            continue
        base = _base(float(steps.decoding[part].mean()), at)
        rest = [kv, chunks[part].mean(), tokens[part].mean(), context[part].mean(), 0.0]
        rows.append((np.concatenate([base, rest]), value))
    return rows


def _periods(steps: StepLog) -> FloatArray:
    """Seconds that each step took of the engine's time."""
    if np.isfinite(steps.output_s).all():
        return np.diff(steps.output_s, prepend=steps.output_s[0])
    return steps.step_s
