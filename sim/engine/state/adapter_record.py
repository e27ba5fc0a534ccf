"""The records of adapters: of workloads, on replicas and in pools."""

import numpy as np

# Where an adapter is, as a replica sees it.
ABSENT = 0  # on a disk, or further away
HOSTED = 1  # in the memory of the host
IDLE = 2  # in a slot on the GPU, and nobody in the batch needs it
NEEDED = 3  # in a slot, and somebody does

# One adapter on one replica.
ADAPTER = np.dtype(
    [
        ("place", "i4"),
        ("needing", "i4"),  # requests in the batch that need it
        ("waiting", "i4"),  # ... and in the line
        ("newer", "i4"),  # among those that are idle, or hosted, by last use
        ("older", "i4"),
        ("spare", "i4"),
        ("used_s", "f8"),  # when the last that needed it left the batch
    ],
    align=True,
)

# The slots of a replica, and the line of those that none is free for.
SLOTS = np.dtype(
    [
        ("needed", "i8"),  # adapters that the batch needs
        ("on_gpu", "i8"),  # ... and those in slots, the idle ones among them
        ("in_host", "i8"),  # those in the memory of the host, those in slots among them
        ("wanted", "i8"),  # adapters that somebody in the batch or in the line needs
        ("newest_idle", "i8"),
        ("oldest_idle", "i8"),
        ("newest_hosted", "i8"),
        ("oldest_hosted", "i8"),
        ("head", "i8"),  # slots: those at the head of the line that no slot is free for
        ("tail", "i8"),
        ("has_changed", "i8"),  # the adapters that the batch needs, since the line was looked at
        ("slowness", "f8"),  # of the replica, without what adapters add to its steps
    ],
    align=True,
)

# What a pool has, and what it has done from the beginning.
ADAPTER_POOL = np.dtype(
    [
        ("slots", "i8"),  # 0 for a pool that takes none
        ("host_slots", "i8"),
        ("blocks", "i8"),  # whether who finds no slot holds up those behind it
        ("step_overhead", "f8"),
        ("step_overhead_per_adapter", "f8"),
        ("asked", "i8"),  # admissions of requests that need one
        ("found", "i8"),  # of these, those that found it in a slot
        ("loads", "i8"),  # into a slot
        ("fetches", "i8"),  # of these, from further away than the host
        ("evictions", "i8"),  # from a slot
        ("lost", "i8"),  # in slots of replicas that have gone
        ("load_s", "f8"),  # for which steps have waited for loads
    ],
    align=True,
)

# The adapters of a workload: their numbers among all.
ADAPTER_SET = np.dtype([("first", "i8"), ("count", "i8")], align=True)

# What the sequence in a slot needs on its replica.
NEED = np.dtype(
    [
        ("adapter", "i8"),  # NONE for the model as it is
        ("load_s", "f8"),  # for which the step that begins its prefill is to wait
    ],
    align=True,
)
