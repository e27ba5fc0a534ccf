"""What to say where a service profile is not in the catalogue.

A name with a slip of the pen is answered with the nearest one of the same model and GPU. What
nobody measured leads to a computed profile, and never silently to another model: the nearest
measured ones are named beside it, current engines first.
"""

import difflib
import math
from collections.abc import Sequence

from sim.catalog.computed import least_gpus
from sim.catalog.hardware import WEIGHT_BYTES, gpus, models
from sim.catalog.table import no_such
from sim.errors import CatalogError

COMMAND = "sim catalog profiles"
CLOSE = 0.75  # of a name to the one that was meant
DEFAULT_PRECISION = "fp8"


def unknown(name: str, names: Sequence[str], old: Sequence[str]) -> CatalogError:
    """The error for a name.

    Parameters
    ----------
    name : str
        As it was given.
    names : sequence of str
        Of all measured profiles.
    old : sequence of str
        Those of engines that are not current, which are named last.
    """
    parts = name.casefold().strip("/").split("/")
    model = _meant(parts[0], [*models(), *{n.split("/")[0] for n in names}])
    gpu = _meant(parts[1], list(gpus())) if len(parts) > 1 else None
    current = [n for n in names if n not in old]
    ordered = [*current, *(n for n in names if n in old)]
    there = [n for n in ordered if n.split("/")[:2] == [model, gpu]]
    slips = (parts[0], *parts[1:2]) != (model, gpu)
    if model is None or model not in models() or (there and (slips or len(parts) > 2)):
        if there:  # a slip in what follows model and GPU
            there = [max(there, key=lambda n: _likeness(n, name.casefold()))]
        close = difflib.get_close_matches(name.casefold(), current, n=1, cutoff=0.5)
        return no_such("profile", name, there or (current if close else names), COMMAND)
    if len(parts) > 1 and gpu is None:
        return no_such("GPU", parts[1], gpus(), "sim catalog gpus")
    where = f" on {gpu}" if gpu else ""
    if there or (gpu is None and any(n.startswith(f"{model}/") for n in ordered)):
        some = there or [n for n in ordered if n.startswith(f"{model}/")]
        return CatalogError(
            f"profile {name!r} is not in the catalogue; measured of {model}{where}:"
            f" {', '.join(some[:3])} ({COMMAND!r} lists all)"
        )
    computed = _computed(model, gpu or "h100-sxm", parts[2:])
    nearest = _nearest(model, gpu, current) or _nearest(model, gpu, ordered)
    return CatalogError(
        f"no measurement of {model}{where}; computed: service: {computed}; nearest measured:"
        f" {' or '.join(nearest)} ({COMMAND!r} lists all)"
    )


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _meant(word: str, known: Sequence[str]) -> str | None:
    if word in known:
        return word
    close = difflib.get_close_matches(word, known, n=1, cutoff=CLOSE)
    return close[0] if close else None


def _computed(model: str, gpu: str, rest: Sequence[str]) -> str:
    """The mapping of a computed profile, with what the name said of GPUs and precision."""
    precision = next((part for part in rest if part in WEIGHT_BYTES), DEFAULT_PRECISION)
    said = next((part[2:] for part in rest if part[:2] == "tp" and part[2:].isdecimal()), "")
    least = least_gpus(models()[model], gpus()[gpu], precision) or 1
    count = max(int(said), 1) if said else least
    return f"{{model: {model}, gpu: {gpu}, gpus: {count}, precision: {precision}}}"


def _nearest(model: str, gpu: str | None, ordered: Sequence[str]) -> list[str]:
    """The same model elsewhere, and the model of the nearest size on the same GPU."""
    same = [n for n in ordered if n.startswith(f"{model}/")]
    same.sort(key=lambda n: n.split("/")[1] != gpu)
    here = [n for n in ordered if n.split("/")[1] == gpu and n.split("/")[0] in models()]
    if not same and not here:
        here = [n for n in ordered if n.split("/")[0] in models()]
    size = models()[model].active_params
    here.sort(key=lambda n: abs(math.log(models()[n.split("/")[0]].active_params / size)))
    return list(dict.fromkeys([*same[:1], *here[:1]]))
