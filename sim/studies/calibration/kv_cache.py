"""The KV cache of a measured engine: as its files say, else of the memory that the weights leave.

Runs in which no request waited for a place show what the cache held at least. Where a cache of the
precision that the checkpoint stands for would have been too small for that, one of 8 bits is taken,
if that is large enough: engines are often started with one. Where that is too small as well, the
model or the GPU is another than is thought, and the cache is taken to have been ample.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.catalog.checkpoints import SILENT, checkpoint_dtype
from sim.catalog.hardware import Model, kv_capacity_tokens
from sim.errors import CatalogError
from sim.model.kv_cache import BYTES
from sim.model.measured import MeasuredRun
from sim.studies.calibration.figures import is_saturated
from sim.studies.calibration.script import Script

AMPLE = 1 << 20  # tokens of a cache of which nothing is known, and more if the runs needed more
SMALLER = "fp8"


@dataclass(frozen=True, slots=True)
class Place:
    """What a cache lies on: the GPUs of a replica, shared by its data-parallel ranks."""

    model: Model | None
    gpu: str
    gpus: int
    ranks: int
    precision: str


@dataclass(frozen=True, slots=True)
class KvCache:
    """Of a replica, or of each of its ranks; and what is assumed, or nothing."""

    tokens: int
    dtype: str
    assumed: str = ""


def cache_of(
    runs: Sequence[MeasuredRun], scripts: Sequence[Script], place: Place, known_tokens: int | None
) -> KvCache:
    """The cache that runs were measured with."""
    dtypes = _dtypes(runs, place, known_tokens is not None)
    if known_tokens is not None:
        return KvCache(known_tokens, dtypes[0])
    longest = max(each.longest for each in scripts)
    shown = _shown(scripts) / place.ranks
    for dtype in dtypes:
        tokens = _left_by_weights(place, dtype)
        if tokens > longest and tokens >= shown:
            how = f"a KV cache of {tokens:,} tokens (what the weights leave of the memory)"
            if dtype != dtypes[0]:
                how += f" in {dtype}, since one in {dtypes[0]} would not have held the requests"
            return KvCache(tokens, dtype, how)
    needed = max(math.ceil(each.in_flight / place.ranks * each.longest) for each in scripts)
    ample = max(AMPLE, 2 * needed)
    how = f"a KV cache of {ample:,} tokens, which was never short (--kv-capacity-tokens)"
    return KvCache(ample, dtypes[0], how)


def _dtypes(runs: Sequence[MeasuredRun], place: Place, is_known: bool) -> tuple[str, ...]:
    """Precisions that the cache may have, the likeliest first: one, where the runs say it."""
    said = {run.setup.kv_precision.casefold() for run in runs} & BYTES.keys()
    if said:
        return (min(said),)
    if place.model is None:
        return (SILENT,)
    usual = checkpoint_dtype(place.model.name, place.precision)
    return (usual,) if is_known or BYTES[usual] <= BYTES[SMALLER] else (usual, SMALLER)


def _left_by_weights(place: Place, dtype: str) -> int:
    """Tokens for which the weights leave memory; 0 where nobody knows."""
    if place.model is None:
        return 0
    what = (place.model.name, place.gpu, place.gpus, place.precision, dtype, place.ranks)
    try:
        return kv_capacity_tokens(*what)
    except CatalogError:
        return 0


def _shown(scripts: Sequence[Script]) -> float:
    """Tokens that caches held at least: of runs in which no request waited for a place."""
    flowing = [each for each in scripts if not is_saturated(each.run)]
    return max((each.in_flight * each.held for each in flowing), default=0.0)
