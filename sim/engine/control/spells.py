"""Spells that follow one another by chance, each a gap after the last.

They are laid out from many cycles before, so that the beginning finds them as any moment would.
"""

from collections.abc import Iterator

import numpy as np

from sim.model.distributions import Distribution

_CYCLES_BEFORE = 20


def spells(
    gap: Distribution, duration: Distribution, rng: np.random.Generator, begin_s: float
) -> Iterator[tuple[float, float]]:
    """Beginning and end of each, without end; those that are over by ``begin_s`` are among them.

    The next two durations are drawn when the next spell is asked for.
    """
    cycle_s = gap.mean() + duration.mean()
    now_s = begin_s - (_CYCLES_BEFORE + rng.random()) * cycle_s
    while True:
        now_s += float(gap.sample(rng, 1)[0])
        end_s = now_s + float(duration.sample(rng, 1)[0])
        yield now_s, end_s
        now_s = end_s
