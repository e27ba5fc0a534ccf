"""The command line: thin commands, imported only when they are used."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from sim import __version__
from sim.cli.delivery import forget_stdout


class Entry(NamedTuple):
    """A command that is not imported yet: where it is, and its line in ``sim --help``."""

    place: str
    summary: str


COMMANDS = {
    "init": Entry(
        "sim.cli.init:init", "Write a first scenario: chat, RAG, code, agents, batch, voice."
    ),
    "run": Entry("sim.cli.run:run", "Simulate a scenario: cost, utilisation and latency."),
    "size": Entry("sim.cli.size:size", "Find the cheapest fleet whose SLO holds."),
    "stress": Entry("sim.cli.stress:stress", "Find what breaks first as traffic grows."),
    "plan": Entry("sim.cli.plan:plan", "Plan month by month: volume, fleet, commitments, cost."),
    "compare": Entry("sim.cli.compare:compare", "Designs side by side, under the same chance."),
    "sweep": Entry("sim.cli.sweep:sweep", "A space of designs: which are worth their cost."),
    "risk": Entry("sim.cli.risk:risk", "How likely a rare miss of the SLO is, from few worlds."),
    "diff": Entry("sim.cli.diff:diff", "Two finished runs: what changed, and what came of it."),
    "report": Entry("sim.cli.report:report", "The page of finished results, or of two runs."),
    "breakeven": Entry(
        "sim.cli.breakeven:breakeven", "Find the volume at which self-hosting beats an API."
    ),
    "sensitivity": Entry(
        "sim.cli.sensitivity:sensitivity", "Which uncertain input moves the answer."
    ),
    "explore": Entry(
        "sim.cli.explore:explore", "A live page: move numbers of a scenario, see what comes of it."
    ),
    "calibrate": Entry("sim.cli.calibrate:calibrate", "A service profile from benchmark files."),
    "trace": Entry("sim.cli.trace:trace", "What a log holds, and the workload that replays it."),
    "validate": Entry("sim.cli.validate:validate", "How well a profile predicts measured runs."),
    "explain": Entry(
        "sim.cli.explain:explain", "What a key of a scenario means, or a word of the answers."
    ),
    "schema": Entry("sim.cli.schema:schema", "Print the JSON Schema of scenarios, for editors."),
    "catalog": Entry(
        "sim.cli.catalog:catalog", "List built-in profiles, prices, GPUs, shapes, formats."
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when asked for, so that help comes at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who has seen enough (``| head``) is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            forget_stdout()
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from their entries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 98}
)
@click.version_option(__version__, prog_name="peakfleet", message="%(prog)s %(version)s")
@click.option(
    "--catalog",
    "folder",
    envvar="PEAKFLEET_CATALOG",
    show_envvar=True,
    metavar="DIR",
    help="Folder of your own profiles, prices and models.",
)
@click.pass_context
def cli(context: click.Context, folder: str | None) -> None:
    """Capacity planning for LLM inference fleets, as distributions.

    Results go to stdout, progress and advice to stderr. COLUMNS says how wide answers may be,
    NO_COLOR (https://no-color.org) that they have no bold type and no colours.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False  # of all commands
    if folder:
        os.environ["PEAKFLEET_CATALOG"] = str(Path(folder).absolute())
