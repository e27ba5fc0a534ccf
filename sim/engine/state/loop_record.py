"""The record of a user in a closed loop, who sends one request after the other."""

import numpy as np

USER = np.dtype(
    [
        ("workload", "i8"),  # NONE for an unused row
        ("number", "i8"),  # in the order of their first requests
        ("own", "i8"),  # number that the source of requests knows the user by
        ("source", "i8"),  # row of the user whose list the requests are taken from
        ("first", "i8"),  # of the requests to come, and the last
        ("last", "i8"),
        ("left", "i8"),  # requests to come that are there
        ("drawn", "i8"),  # requests that the source has been asked for
        ("open", "i8"),  # requests that have not ended, and calls that are set out in their task
        ("then_s", "f8"),  # from their end to the next request; NaN if there is none
    ],
    align=True,
)
