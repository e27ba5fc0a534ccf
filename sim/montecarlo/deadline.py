"""Work of a batch, which may be done at any time between its arrival and its deadline."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def spread(work: FloatArray, edges_s: FloatArray, within_s: float) -> FloatArray:
    """Work as it is to be done at an even pace until its deadline, or the end if that is earlier.

    Parameters
    ----------
    work : (bins,) float64
        That arrives in each bin; within a bin it arrives at its beginning.
    edges_s : (bins + 1,) float64
    within_s : float
        From its arrival to its deadline.

    Returns
    -------
    (bins,) float64
        The same in total.

    Examples
    --------
    >>> spread(np.array([12.0, 0.0, 4.0, 0.0]), np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 3.0)
    array([4., 4., 6., 2.])
    """
    begins_s, end_s = edges_s[:-1], edges_s[-1]
    ends_s = np.minimum(begins_s + within_s, end_s)  # in the order of the beginnings
    pace = work / (ends_s - begins_s)
    done = _since(begins_s, pace, edges_s) - _since(ends_s, pace, edges_s)
    # What is done by an edge is a difference of large sums, of which a little less than nothing
    # may be left.
    evenly: FloatArray = np.maximum(np.diff(done), 0.0)
    return evenly


def _since(times_s: FloatArray, pace: FloatArray, edges_s: FloatArray) -> FloatArray:
    """Work done by each edge if each pace began at its time and never ended: (edges,)."""
    passed = np.searchsorted(times_s, edges_s, side="right")
    paces = np.append(0.0, np.cumsum(pace))[passed]
    begun = np.append(0.0, np.cumsum(pace * times_s))[passed]
    since: FloatArray = paces * edges_s - begun
    return since
