"""Autoscalers of users' own: registered by name, or imported as ``module:function``.

An autoscaler is any function that takes a ``Fleet`` and yields SimPy events. ``Custom.process``, in
a scenario ``process``, names it:

    def mine(fleet):
        while True:
            yield fleet.env.timeout(15)
            fleet.scale_to(math.ceil(fleet.concurrency / 8))

    AUTOSCALERS["mine"] = mine

Worker processes do not see what their parent registered. So a run hands them the functions that its
design names, by reference as pickle has it: each imports the module of the function.
"""

import difflib
import importlib
import pickle
import sys
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING

import simpy

from sim.errors import PeakfleetError
from sim.model.autoscaler import Custom
from sim.model.design import Design

if TYPE_CHECKING:
    from sim.engine.control.fleet import Fleet

Process = Generator[simpy.Event, object, None]
OwnAutoscaler = Callable[["Fleet"], Process]

AUTOSCALERS: dict[str, OwnAutoscaler] = {}
"""Users' own, by the name that ``Custom.process`` gives."""


class AutoscalerError(PeakfleetError):
    """No such autoscaler, or one that cannot be used."""


def own_autoscalers(design: Design) -> dict[str, OwnAutoscaler]:
    """The functions that the pools of a design name, by those names.

    Raises
    ------
    AutoscalerError
        If one is not registered and cannot be imported.
    """
    policies = [pool.autoscaler for pool in design.pools]
    return {p.process: own_autoscaler(p.process) for p in policies if isinstance(p, Custom)}


def own_autoscaler(name: str) -> OwnAutoscaler:
    """The function of a name; raises AutoscalerError if there is none."""
    if name in AUTOSCALERS:
        return AUTOSCALERS[name]
    module, colon, function = name.partition(":")
    if colon:
        return _imported(name, module, function)
    near = difflib.get_close_matches(name, AUTOSCALERS, n=1)
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    known = ", ".join(sorted(AUTOSCALERS)) or "none"
    raise AutoscalerError(
        f"autoscaler {name!r} is not registered{guess}; registered: {known}; "
        f"register it with sim.engine.control.AUTOSCALERS[{name!r}] = function, "
        "or name a function to import, as module:function"
    )


def _imported(name: str, module: str, function: str) -> OwnAutoscaler:
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # something that the module itself imports
        message = f"autoscaler {name!r}: no module {error.name!r} (is its folder on PYTHONPATH?)"
        raise AutoscalerError(message) from error
    except ValueError as error:  # such as an empty name
        raise AutoscalerError(f"autoscaler {name!r} is not module:function") from error
    process = getattr(found, function, None)
    if not callable(process):
        raise AutoscalerError(f"autoscaler {name!r}: {module} has no function {function!r}")
    imported: OwnAutoscaler = process
    return imported


def started(name: str, fleet: "Fleet") -> Process:
    """The process of an autoscaler for a fleet."""
    process = own_autoscaler(name)(fleet)
    if not isinstance(process, Generator):
        message = f"autoscaler {name!r} returned {process!r}, must yield SimPy events"
        raise AutoscalerError(f"{message}, such as fleet.env.timeout(15)")
    return process


def check_sendable(autoscalers: Mapping[str, OwnAutoscaler]) -> None:
    """Raise AutoscalerError for the first function that worker processes could not import."""
    interactive = not hasattr(sys.modules["__main__"], "__file__")
    for name, function in autoscalers.items():
        try:
            pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise _unsendable(name) from error
        if interactive and getattr(function, "__module__", "") == "__main__":
            raise _unsendable(name)


def _unsendable(name: str) -> AutoscalerError:
    return AutoscalerError(
        f"autoscaler {name!r} cannot be sent to worker processes: define it at the top level of a "
        "file, or use one job"
    )
