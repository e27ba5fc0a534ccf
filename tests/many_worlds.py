"""A run of very many worlds that costs a few: copies whose figures are scattered a little."""

from dataclasses import replace

import numpy as np

from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX, Sample

SPREAD = 0.1  # standard deviation of the factor of each figure


def copies(result: RunResult, worlds: int) -> RunResult:
    """The same run with so many worlds, each a copy of one of its own with figures of its own."""
    sample, own = Sample(result.sample.inputs), result.sample
    names = [name for name in own.names() if not name.startswith(INPUT_PREFIX)]
    inputs = [name for name in own.names() if name.startswith(INPUT_PREFIX)]
    factors = np.random.default_rng(1).lognormal(0.0, SPREAD, (worlds, len(names)))
    for world in range(worlds):
        origin = own.worlds[world % len(own)]
        figures = {name: own.figure(origin, name) for name in inputs}
        figures |= {
            name: own.figure(origin, name) * factor
            for name, factor in zip(names, factors[world].tolist(), strict=True)
        }
        sample.add_row(world, own.verdict(origin), figures, own.timelines.timeline(origin))
    return replace(result, sample=sample, worlds=worlds)
