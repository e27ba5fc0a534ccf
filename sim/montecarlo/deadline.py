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
    lasts_s = np.minimum(within_s, end_s - begins_s)
    done = np.clip((edges_s[None, :] - begins_s[:, None]) / lasts_s[:, None], 0.0, 1.0)
    evenly: FloatArray = np.diff(work @ done)
    return evenly
