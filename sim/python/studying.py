"""What all studies have in common when they are asked from Python.

Each is a function of the name of its command, asks what that asks, with the same defaults, and
gives the same answer to the bit. Common to all:

- ``scenario`` and ``changes`` are what :meth:`~sim.python.scenario.Scenario.load` takes;
- ``worlds`` and ``seed`` are the study's own by default, as on the command line;
- ``jobs`` is the number of worker processes, by default one per core; with 1 everything happens in
  this process;
- ``cluster`` is where to simulate in their place, as ``--cluster`` takes it: the address of a Dask
  scheduler, such as ``"tcp://HOST:8786"``, or ``"local:4"``;
- ``tell`` is told now and then what is going on, such as ``print``.

Anything that a user can mend raises ``PeakfleetError``, with the text of the command line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral

from sim.errors import PeakfleetError
from sim.model.share import read_share
from sim.python.asked import refused
from sim.scenario import Scenario
from sim.studies.bench import Bench, bench
from sim.studies.own_code import make_importable

Share = str | float  # "95%" or 0.95
Number = str | float  # "40k" or 40000
Told = Callable[[str], None]


@contextmanager
def workplace(
    jobs: int | None,
    cluster: str | None,
    worlds: int | None,
    tell: Told | None,
    *scenarios: Scenario,
) -> Iterator[Bench]:
    """Where a study of scenarios is simulated."""
    check_workers(jobs, cluster)
    check_counts(2, worlds=worlds)
    for each in scenarios:
        make_importable(each)
    with bench(jobs, tell or (lambda _: None), cluster=cluster) as ready:
        yield ready


def optional(value: float | None) -> float | None:
    """A number as the command line reads it: 2 and 2.0 are told apart in JSON."""
    return None if value is None else float(value)


def share_of(name: str, value: Share, ends: bool = False) -> float:
    """A share as a number; an error names it."""
    try:
        return read_share(value, ends)
    except PeakfleetError as error:
        raise PeakfleetError(f"{name}: {error}") from None


def check_workers(jobs: int | None, cluster: str | None) -> None:
    """Refuse processes of this machine beside those of a cluster, and what can be neither."""
    check_counts(jobs=jobs)
    if jobs is not None and cluster is not None:
        raise PeakfleetError("jobs has no meaning beside cluster; remove one, or say 'local:N'")


def check_counts(least: int = 1, **counts: int | None) -> None:
    """Refuse numbers of which there are too few; None stands for a default."""
    for name, count in counts.items():
        if count is None:
            continue
        if not isinstance(count, Integral) or isinstance(count, bool):
            raise refused(name, count, "a whole number")
        if count < least:
            raise PeakfleetError(f"{name} ({count}) must be at least {least}")


def check_above_0(**values: float | None) -> None:
    """Refuse amounts of nothing or less; None stands for a default."""
    for name, value in values.items():
        if value is not None and not value > 0.0:
            raise PeakfleetError(f"{name} ({value:g}) must be above 0")
