"""The records of what replicas keep of prompts."""

import numpy as np

# A run of blocks of prompts that a replica keeps: a cache line.
RUN = np.dtype(
    [
        ("name", "i8"),  # of its chain
        ("replica", "i8"),
        ("blocks", "i8"),  # 0 in the free list
        ("holders", "i8"),  # requests in the batch that share it
        ("before", "i8"),  # the run of its chain before it, and that after it
        ("rest", "i8"),
        ("newer", "i8"),  # in the replica's list by last use
        ("older", "i8"),
        ("next", "i8"),  # in the hash bucket, or the free list
    ],
    align=True,
)
# The list by last use of what nobody holds, its blocks, and all runs.
CACHE = np.dtype([("newest", "i8"), ("oldest", "i8"), ("blocks", "i8"), ("runs", "i8")], align=True)
