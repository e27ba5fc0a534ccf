"""Who runs the machines: an API's price has its people in it, that of a GPU has not."""

from sim.model.design import Design, GpuPool
from sim.model.purchase import PurchasePlan


def without_staff(design: Design) -> tuple[str, ...]:
    """Pools of which no month's cost beside their GPUs is counted, such as the people who run them.

    Parameters
    ----------
    design : Design
        Of a world like the others.
    """
    return tuple(pool.name for pool in design.pools if not _has_staff(pool))


def _has_staff(pool: GpuPool) -> bool:
    plan = pool.price
    tranches = plan.tranches if isinstance(plan, PurchasePlan) else ()
    return pool.fixed_usd_per_month > 0 or any(
        getattr(each, "staff_usd_per_month", 0.0) > 0 for each in tranches
    )
