"""The kernel, compiled before it is used: on two cores, where there are two.

Nearly all of the time goes into translating its source, which a process does on one core. The loop
over events takes more than half of it; what the control plane calls takes the rest.

There are two kernels: that of plain fleets (:mod:`sim.engine.state.plain`), which comes with an
installation, and the one of any fleet, twice as long, which is compiled where one first needs it.
"""

import fcntl
import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numba
import numpy as np

from sim.engine.events.kernel import advance
from sim.engine.ledger import Ledger
from sim.engine.plane.plane import DataPlane
from sim.engine.replica import runs
from sim.engine.state import jit, kernel_cache, shipped
from sim.engine.state.histogram import quantile
from sim.engine.state.thin import NUMBERS, NUMBERS_OF_PLAIN
from sim.errors import PeakfleetError
from sim.model.design import GpuPool
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.workload import Slo
from sim.montecarlo.execution import available_cores, shared_pool
from sim.montecarlo.lean import lean

PLAIN, ANY = "plain", "any"
STATES = {PLAIN: NUMBERS_OF_PLAIN, ANY: NUMBERS}  # what each function of a kernel is handed

LINEAR_ALGEBRA, USES_ALGEBRA = "scipy.linalg.cython_blas", "numba.np.arraymath"

SHIPS = "PEAKFLEET_KERNEL"
END_S = 1.0
LOCK = "compiling.tmp.lock"  # in the kernel's folder; not of what is copied from there


def kernel_is_cached(kernel: str = PLAIN) -> bool:
    """Whether all functions of a kernel lie on disk, compiled for this machine."""
    return jit.all_cached(STATES[kernel])


def leave_out_linear_algebra() -> None:
    """Have Numba load without SciPy's, which the kernel does not use and takes a fifth of a second.

    For a process in which no other code is compiled: ``np.cov`` would be refused in it.
    """
    if LINEAR_ALGEBRA in sys.modules or USES_ALGEBRA in sys.modules:
        return
    sys.modules[LINEAR_ALGEBRA] = None  # type: ignore[assignment]  # so an import is refused
    try:
        import_module(USES_ALGEBRA)
    finally:
        del sys.modules[LINEAR_ALGEBRA]


def load_if_cached(kernel: str) -> None:
    """Load a kernel, where it lies on disk; whatever is amiss is met, and said, by who uses it."""
    with suppress(Exception):
        if kernel_is_cached(kernel):
            compile_kernel(1, kernel)


def compile_kernels() -> None:
    """Compile, or load, the kernel of plain fleets and that of any."""
    for kernel in STATES:
        compile_kernel(kernel=kernel)


def why_compiled_anew() -> str | None:
    """Why the compiled kernel that came with the installation is of no use; None if none came."""
    return shipped.misfit()


def compile_kernel(jobs: int | None = None, kernel: str = PLAIN) -> None:
    """Compile every function of a kernel, or load it from disk, by using it once.

    Parameters
    ----------
    jobs : int, optional
        Processes that may be used, by default one per core. With 1 all is compiled in this one.
    kernel : {"plain", "any"}
        That of plain fleets, or that of any.
    """
    cached = kernel_is_cached(kernel)
    with _interruptible(), nullcontext() if cached else lean():
        if not cached and (jobs or available_cores()) > 1:
            _compile_on_two_cores(kernel)
        plane = _plane(kernel)
        plane.advance(END_S)
        _use_verbs(plane, kernel)


@cache
def compile_on_host(kernel: str = ANY) -> None:
    """Have a kernel on disk, by whichever of the processes of a host comes first.

    The others wait for it. Once in a process; what it keeps for itself it compiles for itself.
    """
    with _alone_on_host(kernel):
        if not kernel_is_cached(kernel):
            compile_kernel(1, kernel)


@contextmanager
def _alone_on_host(kernel: str) -> Iterator[None]:
    """Only one process at a time, of those that keep the kernel in one folder."""
    place = kernel_cache.folder()
    file = None
    if place is not None and not kernel_is_cached(kernel):
        with suppress(OSError):  # nothing can be written there: nobody would find it there, either
            file = (place / LOCK).open("w")
    with file or nullcontext():
        if file is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)  # given up however the process ends
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have a Ctrl-C end a compilation, in whatever the compiler is when it comes.

    LLVM calls back into Python, where an exception is printed and forgotten, and what was compiled
    meanwhile is missing afterwards.
    """
    lost: list[BaseException] = []
    usual = sys.unraisablehook

    def keep(what: Any) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            lost.append(what.exc_value)
        else:
            usual(what)

    sys.unraisablehook = keep
    try:
        yield
    except Exception:
        if not lost:
            raise
    finally:
        sys.unraisablehook = usual
    if lost:
        raise KeyboardInterrupt


def _compile_on_two_cores(kernel: str) -> None:
    """Fill the cache. What cannot be done here, or not be kept, is left to who needs it."""
    if kernel_cache.folder() is None:
        return
    with suppress(BrokenExecutor, PeakfleetError), shared_pool(1) as pool:
        others = pool.submit(compile_verbs, kernel)
        jit.compile_for(advance, (STATES[kernel], numba.float64))
        others.result()


def compile_into(place: Path) -> None:
    """Compile kernels for a wheel, in a process of its own; SciPy need not be installed.

    That of plain fleets; all, if the environment has ``PEAKFLEET_KERNEL=all``.

    Parameters
    ----------
    place : Path
        The folder of the engine's object code in the package that is built.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    leave_out_linear_algebra()
    compile_kernel()
    if os.environ.get(SHIPS) == "all":
        compile_kernel(kernel=ANY)
    kernel_cache.copy_to(place)


def compile_verbs(kernel: str = PLAIN) -> None:
    """Compile all but the loop over events."""
    with lean():
        _use_verbs(_plane(kernel), kernel)


def _plane(kernel: str) -> DataPlane:
    """Two small replicas, and a request to come, which finds some of its prompt where any may."""
    profile = ServiceProfile(
        name="", model="", gpu="", precision="", engine="", gpus_per_replica=1,
        batch=(0,), step_base_s=(1e-3,), step_s_per_kv_token=(0.0,),
        prefill_s_per_request=0.0, prefill_s_per_token=0.0, prefill_s_per_token_context=0.0,
        overhead_s=0.0, frontend_s_per_request=0.0, frontend_s_per_token=0.0,
        kv_capacity_tokens=64, kv_block_tokens=16, max_num_seqs=1, max_num_batched_tokens=1,
        max_model_len=64, scheduler="chunked",
    )  # fmt: skip
    pools = [GpuPool("", profile, 2, "least_loaded", GpuPrice(0.0))]
    plane = DataPlane(pools, [0], [Slo()], prefix_hit_rate=[0.0 if kernel == PLAIN else 0.5])
    one = np.ones(1, np.int32)
    plane.feed(np.zeros(1), one, one, 0 * one)
    plane.close_feed()
    return plane


def _use_verbs(plane: DataPlane, kernel: str) -> None:
    """Whatever a control plane may call, and the ledger."""
    plane.view(0)
    plane.slow_down(0, 1.0)
    plane.close_bin()
    plane.open_bin()
    ledger = Ledger(np.array([0.0, END_S / 2, END_S]), 1, 1, 1)
    ledger.close_bin(plane)
    ledger.close_bin(plane)
    quantile(ledger.histograms[0, 0], 0.95)
    plane.hold_back(0)
    plane.let_go(0, math.inf, 0)
    plane.shut(0)
    plane.add(0)
    plane.drain(0)
    plane.kill(1)
    jit.compile_for(runs.hash_all, (STATES[kernel],))
