"""The compiled kernel, loaded on import: for the process that workers are forked from.

Each then begins with it, in memory that all share. Where it does not lie on disk they compile it.
"""

from contextlib import suppress

from sim.montecarlo.compilation import compile_kernel, kernel_is_cached

with suppress(Exception):  # a worker meets the same problem, and says so
    if kernel_is_cached():
        compile_kernel(1)
