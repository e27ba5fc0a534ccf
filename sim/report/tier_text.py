"""Tiers under caches of prompts, as a finished run had them."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from sim.model.design import Design

WAYS = {"host": "host memory", "nvme": "the NVMe drive", "shared": "the shared store"}


def beyond_links(design: Design, values: Callable[[str], npt.NDArray[np.float64]]) -> Iterator[str]:
    """A line for each tier to which more was written than its link carries.

    Parameters
    ----------
    design : Design
    values : callable
        Values of a metric over worlds; the median is what counts.
    """
    for pool in design.pools:
        cache = pool.prefix_cache
        for at, tier in enumerate(cache.tiers if cache is not None else ()):
            load = np.median(values(f"backends.{pool.name}.{tier.kind}_write_load"))
            if load > 1.0:
                path = f"backends.{pool.name}.prefix_cache.tiers.{at}"
                yield (
                    f"{path}: writes to {WAYS[tier.kind]} would take {100 * load:.0f} % of its"
                    " link's time, and are taken to be there at once: it finds too much"
                )
