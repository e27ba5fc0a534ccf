"""``sim diff``: two runs on disk against each other."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.values import ALLOW_CODE, METRICS

if TYPE_CHECKING:
    from sim.studies.diff import Stored


@click.command(short_help="Two finished runs: what was changed, and what came of it.")
@click.argument("before", metavar="RUN1", type=click.Path(path_type=Path))
@click.argument("after", metavar="RUN2", type=click.Path(path_type=Path))
@METRICS
@ALLOW_CODE
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def diff(
    before: Path, after: Path, metrics: tuple[str, ...], allow_code: bool, as_json: bool
) -> None:
    """Set RUN2, a results folder of 'sim run', against RUN1; nothing is simulated.

    Worlds of the same seed are compared one by one, so that chance that is common to both cancels.

    \b
    sim run chat.yaml --out outputs/three
    sim run chat.yaml --set backends.large.replicas=2 --out outputs/two
    sim diff outputs/three outputs/two
    """  # noqa: D301 (Click wants the control character itself)
    from sim.cli.delivery import Advice
    from sim.montecarlo.storage.manifest import to_json
    from sim.montecarlo.stored import spoilt_text
    from sim.report.diff_text import render
    from sim.studies.diff import diff as study

    one, other = load_two(before, after, allow_code)
    for folder in (before, after):
        if said := spoilt_text(folder, (), "the difference"):
            Advice(False).warn(said)
    answer = study(one, other, metrics)
    click.echo(to_json(answer.as_json()) if as_json else render(answer) + "\n", nl=False)


def load_two(before: Path, after: Path, allow_code: bool) -> "tuple[Stored, Stored]":
    """Two runs, named after their folders."""
    from sim.montecarlo.stored import load_run
    from sim.scenario import load_scenario

    names = [path.name if before.name != after.name else str(path) for path in (before, after)]
    if before.resolve() == after.resolve():
        raise click.UsageError(f"{before} and {after} are the same folder")
    runs = [load_run(path, lambda file: load_scenario(file, (), allow_code))
            for path in (before, after)]  # fmt: skip
    one, other = ((name, *run) for name, run in zip(names, runs, strict=True))
    return one, other
