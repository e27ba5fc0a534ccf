"""Which replicas a first scenario has, and how many: a guess that is better than one."""

import math
from dataclasses import dataclass

from sim.catalog import profile, profile_names, shape
from sim.catalog.computed import PREFIX, least_gpus
from sim.catalog.hardware import gpus, models
from sim.catalog.naming import known_as
from sim.catalog.profiles import old_names
from sim.catalog.table import no_such
from sim.errors import CatalogError
from sim.model.capacity import Offered, needed_s, work_offered
from sim.model.profile import ServiceProfile
from sim.studies.first.kind import Kind

DEFAULT_MODEL = "llama-3.3-70b"
DEFAULT_GPU = "h100-sxm"
PRECISIONS = ("fp8", "fp4", "bf16")  # of a computed profile, the first that fits eight GPUs
MOST_GPUS = 8
FILLED = 0.6  # of its capacity at the peak: the rest is for what no shape says
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Pool:
    """What answers requests.

    Attributes
    ----------
    service : str
        The name of its profile.
    profile : ServiceProfile
    measured : bool
    """

    service: str
    profile: ServiceProfile
    measured: bool


def pool_of(model: str, gpu: str | None) -> Pool:
    """The profile for a model: measured on a current engine if there is one, else computed.

    Parameters
    ----------
    model : str
        A model, however written, or the name of a profile.
    gpu : str or None
        None for the usual one, or another on which it was measured.

    Raises
    ------
    CatalogError
        If there is no such model or GPU, or the model does not fit.
    """
    if model.casefold() in profile_names():
        found = profile(model)
        if gpu is None or known_as(gpu, gpus()) == found.gpu:
            return Pool(model.casefold(), found, True)
        model = found.model
    named = known_as(model, models())
    if named is None:
        raise no_such("model", model, models(), "sim catalog models")
    wanted = None if gpu is None else known_as(gpu, gpus())
    if gpu is not None and wanted is None:
        raise no_such("GPU", gpu, gpus(), "sim catalog gpus")
    old = set(old_names())
    there = [name for name in profile_names() if name.startswith(f"{named}/") and name not in old]
    for place in (wanted or DEFAULT_GPU, *([] if wanted else [""])):
        here = [name for name in there if name.startswith(f"{named}/{place}")]
        if here:
            best = min(here, key=_rank)
            return Pool(best, profile(best), True)
    return _computed(named, wanted or DEFAULT_GPU)


def _rank(name: str) -> tuple[str, int, int, str]:
    """Well measured before less well, FP8 and few GPUs before others."""
    found = profile(name)
    return (found.grade, int(found.precision != "fp8"), found.gpus_per_replica, name)


def _computed(model: str, gpu: str) -> Pool:
    for precision in PRECISIONS:
        least = least_gpus(models()[model], gpus()[gpu], precision)
        if least is not None and least <= MOST_GPUS:
            name = f"{PREFIX}{model}/{gpu}/tp{least}/{precision}"
            return Pool(name, profile(name), False)
    raise CatalogError(
        f"{model} does not fit {MOST_GPUS} GPUs of the kind {gpu}; try another --gpu"
    )


def replicas_for(kind: Kind, volume: float, pool: Pool) -> int:
    """Replicas whose batches are filled to 60 % at the busiest hour of the day.

    By mean lengths and without any chance in it; whoever sizes simulates.
    """
    peak = 1.0
    if kind.shape:
        values = shape(kind.shape).values
        peak = max(values) / (sum(values) / len(values))
    rate = volume * kind.calls / (kind.burst_s or DAY_S) * peak
    decoded = kind.mean_output - 1
    each = Offered(
        requests=1.0,
        prompt_tokens=kind.mean_prompt,
        prompt_squares=kind.mean_prompt**2,
        output_tokens=kind.mean_output,
        context=decoded * (kind.mean_prompt + decoded / 2),
    )
    busy = rate * float(needed_s(pool.profile, work_offered(pool.profile, each))[0])
    return max(math.ceil(busy / FILLED), 1)
