"""The record of a tier under the caches of prompts of a pool."""

import numpy as np

TIER = np.dtype(
    [
        ("blocks", "i8"),  # of prompts that it has room for, on a replica or in all
        ("writes_through", "i8"),  # takes what is computed, not what is dropped above
        ("is_shared", "i8"),  # one store for all replicas
        ("s_per_block", "f8"),  # to read one, alone on its link
        ("latency_s", "f8"),
        # Counts from the beginning.
        ("read", "i8"),  # blocks
        ("written", "i8"),
        ("loads", "i8"),  # by how many prompts it was read
    ],
    align=True,
)
