"""What a ledger keeps, as the kernel writes it at the end of a time bin."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.state.backend_record import POOL, USAGE
from sim.engine.state.record import WORKLOAD, FloatArray, IntArray, Records

# Type and number of axes of each array, all C-contiguous.
ARRAYS: Mapping[str, tuple[npt.DTypeLike, int]] = {
    "workloads": (WORKLOAD, 2),
    "pools": (POOL, 2),
    "usage": (USAGE, 4),
    "histograms": (np.int64, 3),
    "hour": (np.int64, 3),
    "last_hour": (np.int64, 3),
    "octaves": (np.int64, 3),
    "p95_s": (np.float64, 3),
    "worst_hour_p95_s": (np.float64, 2),
}


class Books(NamedTuple):
    """The arrays of a :class:`~sim.engine.ledger.Ledger`, which says what most of them are.

    Attributes
    ----------
    workloads : (workloads, bins) WORKLOAD
    pools : (pools, bins) POOL
    usage : (workloads, backends, BILLINGS, bins) USAGE
    histograms : (workloads, latencies, BUCKETS) int64
    hour : (workloads, latencies, BUCKETS) int64
        Of the hour that has not ended.
    last_hour : (workloads, latencies, BUCKETS) int64
    octaves : (2, workloads, latencies) int64
        Where there are counts in ``hour`` and in ``last_hour``, a bit for an octave.
    p95_s : (workloads + 1, latencies, bins) float64
    worst_hour_p95_s : (workloads + 1, latencies) float64
    """

    workloads: Records
    pools: Records
    usage: Records
    histograms: IntArray
    hour: IntArray
    last_hour: IntArray
    octaves: IntArray
    p95_s: FloatArray
    worst_hour_p95_s: FloatArray
