"""Service profiles in a scenario: built in, of a file, or computed from model and GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.catalog import api_models, profile, profile_names
from sim.catalog.computed import PREFIX, computed_profile, fewest_gpus
from sim.catalog.hardware import WEIGHT_BYTES, form_taken, gpus, models
from sim.catalog.model_config import is_config, stored_precision
from sim.catalog.naming import known_as, stored_as
from sim.catalog.profiles import path_of
from sim.errors import CatalogError, ScenarioError
from sim.model.coefficients import drawn
from sim.model.input_file import is_file
from sim.model.kv_cache import AUTO, BYTES
from sim.model.profile import ServiceProfile
from sim.scenario.values import steps
from sim.scenario.values.fields import JsonSchema, Reads
from sim.scenario.values.numbers import Uncertain
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.units import shown

MOST_GPUS = 1024
KEYS = ("model", "gpu", "gpus", "precision", "kv_cache_dtype")
DEFAULT_PRECISION = "bf16"


@dataclass(frozen=True, slots=True)
class Service:
    """A service profile and how the document names it: built in, or the path of a file.

    Attributes
    ----------
    profile : ServiceProfile
    written : str or dict
        Name, absolute path, or the mapping of a computed profile.
    errors : tuple of Uncertain
        How far its coefficients are off, in standard deviations along each direction of their joint
        error; empty where they are taken as they are.
    taken : str
        Which form of a GPU was taken where the document names none; else empty.
    """

    profile: ServiceProfile
    written: Any
    errors: tuple[Uncertain, ...] = ()
    taken: str = ""

    def drawn(self, draws: Mapping[str, float]) -> ServiceProfile:
        """The profile in a world."""
        if not self.errors:
            return self.profile
        return drawn(self.profile, [each.value(draws) for each in self.errors])

    def document(self) -> Any:
        """As it stands in the document."""
        return self.written


def service_profile() -> Reads:
    """Name of a built-in profile, path of a profile's file, or model and GPU to compute one of."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Service | None:
    if isinstance(raw, dict):
        return _of_steps(raw, spot) if steps.KEY in raw else _computed(raw, spot)
    if not isinstance(raw, str) or not raw.strip():
        remedy = "or a mapping such as {model: qwen3-32b, gpu: l40s, gpus: 2, precision: fp8}"
        spot.wrong(f"{shown(raw)} must be the name of a profile, or the path of its file", remedy)
        return None
    name, path = raw.casefold(), (spot.folder / raw).absolute()
    is_path = path.suffix in (".yaml", ".yml", ".csv") or is_file(path)
    if name not in profile_names() and is_path:
        name = str(path)
    try:
        found = profile(name)
        _, *of_gpu = name.removeprefix(PREFIX).split("/")[:2]
        taken = "" if is_path else form_taken(*of_gpu) if of_gpu else ""
        name = found.name if taken else name
        return Service(found, str(path_of(name) or name), taken=taken)
    except ScenarioError as error:
        for problem in error.problems:
            spot.wrong(str(problem))
    except (CatalogError, OSError, ValueError) as error:
        sold = known_as(raw, api_models())
        is_api = sold is not None and sold not in models()
        spot.wrong(str(error), f"an API is kind: managed_api, model: {sold}" if is_api else "")
    return None


def _of_steps(raw: dict[str, Any], spot: Spot) -> Service | None:
    """A service of a fixed number of steps."""
    found = steps.read_steps(raw, spot)
    return None if found is None else Service(*found, taken=form_taken(raw["gpu"]))


def _computed(raw: dict[str, Any], spot: Spot) -> Service | None:
    """A computed profile from its mapping."""
    for key in raw.keys() - set(KEYS):
        spot.below(key).wrong("unknown key", choose(str(key), KEYS))
    for key, example in (("model", "llama-3.3-70b"), ("gpu", "h100-sxm")):
        if not isinstance(raw.get(key), str):
            spot.wrong(f"has no {key}", f"such as {key}: {example}")
    count = raw.get("gpus")
    if count is not None and (
        isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_GPUS
    ):
        spot.below("gpus").wrong(f"{shown(count)} must be a whole number from 1 to {MOST_GPUS}")
    said = stored_as(raw["model"]) if isinstance(raw.get("model"), str) else None
    precision = raw.get("precision", said or DEFAULT_PRECISION)
    dtype = raw.get("kv_cache_dtype", AUTO)
    for key, value, words in (
        ("precision", precision, tuple(WEIGHT_BYTES)),
        ("kv_cache_dtype", dtype, (AUTO, *BYTES)),
    ):
        if value not in words:
            spot.below(key).wrong(f"{shown(value)} must be one of {', '.join(words)}")
    if spot.findings:
        return None
    name = raw["model"]
    try:
        if is_config(name):
            name = str((spot.folder / name).absolute())
            precision = raw.get("precision") or stored_precision(name)
        many = count or fewest_gpus(name, raw["gpu"], precision)
        found = computed_profile(name, raw["gpu"], many, precision, dtype)
    except CatalogError as error:
        spot.wrong(str(error))
        return None
    written = {"model": name, "gpu": found.gpu, "gpus": many, "precision": precision}
    written |= {"kv_cache_dtype": found.kv_cache_dtype}
    return Service(found, written, taken=form_taken(raw["gpu"]))


def _schema() -> JsonSchema:
    text = {"type": "string"}
    mapping = {
        "type": "object",
        "properties": {
            "model": {
                "description": "A model of the catalogue, or the path of its config.json.",
                **text,
                "examples": [*models()][:3],
            },
            "gpu": {"description": "A GPU of the catalogue.", **text, "examples": [*gpus()][:3]},
            "gpus": {
                "description": "GPUs of a replica; default as few as hold it, 1 beside step.",
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_GPUS,
            },
            "precision": {
                "description": "Of the weights; default that of the model's checkpoint.",
                "enum": [*WEIGHT_BYTES],
            },
            "kv_cache_dtype": {
                "description": "Of the KV cache; default auto, that of the checkpoint.",
                "enum": [AUTO, *BYTES],
            },
        },
        "required": ["model", "gpu"],
        "additionalProperties": False,
    }
    return {"anyOf": [{**text, "examples": profile_names()[:3]}, mapping, steps.steps_schema()]}
