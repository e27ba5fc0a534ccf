"""The record of who waits in a line that has an order, and the codes of orders."""

import numpy as np

FCFS, PRIORITY, SHORTEST_PREDICTED, DEADLINE_FIRST, FAIR = 0, 1, 2, 3, 4
ORDERS = {
    "fcfs": FCFS,
    "priority": PRIORITY,
    "shortest_predicted": SHORTEST_PREDICTED,
    "deadline": DEADLINE_FIRST,
    "fair": FAIR,
}

# By slot: who has the smaller level, then the smaller key, then came first, goes before.
RANKED = np.dtype(
    [
        ("level", "f8"),
        ("key", "f8"),
        ("turn", "i8"),  # as the how-manieth it came to its replica
        ("cost", "f8"),  # charged to its tenant, and to be given back unless it is served
        ("is_sorted", "i8"),  # in the tree
    ],
    align=True,
)
