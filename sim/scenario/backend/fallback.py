"""Prices of a pool whose spot replicas have stand-ins on demand: what each of both costs."""

from typing import Any, Final

from sim.catalog import default_gpu_price
from sim.errors import CatalogError
from sim.scenario.backend.gpu_price import Price
from sim.scenario.values.problems import Findings, Path

ON_DEMAND: Final = "on_demand"
REMEDY: Final = (
    "such as price: [{purchase: spot, usd_per_gpu_hour: 1.2}, "
    "{purchase: on_demand, usd_per_gpu_hour: 3}]"
)


def check(path: Path, pool: dict[str, Any], findings: Findings) -> None:
    """Note prices that are not those of spot and of its stand-ins."""
    spot, price = pool.get("spot"), pool.get("price")
    if not isinstance(spot, dict) or spot.get("fallback") is None:
        return
    path = (*path, "price")
    if isinstance(price, list):
        _check_both(path, [each for each in price if isinstance(each, dict)], findings)
    elif isinstance(price, dict):
        if "owned" in price or price.get("purchase", "spot") != "spot":
            findings.add(path, "is not that of spot, which spot.fallback goes beside", REMEDY)
        elif "billing" in price:
            message = "has no meaning beside spot.fallback, where GPUs are paid by the second"
            findings.add((*path, "billing"), message, "remove it")


def _check_both(path: Path, plan: list[dict[str, Any]], findings: Findings) -> None:
    stand_ins = [i for i, each in enumerate(plan) if _is_on_demand(each)]
    if len(stand_ins) != 1 or len(plan) < 2:
        message = "must have one entry on demand, for spot.fallback, beside that of spot"
        findings.add(path, message, REMEDY)
        return
    if plan[stand_ins[0]].get("gpus") is not None:
        message = "has no meaning for what stands in for spot, as long as that is away"
        findings.add((*path, stand_ins[0], "gpus"), message, "remove it")


def _is_on_demand(price: dict[str, Any]) -> bool:
    return "owned" not in price and price.get("purchase", ON_DEMAND) == ON_DEMAND


def completed(
    price: Price | list[Price] | None, gpu: str, path: Path, findings: Findings
) -> Price | list[Price] | None:
    """Prices of spot and of its stand-ins; what the scenario leaves out is of the catalogue."""
    if isinstance(price, list):
        return price
    try:
        on_demand = _median(gpu, ON_DEMAND)
        spot = _median(gpu, "spot") if price is None else price
    except CatalogError as error:
        findings.add((*path, "price"), str(error), REMEDY)
        return price
    return [spot.model_copy(update={"purchase": "spot"}), on_demand]


def _median(gpu: str, purchase: str) -> Price:
    """The median over providers, as a scenario would give it."""
    listed = default_gpu_price(gpu, purchase)
    return Price.model_construct(
        usd_per_gpu_hour=float(listed.usd_per_gpu_hour),
        purchase=purchase,
        source=listed.source,
        as_of=listed.as_of,
    )
