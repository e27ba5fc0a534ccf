"""The kernel's arithmetic is that of each operation by itself, whatever a processor could fuse."""

import math
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

from sim.engine.state import jit
from sim.engine.state.inlined import EntryCompiler

HAS_FUSED = llvm.get_host_cpu_features().get("fma", False)


def _worked(numbers: Any, results: Any) -> float:
    """Products that are added to, and a sum: what compilers fuse, and add up in another order."""
    total = 0.0
    for i in range(len(numbers)):
        a, b, c = numbers[i, 0], numbers[i, 1], numbers[i, 2]
        results[i, 0] = a * b + c
        results[i, 1] = c - a * b
        results[i, 2] = a * (1.0 + 0.5 * b) * c + a
        results[i, 3] = math.sqrt(a * a + b * b) / c
        total += a * b
    return total


def _by_hand(numbers: np.ndarray) -> tuple[np.ndarray, float]:
    """The same, one operation of Python after the other."""
    rows, total = [], 0.0
    for a, b, c in numbers.tolist():
        product = a * b
        squares = a * a, b * b
        half = 0.5 * b
        scaled = a * (1.0 + half)
        scaled *= c
        rows.append((product + c, c - product, scaled + a, math.sqrt(sum(squares)) / c))
        total += product
    return np.array(rows), total


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(5).lognormal(0.0, 3.0, (20_000, 3))


def test_no_operation_is_fused_with_another_and_no_sum_taken_in_another_order(numbers):
    results = np.zeros((len(numbers), 4))
    work = jit._compile(_worked, pipeline_class=EntryCompiler)  # as the kernel, but kept nowhere
    total = work(numbers, results)
    expected, sum_ = _by_hand(numbers)
    assert (results == expected).all()
    assert total == sum_
    assert "fmadd" not in next(iter(work.inspect_asm().values()))


@pytest.mark.skipif(not HAS_FUSED, reason="the processor fuses nothing")
def test_what_is_fused_would_be_noticed(numbers):
    fused = numba.njit(error_model="numpy", fastmath={"contract"})(_worked)
    results = np.zeros((len(numbers), 4))
    fused(numbers, results)
    assert "fmadd" in next(iter(fused.inspect_asm().values()))
    assert (results != _by_hand(numbers)[0]).any()
