"""The kernel of any fleet, loaded on import: for the process that workers are forked from.

Each then begins with it, in memory that all share. Where it does not lie on disk they compile it.
"""

from sim.montecarlo.compilation import ANY, load_if_cached

load_if_cached(ANY)
