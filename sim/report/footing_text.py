"""Batches beyond what a profile was measured with, as a finished run had them."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from sim.model.design import Design

FloatArray = npt.NDArray[np.float64]

MEDIAN = 0.5
MANY = 1.05  # times the largest measured, from which on it is said


def beyond_batches(design: Design, timeline: Mapping[str, FloatArray]) -> Iterator[str]:
    """A line for each pool whose replicas had more sequences at once than were measured.

    Parameters
    ----------
    design : Design
    timeline : mapping of str to (bins,) float64
        Medians over worlds; of the fullest bin the mean is what counts.
    """
    for pool in design.pools:
        measured = pool.profile.measured
        if measured is None or measured.batch is None:
            continue
        prefix = f"backends.{pool.name}." if len(design.pools) > 1 else ""
        serving = timeline[f"{prefix}ready_replicas"] + timeline[f"{prefix}draining_replicas"]
        batches = timeline[f"{prefix}running"] / np.maximum(serving, 1.0)
        most = float(np.nanmax(batches, initial=0.0))
        largest = measured.batch[1]
        if most > MANY * largest:
            yield (
                f"backends.{pool.name}: the batch goes to {most:,.0f}; measured up to {largest:,},"
                " beyond which its law is continued within the bounds of physics"
            )
