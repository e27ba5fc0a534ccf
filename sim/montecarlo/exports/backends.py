"""What the formats of others call a backend."""

from sim.model.design import Design, GpuPool
from sim.model.managed import ManagedApi
from sim.model.purchase import PurchasePlan

Backend = GpuPool | ManagedApi


def model_name(backend: Backend) -> str:
    """The model of a pool's profile; of a managed backend nothing but its name is known."""
    return backend.profile.model if isinstance(backend, GpuPool) else backend.name


def resource_type(backend: Backend) -> str:
    """What kind of thing it is, in words."""
    if isinstance(backend, GpuPool):
        return "GPU Pool"
    return "Managed API" if backend.kind == "managed_api" else "Edge Devices"


def price_notes(backend: Backend) -> tuple[str, str]:
    """Source and date of its prices, as far as they are known; of a plan those of all tranches."""
    price = backend.price
    parts = price.tranches if isinstance(price, PurchasePlan) else (price,)
    sources = dict.fromkeys(part.source for part in parts if part.source)
    dates = dict.fromkeys(part.as_of for part in parts if part.as_of)
    return "; ".join(sources), "; ".join(dates)


def by_name(design: Design) -> dict[str, Backend]:
    """The backends of a design."""
    return {backend.name: backend for backend in design.backends}
