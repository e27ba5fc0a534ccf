"""The records of links, and of what is sent over them for sequences."""

import numpy as np

# What is on its way for a sequence, and whether it has come.
NOT_SENT = 0
TO_FETCH = 1  # it waits in the line of its replica until there are blocks for it
SENDING = 2  # bytes of it go over a link
IN_THE_AIR = 3  # the last byte has been sent
FETCHED = 4  # it is there, and waits for a place in the batch

# A link, which those that send over it share fairly.
LINK = np.dtype(
    [
        ("since_s", "f8"),  # what is served is up to date
        ("served_s", "f8"),  # of the whole link's time, for each that has been sending all along
        ("sending", "i8"),  # transfers
        ("root", "i8"),  # slot: the first of these to be through
        ("head", "i8"),  # slots in the air, in the order of their arrival
        ("tail", "i8"),
        ("spare", "i8", 2),  # to the end of the cache line
    ],
    align=True,
)

# What is sent for the sequence in a slot: two cache lines.
TRANSFER = np.dtype(
    [
        ("through_s", "f8"),  # when its link has served so much for each
        ("arrives_s", "f8"),  # of one in the air; of one that is sent, so long after it is through
        ("order", "i8"),  # of beginning to be sent, for transfers of one moment
        ("link", "i4"),
        ("stage", "i4"),
        ("child", "i8"),  # slots: its place among those that are sent, or in the air
        ("next", "i8"),
        ("previous", "i8"),
        ("found", "i8"),  # tokens in its KV cache once all is there
        ("serial", "i8"),  # of the attempt, also when nobody waits for it any more
        ("source", "i8"),  # row of the replica that keeps blocks for it, NONE for none
        ("held", "i8"),  # of these, named ones that it shares with the cache there
        ("home", "i8"),  # the pool that computed its prompt for another, NONE for none
        ("bytes", "f8"),
        ("ended_s", "f8"),  # when the prompt was computed
        ("dispatched_s", "f8"),  # ... when it had been handed to that pool's replica
        ("ready_s", "f8"),  # ... and was ready there
    ],
    align=True,
)
