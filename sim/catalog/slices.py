"""Slices of GPUs (NVIDIA's MIG), as GPUs of their own: ``h100-sxm-mig-3g.40gb``.

A slice has sevenths of the arithmetic and eighths of the memory and of its bandwidth, by itself:
what runs in another slice does not slow it. There is no link between slices, so that a replica has
one. It is charged the larger of its two shares, which is what it keeps from others: 1/2 for a
3g.40gb, of which two fill an H100; and draws the share of its arithmetic, for MIG tells no power.
"""

import re
from dataclasses import dataclass

from sim.catalog.table import cached_for_folder, entries

SEVENTHS, EIGHTHS = 7, 8
NAME = re.compile(r"(.+?)[-_ /]*mig[-_ ]*(\d+g\.\d+gb)")


@dataclass(frozen=True, slots=True)
class Slice:
    """A kind of slice.

    Attributes
    ----------
    gpu, name : str
        Of the whole GPU, and of the slice as NVIDIA has it: ``3g.40gb``.
    compute_share, memory_share : float
    source, as_of : str
    """

    gpu: str
    name: str
    compute_share: float
    memory_share: float
    source: str
    as_of: str


@cached_for_folder
def slices() -> tuple[Slice, ...]:
    """All kinds of slices."""
    return tuple(entries("mig.csv", _slice, lambda each: (each.gpu, each.name)))


def _slice(row: dict[str, str]) -> Slice:
    return Slice(
        row["gpu"],
        row["slice"],
        int(row["compute_sevenths"]) / SEVENTHS,
        int(row["memory_eighths"]) / EIGHTHS,
        row["source"],
        row["as_of"],
    )


def names() -> list[str]:
    """Names of all slices as GPUs."""
    return [name_of(each.gpu, each.name) for each in slices()]


def name_of(whole: str, part: str) -> str:
    """A slice's name as a GPU."""
    return f"{whole}-mig-{part}"


def parsed(name: str) -> tuple[str, str] | None:
    """GPU and slice of a name; None if it names no slice.

    >>> parsed("H100-MIG-3g.40gb"), parsed("h100-sxm")
    (('h100', '3g.40gb'), None)
    """
    found = NAME.fullmatch(name.casefold().strip())
    return None if found is None else (found[1], found[2])
