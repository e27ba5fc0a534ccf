"""Kinds of values on the command line."""

import re
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from sim.errors import PeakfleetError
from sim.model.share import read_share

if TYPE_CHECKING:
    from sim.model.threshold import Threshold
    from sim.scenario.values.units import Kind


class Share(click.ParamType[float]):
    """A share, written as ``95%`` or ``0.95``.

    Parameters
    ----------
    ends : bool
        Whether it may be 0 or 1.

    >>> Share().convert("95%", None, None), Share(ends=True).convert("1", None, None)
    (0.95, 1.0)
    """

    name = "share"

    def __init__(self, ends: bool = False) -> None:
        self.ends = ends

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As a number."""
        try:
            return read_share(value, self.ends)
        except PeakfleetError as error:
            self.fail(str(error), param, ctx)


class Condition(click.ParamType["Threshold"]):
    """A condition on the answer of a run, such as ``slo_met < 95%``."""

    name = "condition"

    def convert(
        self, value: "str | Threshold", param: click.Parameter | None, ctx: click.Context | None
    ) -> "Threshold":
        """As a threshold."""
        from sim.scenario.values.threshold import parse_threshold
        from sim.scenario.values.units import UnitError

        if not isinstance(value, str):
            return value
        try:
            return parse_threshold(value)
        except UnitError as error:
            self.fail(str(error), param, ctx)


class Cluster(click.ParamType[str]):
    """Where a cluster is, such as ``tcp://HOST:8786`` or ``local:4``."""

    name = "cluster"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it was written, if it can be meant."""
        from sim.montecarlo.cluster.address import checked

        try:
            return checked(value)
        except PeakfleetError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """How an address begins; a file that holds one is completed as any other."""
        known = [each for each in ("tcp://", "tls://", "local:") if each.startswith(incomplete)]
        files = CompletionItem(incomplete, type="file")
        return [CompletionItem(each) for each in known] or [files]


class Limit(click.ParamType[float]):
    """A time such as ``10m`` or a memory such as ``2GB``, in seconds or bytes.

    >>> Limit("duration", 1.0).convert("10m", None, None)
    600.0
    >>> Limit("size", 1e6).convert("2G", None, None)
    2000000000.0
    """

    name = "limit"

    def __init__(self, kind: "Kind", least: float) -> None:
        self._kind, self._least = kind, least

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As a number."""
        from sim.scenario.values.units import UnitError, parse_quantity

        if not isinstance(value, str):
            return value
        # Of no other time than minutes, of no other size than bytes, is it said so.
        ends = {"duration": (r"(?<=\d)\s*m$", "min"), "size": (r"(?<=\d)\s*([kMGT])$", r"\1B")}
        try:
            found = parse_quantity(re.sub(*ends[self._kind], value.strip()), self._kind)
        except UnitError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= found:
            example = {"duration": "10min", "size": "2GB"}[self._kind]
            self.fail(f"{value!r} is too little; say a unit, such as {example}", param, ctx)
        return found


SHARE: Final = Share()
SHARE_OR_ALL: Final = Share(ends=True)
JOBS: Final = click.option(
    "--jobs", type=click.IntRange(min=1), help="Worker processes.  [default: all cores]"
)
CLUSTER: Final = click.option(
    "--cluster",
    type=Cluster(),
    metavar="ADDRESS|local:N",
    help="Simulate on a Dask cluster: its scheduler, such as tcp://HOST:8786 or the file that it"
    " wrote, or N worker processes of this machine. Same results.",
)
NO_REPORT: Final = click.option(
    "--no-report", is_flag=True, help="Write no report.html and no report.md, only the results."
)
ALLOW_CODE: Final = click.option(
    "--allow-code",
    is_flag=True,
    help="Run the Python code that the scenario names as process: module:function.",
)
METRICS: Final = click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Compare this as well: a metric, or a decision such as ttft_p95_s<=2. Repeatable.",
)
MAX_TIME: Final = click.option(
    "--max-time",
    type=Limit("duration", 1.0),
    metavar="TIME",
    help="End after so long, such as 10min, with what there is; --resume goes on.",
)
MAX_MEMORY: Final = click.option(
    "--max-memory",
    type=Limit("size", 1e6),
    metavar="SIZE",
    help="Take no more memory than this, such as 2GB: with fewer worker processes, if need be.",
)
EXIT_MISSED: Final = 3  # a threshold of the run is not kept
EXIT_SPENT: Final = 4  # --max-time or --max-memory ended it before it was done
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


def refuse_beside(context: click.Context, flag: str, *options: str) -> None:
    """Refuse options that a flag makes meaningless, where they were given by hand."""
    if not context.params.get(flag):
        return
    for option in options:
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            written = {param.name: param.opts[0] for param in context.command.params}
            names = (written[name] for name in (option, flag))
            raise click.UsageError("{} has no meaning beside {}; remove one".format(*names))


def refuse_for(context: click.Context, what: str, *options: str) -> None:
    """Refuse options that mean nothing for what is asked, where they were given by hand."""
    for option in options:
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            written = {param.name: param.opts[0] for param in context.command.params}
            raise click.UsageError(f"{written[option]} has no meaning for {what}; remove it")


def refuse_jobs_beside_cluster(jobs: int | None, cluster: str | None) -> None:
    """Refuse a number of processes where those of a cluster are used."""
    if jobs is not None and cluster is not None:
        raise click.UsageError(
            "--jobs has no meaning beside --cluster; remove one, or take --cluster local:N"
        )
