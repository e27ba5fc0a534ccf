"""What to say where a service profile is not in the catalogue.

A name with a slip of the pen is answered with the nearest one of the same model and GPU. What
nobody measured leads to a computed profile, and never to another model; where its own was measured
on another GPU, that is named beside it, current engines first.
"""

import difflib
from collections.abc import Sequence

from sim.catalog.computed import least_gpus
from sim.catalog.hardware import WEIGHT_BYTES, gpus, models
from sim.catalog.hardware import gpu as gpu_named
from sim.catalog.naming import beginning_with, known_as
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
    known_models = [*models(), *{n.split("/")[0] for n in names}]
    if known_as(parts[0], known_models) is None and (whole := known_as(name, known_models)):
        parts = [whole]  # with its maker in front, as on Hugging Face
    model = _meant(parts[0], known_models)
    gpu = _meant_gpu(parts[1]) if len(parts) > 1 else None
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
    elsewhere = next((n for n in ordered if n.startswith(f"{model}/")), None)
    nearest = f"; nearest measured: {elsewhere}" if elsewhere else ""
    return CatalogError(
        f"no measurement of {model}{where}; computed: service: {computed}{nearest}"
        f" ({COMMAND!r} lists all)"
    )


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _meant(word: str, known: Sequence[str]) -> str | None:
    if found := known_as(word, known):
        return found
    close = difflib.get_close_matches(word, known, n=1, cutoff=CLOSE)
    return close[0] if close else None


def _meant_gpu(word: str) -> str | None:
    try:
        return gpu_named(word).name
    except CatalogError:
        several = beginning_with(word, gpus())  # forms and sizes, of which none is guessed
        return None if several else _meant(word, list(gpus()))


def _computed(model: str, gpu: str, rest: Sequence[str]) -> str:
    """The mapping of a computed profile, with what the name said of GPUs and precision."""
    precision = next((part for part in rest if part in WEIGHT_BYTES), DEFAULT_PRECISION)
    said = next((part[2:] for part in rest if part[:2] == "tp" and part[2:].isdecimal()), "")
    least = least_gpus(models()[model], gpus()[gpu], precision) or 1
    count = max(int(said), 1) if said else least
    return f"{{model: {model}, gpu: {gpu}, gpus: {count}, precision: {precision}}}"
