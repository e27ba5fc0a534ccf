"""Whole numbers as the kernel knows them.

For a plain Python constant as an argument Numba compiles a function anew for every value.
"""

from typing import cast

import numpy as np


def whole(number: int) -> int:
    """A NumPy integer."""
    return cast(int, np.int64(number))


ZERO, ONE = whole(0), whole(1)
WIDE = ZERO  # added to a short field: an argument of one width is compiled for once
ONE_MORE, ONE_LESS = ONE, whole(-1)
