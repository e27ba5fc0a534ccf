"""Which replicas a first scenario has, and how many: a guess that is better than one."""

import math
from dataclasses import dataclass

from sim.catalog import profile, profile_names, shape
from sim.catalog.computed import PREFIX, least_gpus
from sim.catalog.hardware import gpu as gpu_named
from sim.catalog.hardware import gpus, models
from sim.catalog.naming import known_as
from sim.catalog.profiles import old_names
from sim.catalog.table import no_such
from sim.errors import CatalogError
from sim.model.capacity import Offered, needed_s, work_offered
from sim.model.price import DAY_S
from sim.model.profile import ServiceProfile
from sim.studies.first.kind import Kind

DEFAULT_MODEL = "llama-3.3-70b"
DEFAULT_GPU = "h100-sxm"
PRECISIONS = ("fp8", "fp4", "bf16")  # of a computed profile, the first that fits eight GPUs
MOST_GPUS = 8
SEQUENCES = 32  # of usual length that the KV cache of a replica should hold at once
FILLED = 0.6  # of its capacity at the peak: the rest is for what no shape says


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


def pool_of(model: str, gpu: str | None, tokens: float = 0.0) -> Pool:
    """The profile for a model: measured on a current engine if there is one, else computed.

    Of several the one with the fewest GPUs whose KV cache holds 32 usual requests, or the roomiest.

    Parameters
    ----------
    model : str
        A model, however written, or the name of a profile.
    gpu : str or None
        None for the usual one, or another on which it was measured.
    tokens : float
        Of a usual request, its prompt and its answer.

    Raises
    ------
    CatalogError
        If there is no such model or GPU, or the model does not fit.
    """
    wanted = None if gpu is None else gpu_named(gpu).name
    if model.casefold() in profile_names():
        found = profile(model)
        if wanted in (None, found.gpu):
            return Pool(model.casefold(), found, True)
        model = found.model
    named = known_as(model, models())
    if named is None:
        raise no_such("model", model, models(), "sim catalog models")
    old = set(old_names())
    there = [name for name in profile_names() if name.startswith(f"{named}/") and name not in old]
    for place in (wanted or DEFAULT_GPU, *([] if wanted else [""])):
        here = [name for name in there if name.startswith(f"{named}/{place}")]
        if here:
            pools = [Pool(name, profile(name), True) for name in here]
            return min(pools, key=lambda each: _rank(each, tokens))
    return _computed(named, wanted or DEFAULT_GPU, tokens)


def _rank(pool: Pool, tokens: float) -> tuple[bool, str, bool, int, str]:
    """Room before none, well measured before less well, FP8 and few GPUs before others."""
    found = pool.profile
    is_other = found.precision != "fp8"
    lacks = not _has_room(pool, tokens)
    return (lacks, found.grade, is_other, found.gpus_per_replica, pool.service)


def _has_room(pool: Pool, tokens: float) -> bool:
    return pool.profile.kv_capacity_tokens >= SEQUENCES * tokens


def _computed(model: str, gpu: str, tokens: float) -> Pool:
    for precision in PRECISIONS:
        least = least_gpus(models()[model], gpus()[gpu], precision)
        if least is None or least > MOST_GPUS:
            continue
        degrees = [n for n in (1, 2, 4, 8) if n >= least]
        names = [f"{PREFIX}{model}/{gpu}/tp{n}/{precision}" for n in degrees]
        pools = [Pool(name, profile(name), False) for name in names]
        return next((each for each in pools if _has_room(each, tokens)), pools[-1])
    raise CatalogError(
        f"{model} does not fit {MOST_GPUS} GPUs of the kind {gpu}; try another --gpu"
    )


def replicas_for(kind: Kind, volume: float, pool: Pool) -> int:
    """Replicas for so many arrivals a day, or a night, of a kind."""
    rate = volume * kind.calls / (kind.burst_s or DAY_S) * peak_of(kind.shape)
    return replicas_at(rate, kind.mean_prompt, kind.mean_output, pool)


def peak_of(day: str) -> float:
    """The rate of the busiest hour over that of a mean one, of days of a shape; 1 without any."""
    if not day:
        return 1.0
    values = shape(day).values
    return max(values) / (sum(values) / len(values))


def replicas_at(rate: float, prompt: float, output: float, pool: Pool) -> int:
    """Replicas whose batches are filled to 60 % at the busiest hour.

    By mean lengths and without any chance in it; whoever sizes simulates.

    Parameters
    ----------
    rate : float
        Requests a second at that hour.
    prompt, output : float
        Tokens of a mean request.
    pool : Pool
    """
    decoded = max(output - 1, 0.0)
    each = Offered(
        requests=1.0,
        prompt_tokens=prompt,
        prompt_squares=prompt**2,
        output_tokens=output,
        context=decoded * (prompt + decoded / 2),
    )
    busy = rate * float(needed_s(pool.profile, work_offered(pool.profile, each))[0])
    return max(math.ceil(busy / FILLED), 1)
