"""Built-in service profiles: one YAML file each, whose path is the name.

``llama-3.3-70b/h100-sxm/tp4/fp8/vllm`` is Llama 3.3 70B on four H100 SXM under tensor parallelism
with FP8 weights, served by vLLM; ``tp1dp4ep4`` are four GPUs with attention in four data-parallel
ranks and experts spread over all. A profile that ``sim calibrate`` made is graded by simulating its
own runs: A within 5 % in TPOT and 15 % in TTFT, B within 10 and 25 %, else C. Of those fitted
before, grade A rests on recent end-to-end measurements that the law fits within 4 %; grade B on
older engines, or on fewer points or a looser fit. What is computed (:mod:`sim.catalog.computed`)
has grade C.

Left out, though the fits exist: the power-capped H100 of Splitwise (its prefill times are 1.3 times
those of the H100 and its decode times equal, so computed rather than measured), Llama 2 70B on two
GPUs there (R² below 0.6), and Llama 3.1 8B under SGLang on one H200 (nothing was measured below a
batch of 20, and the fit's step at batch 1 is shorter than reading the weights takes).
"""

import re
from dataclasses import replace
from datetime import date
from importlib.resources.abc import Traversable
from pathlib import Path

from sim.catalog.computed import computed_profile, parse_name
from sim.catalog.hardware import form_taken, gpu
from sim.catalog.limits import limits_of
from sim.catalog.prices import day_of
from sim.catalog.profile_file import load_profile, parse_profile
from sim.catalog.suggestion import unknown
from sim.catalog.table import cached_for_folder, data_file, own_folder
from sim.model.input_file import is_file
from sim.model.profile import ServiceProfile

FOLDER = "profiles"
SUFFIX = ".yaml"
_AS_OF = re.compile(r"^as_of: *['\"]?([0-9-]+)", re.MULTILINE)  # a key of the top level


@cached_for_folder
def _files() -> dict[str, Traversable]:
    """All profiles by name; the user's own in place of built-in ones."""
    return dict(sorted([*_walk(data_file(FOLDER), ""), *_own()]))


@cached_for_folder
def _own() -> list[tuple[str, Path]]:
    """The user's own, by the path below the folder."""
    folder = own_folder()
    if folder is None or not (folder / FOLDER).is_dir():
        return []
    files = sorted(each for each in (folder / FOLDER).rglob(f"*{SUFFIX}") if each.is_file())
    return [
        (each.relative_to(folder / FOLDER).as_posix().removesuffix(SUFFIX).casefold(), each)
        for each in files
    ]


def path_of(name: str) -> Path | None:
    """The file of a profile of the user's own folder; None for any other."""
    return dict(_own()).get(name.casefold())


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            found.append((prefix + entry.name.removesuffix(SUFFIX), entry))
    return found


def profile_names() -> list[str]:
    """Names of built-in profiles and the user's own, in alphabetical order; no file is opened."""
    return list(_files())


@cached_for_folder
def _built_in(name: str) -> ServiceProfile:
    if (own := path_of(name)) is not None:
        return _with_limits(replace(load_profile(own), name=name))
    text = _files()[name].read_text(encoding="utf-8")
    return _with_limits(parse_profile(text, f"{name}{SUFFIX}", name))


def _with_limits(profile: ServiceProfile) -> ServiceProfile:
    """The profile with what its hardware allows, if the catalogue knows its model and GPU."""
    what = (profile.model, profile.gpu, profile.gpus_per_replica, profile.precision)
    return replace(profile, limits=limits_of(*what, profile.kv_cache_dtype))


def is_old(profile: ServiceProfile) -> bool:
    """Whether it is of two calendar years before the newest of the built-in ones, or earlier.

    In 2026 engines of 2024 are old, and those of the whole of 2025 are not: a single newer
    measurement does not make all of a table old from one day to the next.
    """
    return _of_old_year(profile.as_of)


def _of_old_year(as_of: str) -> bool:
    return bool(as_of) and day_of(as_of).year < newest().year - 1


@cached_for_folder
def newest() -> date:
    """Date of the newest of the profiles that have one."""
    dates = (date_of(name) for name in profile_names() if path_of(name) is None)
    return max(day_of(as_of) for as_of in dates if as_of)


@cached_for_folder
def date_of(name: str) -> str:
    """``as_of`` of a built-in profile or the user's own.

    Every run asks how old its profiles are among all of them. To parse a hundred files for that
    takes seconds, so of the built-in ones only that line is read.
    """
    if path_of(name) is not None:
        return _built_in(name).as_of
    line = _AS_OF.search(_files()[name].read_text(encoding="utf-8"))
    return "" if line is None else line[1]


def measured_like(profile: ServiceProfile) -> str | None:
    """A current measured profile of the same model, GPUs and precision, if there is one."""
    place = f"{profile.model}/{profile.gpu}/tp{profile.gpus_per_replica}/{profile.precision}/"
    old = old_names()
    return next((n for n in profile_names() if n.startswith(place) and n not in old), None)


def old_names() -> list[str]:
    """Names of the built-in profiles of engines that are not current."""
    return [name for name in profile_names() if _of_old_year(date_of(name))]


def profile(name_or_path: str) -> ServiceProfile:
    """A built-in profile by its name in any case, a computed one by its, or the one in a file.

    Raises
    ------
    CatalogError
        If there is neither such a profile nor such a file.
    ScenarioError
        With every problem of the file.

    Examples
    --------
    >>> profile("llama-3.3-70b/h100-sxm/tp4/fp8/vllm").gpus_per_replica
    4
    >>> profile("computed/qwen3-32b/l40s/tp2/fp8").grade
    'C'
    """
    name = _with_form(name_or_path.casefold())
    if name in _files():
        return _built_in(name)
    if (parts := parse_name(name)) is not None:
        return computed_profile(*parts)
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or is_file(path):
        return _with_limits(load_profile(name_or_path))
    raise unknown(name_or_path, profile_names(), old_names())


def _with_form(name: str) -> str:
    """The name with the form of its GPU, where that is left out."""
    model, _, rest = name.partition("/")
    of_gpu, slash, rest = rest.partition("/")
    return f"{model}/{gpu(of_gpu).name}/{rest}" if slash and form_taken(of_gpu) else name
