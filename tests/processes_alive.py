"""Processes that were started with a mark in their environment, and what has become of them."""

import time
from pathlib import Path

MARK = "PEAKFLEET_TEST_MARK"
PATIENCE_S = 60.0  # of a busy machine


def alive(mark: str) -> list[int]:
    """Numbers of the processes that bear a mark; those that are dead and not yet fetched do not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in folder.joinpath("environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue  # gone meanwhile, or somebody else's
    return found


def left(mark: str) -> list[int]:
    """The processes that bear a mark after all have had the time to end."""
    give_up_s = time.monotonic() + PATIENCE_S
    while (there := alive(mark)) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    return there
