"""Numba without SciPy's linear algebra, on import: for workers of a process that left it out."""

from sim.montecarlo.compilation import leave_out_linear_algebra

leave_out_linear_algebra()
