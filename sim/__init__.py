"""Peakfleet: Monte Carlo capacity planning for LLM inference fleets.

From Python::

    import sim

    result = sim.run("scenarios/quickstart.yaml", worlds=20)
    print(result.text)
    fleet = sim.size("scenarios/quickstart.yaml", {"backends.large.router": "round_robin"})

All of :mod:`sim.python` is here, imported when it is first used, so that ``sim --help`` need not
wait for it.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_INTERFACE = "sim.python"
__all__ = [
    "PeakfleetError",
    "Result",
    "Scenario",
    "ScenarioError",
    "StudyResult",
    "__version__",
    "breakeven",
    "compare",
    "diff",
    "plan",
    "risk",
    "run",
    "sensitivity",
    "size",
    "stress",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_INTERFACE), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
