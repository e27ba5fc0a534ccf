"""The catalogue: service profiles, GPUs, models, prices and day shapes, each dated and sourced.

==================================  ==========================================================
:func:`profile`                     a built-in service profile by name, or one from a file
:func:`profile_names`               the names there are
:func:`profile_document`            a profile as the mapping that its file holds
:func:`write_profile`               a profile into a file
:func:`gpu_price`                   what a provider asks for a GPU
:func:`default_gpu_price`           the median on-demand price of a GPU over providers
:func:`api_price`                   what a provider asks for the tokens of a model
:func:`api_pace`                    how fast it answers
:func:`api_limits`                  quotas of providers
:func:`api_outages`                 incidents of providers
:func:`gpu`, :func:`model`          published figures
:func:`kv_capacity_tokens`          what fits into the KV cache of a replica
:func:`shape`, :func:`shape_names`  daily and weekly shapes of arrivals
==================================  ==========================================================

Modules are imported when a name is first used: prices do not need NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.catalog.apis import (
        api_limits,
        api_models,
        api_outages,
        api_pace,
        api_price,
        api_providers,
    )
    from sim.catalog.hardware import gpu, kv_capacity_tokens, model
    from sim.catalog.prices import default_gpu_price, gpu_price
    from sim.catalog.profile_file import profile_document, write_profile
    from sim.catalog.profiles import profile, profile_names
    from sim.catalog.shapes import shape, shape_names

__all__ = [
    "api_limits",
    "api_models",
    "api_outages",
    "api_pace",
    "api_price",
    "api_providers",
    "default_gpu_price",
    "gpu",
    "gpu_price",
    "kv_capacity_tokens",
    "model",
    "profile",
    "profile_document",
    "profile_names",
    "shape",
    "shape_names",
    "write_profile",
]

_MODULES = {
    "api_limits": "apis",
    "api_models": "apis",
    "api_outages": "apis",
    "api_pace": "apis",
    "api_price": "apis",
    "api_providers": "apis",
    "default_gpu_price": "prices",
    "gpu": "hardware",
    "gpu_price": "prices",
    "kv_capacity_tokens": "hardware",
    "model": "hardware",
    "profile": "profiles",
    "profile_document": "profile_file",
    "profile_names": "profiles",
    "shape": "shapes",
    "shape_names": "shapes",
    "write_profile": "profile_file",
}


def __getattr__(name: str) -> Any:
    try:
        module = _MODULES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
