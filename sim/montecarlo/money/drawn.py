"""What the GPUs of a pool have drawn, from what its engines did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Rental
from sim.engine.state.record import Records
from sim.model.design import GpuPool
from sim.model.price import HOUR_S
from sim.model.purchase import PayAsYouGo, PurchasePlan, fill

FloatArray = npt.NDArray[np.float64]

EVERYTHING = PurchasePlan((PayAsYouGo(0.0),))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Joules of a pool's GPUs in each time bin, without the site around them.

    Attributes
    ----------
    idle_j : (bins,) float64
        Of all that is there, as if nobody were.
    active_j : (bins,) float64
        Beyond that, while somebody is in the batch.
    """

    idle_j: FloatArray
    active_j: FloatArray


def drawn(
    pool: GpuPool, booked: Records, bought: Sequence[Rental], edges_s: FloatArray
) -> Drawn | None:
    """What a pool has drawn; None where nobody asks.

    Parameters
    ----------
    pool : GpuPool
    booked : (bins,) POOL
    bought : sequence of Rental
        Replicas, or nodes that are bought whole.
    edges_s : (bins + 1,) float64
    """
    if pool.energy is None:
        return None
    law, profile = pool.energy.law, pool.profile
    assert law is not None
    start_s = np.array([each.start_s for each in bought], np.float64)
    end_s = np.array([each.end_s for each in bought], np.float64)
    (there,) = fill(EVERYTHING, start_s, end_s, pool.unit_gpus, edges_s)
    verified = profile.step_width / profile.tokens_per_step  # for each token that is made
    computed_s = (
        profile.prefill_s_per_token * verified * booked["decoded"]
        + booked["prefill_s"]
        - profile.prefill_s_per_request * booked["prompts"]
    )
    each_j = law.active_j(booked["busy_s"], computed_s.clip(0.0) / profile.data_parallel_ranks)
    return Drawn(law.idle_w * there.used * HOUR_S, each_j * pool.gpus_per_replica)
