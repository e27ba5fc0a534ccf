"""What the commands of all studies share: their options, and how an answer is given."""

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from sim.cli.values import EXIT_INTERRUPTED

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.charts import Chart
    from sim.studies.bench import Bench

Command = TypeVar("Command", bound=Callable[..., Any])


class Answer(Protocol):
    """What a study returns."""

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        ...

    def frames(self) -> "dict[str, pd.DataFrame]":
        """Tables by name, each written as CSV beside the answer."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON; nothing that differs between two equal runs."""
        ...


def study_options(command: Command) -> Command:
    """Add the options of every study, as keywords of the same names."""
    for option in reversed(
        (
            click.option(
                "--worlds", type=click.IntRange(min=2), help="Most worlds to simulate of a design."
            ),
            click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers."),
            click.option(
                "--jobs", type=click.IntRange(min=1), help="Worker processes.  [default: all cores]"
            ),
            click.option("--out", type=click.Path(path_type=Path), help="Results folder."),
            click.option(
                "--set",
                "overrides",
                multiple=True,
                metavar="PATH=VALUE",
                help="Change the scenario. Repeatable.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
            click.option("--quiet", is_flag=True, help="No progress, no advice."),
        )
    ):
        command = option(command)
    return command


@contextmanager
def study_bench(jobs: int | None, quiet: bool) -> Iterator["Bench"]:
    """A bench whose progress goes to stderr, the kernel compiled."""
    from sim.cli.run import Advice, compile_once
    from sim.studies.bench import bench

    advice = Advice(quiet)
    compile_once(advice)
    try:
        with bench(jobs, advice.say) as ready:
            yield ready
    except KeyboardInterrupt:
        click.echo("sim: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)


def give(
    answer: Answer,
    shown: str,
    charts: "Callable[[], list[Chart]]",
    place: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print an answer, as text or as JSON, and keep it in a folder with its tables and pictures."""
    from sim.montecarlo.store import to_json
    from sim.report.charts import save

    text = to_json(answer.as_json())
    place.mkdir(parents=True, exist_ok=True)
    (place / "answer.json").write_text(text, encoding="utf-8")
    for name, frame in answer.frames().items():
        frame.to_csv(place / f"{name}.csv", index=False)
    (place / "command.txt").write_text(shlex.join(["sim", *sys.argv[1:]]) + "\n", encoding="utf-8")
    shutil.rmtree(place / "figures", ignore_errors=True)  # of an answer before
    save(charts(), place / "figures")
    click.echo(json.dumps(json.loads(text), indent=2) if as_json else shown)
    if not quiet:
        click.echo(f"sim: results in {place}", err=True)


def study_place(out: Path | None, study: str, name: str) -> Path:
    """The folder of a study: ``outputs/<scenario-name>/<study>``, or what was asked for."""
    import re

    slug = re.sub(r"[^\w]+", "-", name.lower()).strip("-_") or "scenario"
    return out or Path("outputs", slug[:60], study)
