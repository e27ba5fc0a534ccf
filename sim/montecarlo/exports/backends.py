"""What the formats of others call a backend."""

from sim.model.design import Design, GpuPool
from sim.model.managed import ManagedApi

Backend = GpuPool | ManagedApi


def model_name(backend: Backend) -> str:
    """The model of a pool's profile; of a managed backend nothing but its name is known."""
    return backend.profile.model if isinstance(backend, GpuPool) else backend.name


def resource_type(backend: Backend) -> str:
    """What kind of thing it is, in words."""
    if isinstance(backend, GpuPool):
        return "GPU Pool"
    return "Managed API" if backend.kind == "managed_api" else "Edge Devices"


def by_name(design: Design) -> dict[str, Backend]:
    """The backends of a design."""
    return {backend.name: backend for backend in design.backends}
