"""Efficiencies of the roofline, fitted to the measured profiles of the catalogue, and their spread.

The fit weighs every current profile alike: logarithms of its step times over the measured batches
at a middling context, and of the prefill of a middling prompt. Usual values of the literature hold
it where the profiles leave an efficiency open. How far computed profiles may be off is what leaving
one kind of profile out says: the efficiencies are fitted without any profile of a model on a GPU,
and what these would have been is held against what they are.

``benchmarks/efficiencies.py`` writes the table after profiles have changed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt

from sim.catalog import roofline
from sim.catalog.checkpoints import checkpoint_dtype
from sim.catalog.hardware import WEIGHT_BYTES, gpus, models
from sim.catalog.roofline import Efficiencies, Placed
from sim.catalog.table import rows
from sim.model.kv_cache import BYTES
from sim.model.profile import ServiceProfile

FloatArray = npt.NDArray[np.float64]

BATCHES = 4  # of a profile, evenly on a logarithmic scale
OF_BATCHES, OF_PREFILL = 0.5, 0.7  # weights of a profile's logarithms
OF_USUAL = 0.15  # weight of what is usual
TOLERANCE = 0.3  # logarithms beyond count linearly, not squared
POSITIVE = ("step_s", "layer_s", "exchange_s", "choice_s", "traffic")
SHARES = ("weights", "experts", "cache", "arithmetic", "prefill", "prefill_experts")
# Half a millisecond of host and sampling, 126 us and 32 us a layer of BLIS halved since; 0.8 of the
# bandwidth as in aiconfigurator, and less where small matrices are gathered; 0.3 of the peak for
# decoding and 0.45 for prefill as in BLIS: 0.7 beside half of what tiles of 256 by 256 bytes fetch.
USUAL = Efficiencies(5e-4, 2e-5, 2e-5, 3e-5, 2e-3, 0.8, 0.55, 0.7, 0.3, 0.7, 0.3, 0.1)
UNMEASURED = 2.0  # times the spread, of experts as long as no profile has any


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """The usual front end: medians over measured profiles.

    Attributes
    ----------
    overhead_s, frontend_s_per_request, frontend_s_per_token : float
    """

    overhead_s: float
    frontend_s_per_request: float
    frontend_s_per_token: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """The table.

    Attributes
    ----------
    efficiencies : Efficiencies
    spread, spread_experts : float
        Standard deviation of the logarithm of a computed capacity over the measured one: of dense
        models, and of mixtures of experts.
    front_end : FrontEnd
    profiles : int
        That it rests on.
    as_of : str
        Date of the newest of them.
    """

    efficiencies: Efficiencies
    spread: float
    spread_experts: float
    front_end: FrontEnd
    profiles: int
    as_of: str


@cache
def fitted() -> Fitted:
    """The efficiencies that computed profiles are made with."""
    table = {row["name"]: row["value"] for row in rows("efficiencies.csv")}

    def part(kind: type) -> dict[str, float]:
        return {each.name: float(table[each.name]) for each in fields(kind)}

    return Fitted(
        efficiencies=Efficiencies(**part(Efficiencies)),
        spread=float(table["spread"]),
        spread_experts=float(table["spread_experts"]),
        front_end=FrontEnd(**part(FrontEnd)),
        profiles=int(table["profiles"]),
        as_of=table["as_of"],
    )


def usable(profile: ServiceProfile) -> bool:
    """Whether a profile says how efficient its hardware is: all figures known, ranges stated.

    Ranks that wait for each other say little of it.
    """
    measured = profile.measured
    stated = measured is not None and None not in (
        measured.batch,
        measured.prompt_tokens,
        measured.output_tokens,
    )
    known = profile.model in models() and profile.gpu in gpus() and profile.limits is not None
    known = known and profile.data_parallel_ranks == 1
    return stated and known and profile.grade in ("A", "B") and profile.precision in WEIGHT_BYTES


def placed_of(profile: ServiceProfile) -> Placed:
    """Model, GPUs and precisions of a measured profile.

    A cache in 16 bits is one that nothing is said of: it is taken to be the checkpoint's.
    """
    dtype = profile.kv_cache_dtype
    if BYTES[dtype] == BYTES["bf16"]:
        dtype = checkpoint_dtype(profile.model, profile.precision)
    model, gpu = models()[profile.model], gpus()[profile.gpu]
    return Placed(model, gpu, profile.gpus_per_replica, profile.precision, dtype)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a measured profile says at its middling lengths.

    Attributes
    ----------
    placed : Placed
    batches : (n,) float64
        Evenly over the measured ones on a logarithmic scale.
    prompt, output : float
        Tokens.
    step_s : (n,) float64
        Of steps without prefill, half of the answers made.
    token_s : float
        Prefill of a token.
    """

    placed: Placed
    batches: FloatArray
    prompt: float
    output: float
    step_s: FloatArray
    token_s: float

    def work_s(self, step_s: FloatArray, token_s: float) -> FloatArray:
        """Replica-seconds of a request, by batch."""
        return np.asarray(self.output * step_s / self.batches + self.prompt * token_s)


def seen(profile: ServiceProfile) -> Seen:
    """A profile at its middling lengths."""
    measured = profile.measured
    assert measured is not None and measured.batch is not None
    assert measured.prompt_tokens is not None and measured.output_tokens is not None
    low, high = (max(batch, 1) for batch in measured.batch)
    batches = np.unique(np.geomspace(low, high, BATCHES).round())
    prompt, output = (sum(r) / 2 for r in (measured.prompt_tokens, measured.output_tokens))
    steps = [profile.step_s(int(b), b * (prompt + output / 2)) for b in batches]
    token_s = profile.prefill_s_per_token + profile.prefill_s_per_token_context * prompt / 2
    return Seen(placed_of(profile), batches, prompt, output, np.array(steps), token_s)


def logs(of: Seen, given: Efficiencies) -> tuple[FloatArray, float, float]:
    """Logarithms of computed over measured: steps by batch, prefill, and capacity as a whole.

    The last is that of replica-seconds for a request of middling lengths at the middle and the
    largest of the batches.
    """
    held = of.batches * (of.prompt + of.output / 2)
    step_s = roofline.base_s(of.placed, of.batches, given)
    step_s = step_s + roofline.per_kv_token_s(of.placed, given) * held
    first, second = roofline.prefill_s(of.placed, given)
    token_s = first + second * of.prompt / 2
    capacity = np.log(of.work_s(step_s, token_s) / of.work_s(of.step_s, of.token_s))
    whole = float(capacity[len(of.batches) // 2 :].mean())
    return np.log(step_s / of.step_s), math.log(token_s / of.token_s), whole


def fit(profiles: Sequence[ServiceProfile]) -> Efficiencies:
    """The efficiencies that make computed profiles most like measured ones."""
    from scipy.optimize import least_squares  # noqa: PLC0415 (takes half a second)

    usual, all_seen = _free(USUAL), [seen(profile) for profile in profiles]

    def misses(x: FloatArray) -> FloatArray:
        given = _bound(x)
        found: list[float] = [*(OF_USUAL * (x - usual))]
        for each in all_seen:
            steps, prefill, _ = logs(each, given)
            found += [*(OF_BATCHES * steps), OF_PREFILL * prefill]
        return np.array(found)

    return _bound(least_squares(misses, usual, loss="soft_l1", f_scale=TOLERANCE).x)


def _free(given: Efficiencies) -> FloatArray:
    """As unbounded numbers: logarithms, logits of shares."""
    positive = [math.log(getattr(given, name)) for name in POSITIVE]
    shares = [getattr(given, name) for name in SHARES]
    return np.array([*positive, *(math.log(s / (1 - s)) for s in shares), given.spreading])


def _bound(x: FloatArray) -> Efficiencies:
    split = len(POSITIVE), len(POSITIVE) + len(SHARES)
    positive, shares = np.exp(x[: split[0]]), 1 / (1 + np.exp(-x[split[0] : split[1]]))
    return Efficiencies(*map(float, (*positive, *shares, x[split[1]])))


def left_out(profiles: Sequence[ServiceProfile]) -> FloatArray:
    """Logarithm of computed over measured capacity of each, fitted without its model on its GPU."""
    kinds = [(profile.model, profile.gpu) for profile in profiles]
    found = np.zeros(len(profiles))
    for kind in dict.fromkeys(kinds):
        others = [p for p, other in zip(profiles, kinds, strict=True) if other != kind]
        given = fit(others)
        for index, profile in enumerate(profiles):
            if kinds[index] == kind:
                found[index] = logs(seen(profile), given)[2]
    return found


def spreads(profiles: Sequence[ServiceProfile], deviations: FloatArray) -> tuple[float, float]:
    """Of dense models, and of mixtures of experts, from what leaving kinds out says.

    Few kinds say little: with k of them the spread is sqrt((k + 1) / (k - 1)) times as large.
    """
    kinds = len({(profile.model, profile.gpu) for profile in profiles})
    few = math.sqrt((kinds + 1) / (kinds - 1))
    sparse = np.array([models()[profile.model].experts > 0 for profile in profiles])
    of_all = few * float(np.sqrt(np.mean(deviations**2)))
    if not sparse.any():
        return of_all, UNMEASURED * of_all
    of_sparse = few * float(np.sqrt(np.mean(deviations[sparse] ** 2)))
    if sparse.all():
        return of_sparse, of_sparse
    return few * float(np.sqrt(np.mean(deviations[~sparse] ** 2))), of_sparse


def usual_front_end(profiles: Iterable[ServiceProfile]) -> FrontEnd:
    """Medians over profiles."""
    every = list(profiles)
    return FrontEnd(*(
        float(np.median([getattr(p, each.name) for p in every])) for each in fields(FrontEnd)
    ))  # fmt: skip
