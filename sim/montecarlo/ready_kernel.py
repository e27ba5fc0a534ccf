"""The kernel of plain fleets, loaded on import: for the process that workers are forked from.

Each then begins with it, in memory that all share. Where it does not lie on disk they compile it.
"""

from sim.montecarlo.compilation import PLAIN, load_if_cached

load_if_cached(PLAIN)
