"""Power of GPUs, and what the electricity of a place emits: measured, published, or computed.

GPUs that nobody measured draw what the H200 does, in the proportion of their thermal design powers:
computed, with grade C. Intensities are means of a year: a kWh at night may be cleaner or dirtier,
which a scenario says by the hour (``by_hour``).
"""

import math
from dataclasses import replace

from sim.catalog.hardware import Gpu, gpu
from sim.catalog.table import cached_for_folder, entries, no_such
from sim.errors import CatalogError
from sim.model.energy import HOURS, Grid, PowerLaw

MEASURED = "h200-sxm"


@cached_for_folder
def power_laws() -> dict[str, PowerLaw]:
    """Those of GPUs that were measured, by name."""
    found = entries("gpu_power.csv", _law, lambda each: each.gpu)
    return {each.gpu: each for each in found}


def _law(row: dict[str, str]) -> PowerLaw:
    return PowerLaw(
        row["gpu"],
        float(row["idle_w"]),
        float(row["busy_w"]),
        float(row["compute_w"]),
        float(row["cap_w"]),
        float(row["error"]) if row["error"] else math.nan,
        row["grade"],
        row["source"],
        row["as_of"],
        row["notes"],
    )


def power_law(name: str) -> PowerLaw:
    """What a GPU draws, measured or by its thermal design power.

    Raises
    ------
    CatalogError
        If the GPU is not in the catalogue, or has no published power.
    """
    measured = power_laws()
    if name in measured:
        return measured[name]
    found = gpu(name)
    if found.whole:
        return _of_slice(found, power_law(found.whole))
    if math.isnan(found.tdp_w):
        raise CatalogError(f"GPU {name!r} has no published power")
    model = measured[MEASURED]
    scale = found.tdp_w / gpu(MEASURED).tdp_w
    return replace(
        model,
        gpu=name,
        idle_w=model.idle_w * scale,
        busy_w=model.busy_w * scale,
        compute_w=model.compute_w * scale,
        cap_w=model.cap_w * scale,
        error=math.nan,
        grade="C",
        source=f"computed: {MEASURED} by thermal design power ({found.tdp_w:g} W)",
        as_of=found.as_of,
        notes="",
    )


def _of_slice(found: Gpu, whole: PowerLaw) -> PowerLaw:
    """A slice draws what its arithmetic is of the whole GPU's."""
    share = found.tdp_w / gpu(found.whole).tdp_w
    return replace(
        whole,
        gpu=found.name,
        idle_w=whole.idle_w * share,
        busy_w=whole.busy_w * share,
        compute_w=whole.compute_w * share,
        cap_w=whole.cap_w * share,
        error=math.nan,
        grade="C",
        source=f"computed: {share:.3g} of {found.whole} ({whole.source})",
        notes="",
    )


@cached_for_folder
def grids() -> dict[str, tuple[str, Grid]]:
    """Names and intensities of places by their codes."""
    return {code: (name, grid) for code, name, grid in entries("grid.csv", _grid, lambda e: e[0])}


def _grid(row: dict[str, str]) -> tuple[str, str, Grid]:
    intensity = (float(row["g_per_kwh"]),) * HOURS
    return row["region"], row["name"], Grid(intensity, row["region"], row["source"], row["as_of"])


def grid(region: str) -> Grid:
    """That of a place, by its code or its name; raises CatalogError if there is none."""
    places = grids()
    by_name = {name.casefold(): code for code, (name, _) in places.items()}
    code = by_name.get(region.casefold(), region.upper())
    if code not in places:
        known = [*places, *(name for name, _ in places.values())]
        raise no_such("region", region, known, "sim catalog grids")
    return places[code][1]
