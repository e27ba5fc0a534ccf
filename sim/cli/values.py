"""Kinds of values on the command line."""

from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from sim.errors import PeakfleetError
from sim.model.share import read_share

if TYPE_CHECKING:
    from sim.model.threshold import Threshold


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
EXIT_MISSED: Final = 3  # a threshold of the run is not kept
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


def refuse_jobs_beside_cluster(jobs: int | None, cluster: str | None) -> None:
    """Refuse a number of processes where those of a cluster are used."""
    if jobs is not None and cluster is not None:
        raise click.UsageError(
            "--jobs has no meaning beside --cluster; remove one, or take --cluster local:N"
        )
