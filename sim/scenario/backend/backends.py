"""Backends of a document: a pool of GPUs, a managed API, or the devices of the users.

Which of them an entry is, its key ``kind`` says. Where that is wrong the entry is read as what it
seems to be meant for, so that the problems of its other keys come to light as well.
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Discriminator, Tag

from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import Edge, ManagedApi
from sim.scenario.values.fields import KINDS, TAG
from sim.scenario.values.part import Model
from sim.scenario.values.problems import nearest

MODELS: Final[dict[str, type[Model]]] = {
    "gpu_pool": GpuPool,
    "managed_api": ManagedApi,
    "edge": Edge,
}
assert tuple(MODELS) == KINDS


def _tag(raw: Any) -> str:
    return TAG + kind_of(raw)


def kind_of(raw: Any) -> str:
    """The kind of an entry, or what it seems to be meant for."""
    if isinstance(raw, BaseModel):
        return str(raw.kind)  # type: ignore[attr-defined]  # all of them have one
    if not isinstance(raw, dict):
        return KINDS[0]
    kind = raw.get("kind")
    if isinstance(kind, str):
        meant = nearest(kind, KINDS)
        for name in KINDS:
            if kind == name or f"'{name}'" in meant:
                return name
    return max(KINDS, key=lambda name: len(raw.keys() & MODELS[name].model_fields.keys()))


Backend = Annotated[
    Annotated[GpuPool, Tag(f"{TAG}gpu_pool")]
    | Annotated[ManagedApi, Tag(f"{TAG}managed_api")]
    | Annotated[Edge, Tag(f"{TAG}edge")],
    Discriminator(_tag),
]
"""An entry of ``backends``."""
