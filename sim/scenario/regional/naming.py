"""Changes of a pool in one of its regions, by the name that it has there.

``backends.large-us.replicas=6`` is that of the pool ``large`` in the region ``us``: so studies say
it, and so may ``--set``. What cannot differ there is changed in all of its regions.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sim.scenario.backend.region import PoolThere


def by_region(data: dict[str, Any], overrides: Iterable[str]) -> Iterator[str]:
    """The changes as the document has their places, each looked at when those before are made."""
    for override in overrides:
        path, equals, value = override.partition("=")
        keys = path.strip().split(".")
        place = _place(data, keys[1]) if len(keys) > 2 and keys[0] == "backends" else None
        if place is None:
            yield override
            continue
        name, region = place
        there = data["backends"][name]["regions"]
        if keys[2] not in PoolThere.model_fields or not isinstance(there, dict):
            yield f"backends.{name}.{'.'.join(keys[2:])}{equals}{value}"
            continue
        if not isinstance(there[region], dict):
            there[region] = {"replicas": there[region]}
        if keys[2:] == ["autoscaler"] and value.strip() == "null":
            value = "{preset: none}"  # not that of all regions
        yield f"backends.{name}.regions.{region}.{'.'.join(keys[2:])}{equals}{value}"


def _place(data: dict[str, Any], copy: str) -> tuple[str, str] | None:
    """The backend and the region whose copy has this name; None of any other."""
    backends = data.get("backends")
    if not isinstance(backends, dict) or copy in backends:
        return None
    for name, backend in backends.items():
        there = backend.get("regions") if isinstance(backend, dict) else None
        for region in there if isinstance(there, dict | list) and len(there) > 1 else ():
            if copy == f"{name}-{region}":
                return name, str(region)
    return None
