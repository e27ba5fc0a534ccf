"""Configurations of models, as Hugging Face keeps them: ``config.json``."""

import json
from pathlib import Path

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
        config = json.loads(text(path, "config"))
    except InputFileError as error:
        raise CatalogError(f"{path}: {error}") from None
    except (ValueError, RecursionError):
        raise CatalogError(f"{path} is no JSON") from None
    if not isinstance(config, dict):
        raise CatalogError(f"{path} is not the config.json of a language model")
    try:
        return architecture_of(config)
    except CatalogError as error:
        raise CatalogError(f"{path}: {error}") from None


def name_of(path: str | Path) -> str:
    """The name of the model: of the folder of a ``config.json``, else of the file.

    >>> name_of("models/Qwen3-32B/config.json"), name_of("my model.json")
    ('qwen3-32b', 'my-model')
    """
    place = Path(path).absolute()
    name = place.parent.name if place.stem == "config" else place.stem
    return "".join(c if c.isalnum() or c in ".-_" else "-" for c in name.casefold()) or "model"
