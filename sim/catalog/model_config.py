"""Configurations of models, as Hugging Face keeps them: ``config.json``."""

import json
from pathlib import Path
from typing import Any

from sim.catalog.architecture import Architecture, architecture_of
from sim.errors import CatalogError
from sim.model.input_file import InputFileError, text


def is_config(name: str) -> bool:
    """Whether a model is named by the path of its configuration."""
    return name.endswith(".json")


def read_config(path: str | Path) -> Architecture:
    """The architecture that a file describes.

    Raises
    ------
    CatalogError
        Naming the file, where it is none, or lacks a figure.
    """
    try:
        return architecture_of(_content(path))
    except CatalogError as error:
        said = str(error)
        raise CatalogError(said if said.startswith(str(path)) else f"{path}: {said}") from None


def _content(path: str | Path) -> dict[str, Any]:
    try:
        config = json.loads(text(path, "config"))
    except InputFileError as error:
        raise CatalogError(f"{path}: {error}") from None
    except (ValueError, RecursionError):
        raise CatalogError(f"{path} is no JSON") from None
    if not isinstance(config, dict):
        raise CatalogError(f"{path} is not the config.json of a language model")
    return config


def stored_precision(path: str | Path) -> str:
    """Precision of the weights as the checkpoint stores them, 16 bits where it says nothing.

    ``quantization_config`` says ``quant_method: fp8`` or ``mxfp4``, or ``quant_algo: FP8`` or
    ``NVFP4`` where NVIDIA's Model Optimizer made it.
    """
    words = f"{_quantised(path).get('quant_method')} {_quantised(path).get('quant_algo')}".lower()
    return "fp4" if "fp4" in words else "fp8" if "fp8" in words else "bf16"


def stored_kv_cache(path: str | Path) -> str:
    """Precision of the KV cache that the checkpoint asks for, 16 bits where it says nothing."""
    quantised = _quantised(path)
    scheme = quantised.get("kv_cache_scheme")
    bits = scheme.get("num_bits") if isinstance(scheme, dict) else None
    algorithm = str(quantised.get("kv_cache_quant_algo")).lower()
    is_narrow = bits == 8 or algorithm in ("fp8", "int8")
    return "fp4" if "fp4" in algorithm else "fp8" if is_narrow else "bf16"


def _quantised(path: str | Path) -> dict[str, Any]:
    """What ``config.json`` and the ``hf_quant_config.json`` beside it say of precisions."""
    beside = Path(path).with_name("hf_quant_config.json")
    found = _content(path).get("quantization_config")
    more = _content(beside).get("quantization") if beside.is_file() else None
    return {
        **(found if isinstance(found, dict) else {}),
        **(more if isinstance(more, dict) else {}),
    }


def name_of(path: str | Path) -> str:
    """The name of the model: of the folder of a ``config.json``, else of the file.

    >>> name_of("models/Qwen3-32B/config.json"), name_of("my model.json")
    ('qwen3-32b', 'my-model')
    """
    place = Path(path).absolute()
    name = place.parent.name if place.stem == "config" else place.stem
    return "".join(c if c.isalnum() or c in ".-_" else "-" for c in name.casefold()) or "model"
