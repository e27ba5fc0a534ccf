"""The arithmetic of leaps: many decode steps of an unchanged batch at once.

While nobody joins or leaves, B sequences decode and K, the tokens in their caches, grows by B each
step, so that n steps take

    T(n) = n·(a + c·K) + c·B·n·(n - 1)/2

seconds: ``step_s`` = a + c·K is the first step, ``growth_s`` = c·B what each step is longer than
the one before.
"""

import math

import numpy as np

from sim.engine.state.jit import compiled, inner
from sim.engine.state.record import Row, SlotArray


@compiled
def duration_s(steps: int, step_s: float, growth_s: float) -> float:
    """T(n)."""
    n = float(steps)
    return n * step_s + growth_s * (0.5 * n * (n - 1.0))


@compiled
def steps_until(seconds: float, step_s: float, growth_s: float, most: int) -> int:
    """Least n >= 1 with T(n) >= ``seconds``, or ``most`` if that is less.

    n is the positive root of the quadratic, in the form that does not cancel; rounding in the root
    is mended by looking at T itself.
    """
    if seconds <= step_s:
        return 1
    if duration_s(most, step_s, growth_s) < seconds:
        return most
    half_growth = 0.5 * growth_s
    linear = step_s - half_growth
    root = 2.0 * seconds / (linear + math.sqrt(linear * linear + 4.0 * half_growth * seconds))
    n = min(max(math.ceil(root), 1), most)
    while n > 1 and duration_s(n - 1, step_s, growth_s) >= seconds:
        n -= 1
    while n < most and duration_s(n, step_s, growth_s) < seconds:
        n += 1
    return n


@compiled
def blocks_needed(phase: SlotArray, step: int, steps: int, batch: int, shift: int) -> int:
    """KV blocks that the batch takes over the ``steps`` steps from step number ``step``.

    Whole cycles of the block length, 2 to the power of ``shift``, take one block per sequence; of
    the rest each phase counts that comes up. All phases are looked at, with no branch: processors
    take several at a time.
    """
    mask = (1 << shift) - 1
    rest = np.int32(steps & mask)
    first = np.int32(-step & mask)
    blocks = np.int32(0)
    for at in range(len(phase)):
        blocks += phase[at] * np.int32(((first - np.int32(at)) & np.int32(mask)) < rest)
    return (steps >> shift) * batch + int(blocks)


@compiled
def steps_until_full(
    phase: SlotArray, step: int, batch: int, shift: int, free: int, most: int
) -> int:
    """Steps that can be taken with ``free`` blocks before one more would not fit, at most ``most``.

    Whole cycles first, then at most as many looks as a block has tokens.
    """
    mask = (1 << shift) - 1
    cycles = free // batch
    steps = cycles << shift
    if steps >= most:
        return most
    left = free - cycles * batch
    while steps < most:
        left -= phase[-(step + steps) & mask]
        if left < 0:
            break
        steps += 1
    return steps


@inner
def whole_steps(units: int, pool: Row) -> int:
    """Of units those that are of whole steps."""
    return units // pool.advance * pool.advance
