"""Coefficients of a profile's law by name.

A name is the key of the profile's file, and for a(B) the batch with it: ``step_base_ms@64``,
``prefill_us_per_token``.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.profile import ServiceProfile
from sim.model.shortest import shortest

FloatArray = npt.NDArray[np.float64]

STEP_BASE = "step_base_ms"
PER_KV_TOKEN = "step_ns_per_kv_token"
SCALARS = {
    "prefill_ms_per_request": "prefill_s_per_request",
    "prefill_us_per_token": "prefill_s_per_token",
    "prefill_ns_per_token_context": "prefill_s_per_token_context",
    "overhead_ms": "overhead_s",
    "output_delay_ms": "output_delay_s",
    "frontend_ms_per_request": "frontend_s_per_request",
    "frontend_us_per_token": "frontend_s_per_token",
    "frontend_us_per_token_from_rest": "frontend_s_per_token_from_rest",
    "frontend_us_per_prompt_token_out": "frontend_s_per_prompt_token_out",
}


def step_base(batch: int) -> str:
    """The name of a(B).

    >>> step_base(64)
    'step_base_ms@64'
    """
    return f"{STEP_BASE}@{batch}"


def is_coefficient(name: str, profile: ServiceProfile) -> bool:
    """Whether a profile has a coefficient of this name."""
    key, at, batch = name.partition("@")
    if at:
        return key == STEP_BASE and batch.isdecimal() and int(batch) in profile.batch
    return key == PER_KV_TOKEN or key in SCALARS


def value_of(name: str, profile: ServiceProfile) -> float:
    """A coefficient in SI; of a(B) at a batch that the profile has no entry for, between two."""
    key, _, batch = name.partition("@")
    if key == STEP_BASE:
        return float(np.interp(int(batch), profile.batch, profile.step_base_s))
    if key == PER_KV_TOKEN:
        return profile.step_s_per_kv_token[-1]
    return float(getattr(profile, SCALARS[key]))


def moved(
    profile: ServiceProfile, names: Sequence[str], log_factors: Sequence[float]
) -> ServiceProfile:
    """The profile with coefficients times exp of something; a(B) never falls.

    Parameters
    ----------
    profile : ServiceProfile
    names : sequence of str
    log_factors : sequence of float
        One of each.
    """
    changes: dict[str, Any] = {}
    base = list(profile.step_base_s)
    for name, log_factor in zip(names, log_factors, strict=True):
        factor = math.exp(log_factor)
        key, _, batch = name.partition("@")
        if key == STEP_BASE:
            base[profile.batch.index(int(batch))] *= factor
        elif key == PER_KV_TOKEN:
            changes["step_s_per_kv_token"] = tuple(c * factor for c in profile.step_s_per_kv_token)
        else:
            changes[SCALARS[key]] = getattr(profile, SCALARS[key]) * factor
    changes["step_base_s"] = tuple(np.maximum.accumulate(base).tolist())
    return replace(profile, **changes)


def drawn(profile: ServiceProfile, along: Sequence[float]) -> ServiceProfile:
    """The profile with an error of so many standard deviations along each direction of it.

    Errors under which a(B) would fall cannot be: in their place come the likeliest under which it
    does not, so that an entry of which little is known gives way to its neighbours, and not they
    to it.
    """
    if profile.joint_error is None:
        return profile
    error, directions = profile.joint_error, profile.joint_error.directions
    moves = directions @ _without_falls(profile, error.names, directions, np.asarray(along))
    return moved(profile, error.names, moves.tolist())


def _without_falls(
    profile: ServiceProfile, names: Sequence[str], directions: FloatArray, along: FloatArray
) -> FloatArray:
    """The errors nearest to some in standard deviations along which a(B) does not fall: (m,)."""
    base = np.array(profile.step_base_s)
    if len(base) < 2 or base[0] <= 0:
        return along
    rows = {name: directions[at] for at, name in enumerate(names)}
    none = np.zeros(len(along))
    rises = np.diff([rows.get(step_base(batch), none) for batch in profile.batch], axis=0)
    missing = -np.diff(np.log(base)) - rises @ along  # of what each has to rise by at least
    if (missing <= 0).all():
        return along
    move = shortest(rises.tolist(), missing.tolist())
    return np.asarray(along + np.array(move))
