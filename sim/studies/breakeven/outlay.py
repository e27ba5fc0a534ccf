"""What is paid at once: machines that are bought, reservations paid upfront, capacity blocks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.price import DAY_S, HOUR_S, YEAR_S
from sim.model.purchase import CapacityBlock, Owned, PurchasePlan, Reserved, Tranche
from sim.studies.breakeven.payback import payback_years

FloatArray = npt.NDArray[np.float64]

YEAR_H = YEAR_S / HOUR_S


@dataclass(frozen=True, slots=True)
class Outlay:
    """A sum paid at the beginning, which the cost of each hour of its life contains a part of.

    Attributes
    ----------
    usd : float
    usd_per_year : float
        Contained in the cost of a year.
    years : float
        Its life.
    """

    usd: float
    usd_per_year: float
    years: float


def outlays(design: Design) -> list[Outlay]:
    """What is paid at once for the GPUs of a design's first pool."""
    price = design.pools[0].price if design.pools else None
    tranches = price.tranches if isinstance(price, PurchasePlan) else ()
    found = [_outlay(tranche) for tranche in tranches]
    return [each for each in found if each is not None and each.usd > 0]


def years_to_pay(
    paid: Sequence[Outlay], own_usd: float, reference_usd: float, yearly_factor: float
) -> float:
    """Years until what is saved has paid for it; infinite if that never comes.

    Parameters
    ----------
    paid : sequence of Outlay
    own_usd, reference_usd : float
        Cost in a year, now, all that is contained of the outlays among it.
    yearly_factor : float
        Of the reference's price.
    """
    running = own_usd - math.fsum(each.usd_per_year for each in paid)
    return payback_years(math.fsum(each.usd for each in paid), reference_usd, running,
                         yearly_factor)  # fmt: skip


def _outlay(tranche: Tranche) -> Outlay | None:
    match tranche:
        case Owned():
            per_year = tranche.usd_per_gpu_hour * tranche.gpus * YEAR_H
            usd = tranche.purchase_usd_per_gpu * tranche.gpus
            return Outlay(usd, per_year, tranche.amortisation_years)
        case Reserved(upfront_share=share) if share > 0:
            years = float(tranche.purchase.removeprefix("reserved_").removesuffix("y"))
            per_year = tranche.usd_per_gpu_hour * tranche.gpus * YEAR_H * share
            return Outlay(per_year * years, per_year, years)
        case CapacityBlock(days=int(days)):
            per_year = tranche.usd_per_gpu_hour * tranche.gpus * YEAR_H
            years = days * DAY_S / YEAR_S
            return Outlay(per_year * years, per_year, years)
        case _:
            return None
