"""The record of what a replica has planned for its next step, where it has two in flight."""

import numpy as np

PLAN = np.dtype(
    [
        ("head", "i8"),  # slots: those whose prefill is to begin, in the order of their admission
        ("tail", "i8"),
        ("rest", "i8"),  # tokens that the step is to leave of the last prompt in it
    ],
    align=True,
)
