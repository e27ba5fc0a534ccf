"""The records of tasks, and of the calls that follow the requests that begin them."""

import numpy as np

TASK = np.dtype(
    [
        ("arrival_s", "f8"),
        ("patience_s", "f8"),
        ("number", "i8"),
        ("session", "i8"),
        ("workload", "i8"),
        ("first", "i8"),  # row of its first following call
        ("calls", "i8"),  # following calls
        ("sent", "i8"),  # of these, those that have been set out to be sent
        ("awaited", "i8"),  # calls of the stage that have not been answered
        ("open", "i8"),  # calls that have not ended
        ("said", "i8"),  # tokens
        ("carried", "i8"),  # tokens that the prompts of the stage begin with
        ("width", "i8"),  # calls of the stage
        ("failed", "i8"),
        ("has_fed_names", "i8"),
        ("user", "i8"),
        ("next", "i8"),  # in the free list
    ],
    align=True,
)

CALL = np.dtype(
    [
        ("think_s", "f8"),
        ("stage", "i8"),
        ("prompt", "i8"),
        ("output", "i8"),
        ("workload", "i8"),  # NONE for that of the task
    ],
    align=True,
)
