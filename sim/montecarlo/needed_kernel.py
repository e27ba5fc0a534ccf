"""Which kernel a run needs, and that it lies on disk before any worker starts."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sim.engine.plain_design import is_plain
from sim.montecarlo.compilation import (
    ANY,
    PLAIN,
    compile_kernel,
    kernel_is_cached,
    why_compiled_anew,
)
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.execution import foresee_kernel

if TYPE_CHECKING:
    from sim.scenario import Scenario

LOADED_BY = {PLAIN: "sim.montecarlo.ready_kernel", ANY: "sim.montecarlo.ready_kernel_of_any"}
THE_LARGER = "the larger one, for caches, tasks, APIs and the like; about a minute"


def needed_kernel(scenario: "Scenario", draws: Mapping[str, float]) -> str:
    """The kernel of a world: ``PLAIN`` or ``ANY``."""
    return PLAIN if is_plain(scenario.design(draws)) else ANY


def compile_for(
    scenario: "Scenario", seed: int, jobs: int | None, say: Callable[[str], None]
) -> None:
    """Compile the kernel that the worlds of a scenario need, unless it is there."""
    draws = draw_worlds(scenario.inputs, seed, 1)
    first = {path: float(values[0]) for path, values in draws.items()}
    compile_once(needed_kernel(scenario, first), jobs, say)


def compile_once(kernel: str, jobs: int | None, say: Callable[[str], None]) -> None:
    """Compile a kernel, saying so and why, unless it lies on disk; workers begin with it."""
    foresee_kernel(LOADED_BY[kernel])
    if kernel_is_cached(kernel):
        return  # whoever uses it loads what it needs
    why = why_compiled_anew() if kernel == PLAIN else THE_LARGER
    say("compiling the kernel (once)" + (f": {why}" if why else ""))
    compile_kernel(jobs, kernel)
