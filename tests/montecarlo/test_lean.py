"""What the compiler is spared: it makes the same machine code, and is as before afterwards."""

import gc
import subprocess
import sys

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from llvmlite import ir as llvm_ir
from numba.core import ir, types
from numba.core.base import BaseContext
from numba.core.compiler import Flags
from numba.core.registry import cpu_target
from numba.core.targetconfig import TargetConfig

from sim.montecarlo.lean import TO_ARRAY, lean

SPARED = (
    (TargetConfig, "values"),
    (TargetConfig, "__hash__"),
    (types.Record, "__repr__"),
    (types.Array, "__repr__"),
    (BaseContext, "get_abi_sizeof"),
    (BaseContext, "get_function"),
    (ir.Inst, "_rec_list_vars"),
)
ROW = numba.from_dtype(np.dtype([("at", np.float64), ("next", np.int32)]))

# Records, arrays, calls, a loop, a power, branches; what is printed is the hash of the object code.
COMPILED = """
import hashlib, sys
import numba
import numpy as np
from contextlib import nullcontext
from sim.montecarlo.lean import lean

@numba.njit(error_model="numpy")
def later(rows, one, by):
    rows[one].at += max(by, 0.5) ** 1.5
    return rows[one].next

@numba.njit(error_model="numpy")
def walk(rows, many):
    one = 0
    for step in range(many):
        one = later(rows, one, float(step) / 3)
        if one < 0:
            break
    return rows["at"][:many].sum() + one

row = numba.from_dtype(np.dtype([("at", np.float64), ("next", np.int32)]))
with lean() if sys.argv[1] == "lean" else nullcontext():
    walk.compile((row[:], numba.int64))
name, kind, data = walk.overloads[walk.signatures[0]].library.serialize_using_object_code()
print(hashlib.sha256(data[0]).hexdigest())
"""


def now() -> list[object]:
    return [owner.__dict__[name] for owner, name in SPARED]


def test_the_machine_code_is_the_same_to_the_byte():
    def made(how: str) -> str:
        command = [sys.executable, "-c", COMPILED, how]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert made("lean") == made("usual") != ""


def test_all_of_it_is_undone_afterwards_also_after_an_error():
    before = now(), gc.get_threshold(), list(llvm.ffi.lib._lock._cblist)
    with pytest.raises(KeyboardInterrupt), lean():
        assert all(spared is not usual for spared, usual in zip(now(), before[0], strict=True))
        assert llvm.ffi.lib._lock._cblist == []
        raise KeyboardInterrupt
    assert (now(), gc.get_threshold(), list(llvm.ffi.lib._lock._cblist)) == before


def test_a_compilation_within_a_compilation_changes_nothing_either():
    before = now()
    with lean(), lean():
        pass
    assert now() == before


def test_a_version_of_numba_that_has_other_parts_goes_without(monkeypatch):
    monkeypatch.delattr(ir.Inst, "_rec_list_vars")
    monkeypatch.delattr(llvm.ffi.lib._lock, "_cblist")
    with lean():
        assert not hasattr(ir.Inst, "_rec_list_vars")
    assert not hasattr(ir.Inst, "_rec_list_vars")


def test_the_answers_are_those_that_numba_gives():
    context = cpu_target.target_context
    twice = llvm_ir.LiteralStructType([llvm_ir.IntType(8), llvm_ir.DoubleType()])
    named = llvm_ir.global_context.get_identified_type("of_this_test")
    flags, others = Flags(), Flags()
    flags.no_compile, others.error_model = True, "numpy"
    place = ir.Loc("here", 1)
    scope = ir.Scope(parent=None, loc=place)
    a, b = (scope.define(name, place) for name in "ab")
    statement = ir.Assign(ir.Expr.call(a, [b, a], (("by", b),), place), b, place)

    def answers() -> list[object]:
        return [
            flags.values(),
            list(flags.values()),
            flags == others,
            flags == flags.copy(),
            hash(flags) == hash(flags.copy()),
            repr(ROW),
            repr(ROW[:]),
            repr(types.float64[:, :]),
            context.get_abi_sizeof(twice),
            context.get_abi_sizeof(llvm_ir.ArrayType(twice, 3)),
            statement.list_vars(),
        ]

    usual = answers()
    with lean():
        for _ in range(2):  # asked, and remembered
            assert answers() == usual
            for elements, size in (([llvm_ir.DoubleType()], 8), ([twice, twice], 32)):
                named.elements = None
                named.set_body(*elements)  # of one name
                assert context.get_abi_sizeof(named) == size


def test_what_makes_an_array_is_missing_each_time():
    context = cpu_target.target_context
    context.refresh()
    signature = numba.float64[:](ROW[:])
    with lean():
        for _ in range(3):
            with pytest.raises(NotImplementedError):
                context.get_function(TO_ARRAY, signature)
