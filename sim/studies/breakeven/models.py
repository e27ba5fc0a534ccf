"""Which model answers on each side: a break-even of two models is none of equal answers."""

import math

from sim.catalog import api_models
from sim.catalog.hardware import models
from sim.catalog.naming import known_as
from sim.scenario import Scenario
from sim.scenario.backend.gpu_pool import GpuPool


def models_of(scenario: Scenario) -> dict[str, str]:
    """The model of each backend that says which it has, with its quality where one is given."""
    quality = {backend.name: backend.quality for backend in scenario.typical_design().backends}
    every, found = [*dict.fromkeys((*models(), *api_models()))], {}
    for name, backend in scenario.model.backends.items():
        if isinstance(backend, GpuPool):
            model = backend.service.profile.model
        elif backend.model:
            model = backend.model
        else:
            continue
        model = known_as(model, every) or model
        points = quality[name]
        found[name] = model if math.isnan(points) else f"{model} (quality {points:g})"
    return found
