"""What the commands of all studies share: their options, and how an answer is given."""

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from sim.cli.values import EXIT_INTERRUPTED

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.charts import Chart
    from sim.studies.bench import Bench


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What every study is asked by its options.

    Attributes
    ----------
    worlds, seed, jobs : int or None
        None for the study's own.
    out : Path or None
        Where results go; None for ``outputs/<scenario-name>/<study>``.
    overrides : tuple of str
        Changes of the scenario.
    as_json, quiet : bool
    """

    worlds: int | None
    seed: int | None
    jobs: int | None
    out: Path | None
    overrides: tuple[str, ...]
    as_json: bool
    quiet: bool

    @contextmanager
    def bench(self) -> Iterator["Bench"]:
        """A bench whose progress goes to stderr, the kernel compiled."""
        from sim.cli.run import Advice, compile_once
        from sim.studies.bench import bench

        advice = Advice(self.quiet)
        compile_once(advice)
        try:
            with bench(self.jobs, advice.say) as ready:
                yield ready
        except KeyboardInterrupt:
            click.echo("sim: interrupted", err=True)
            sys.exit(EXIT_INTERRUPTED)

    def give(
        self, answer: Answer, shown: str, charts: "list[Chart]", study: str, name: str
    ) -> None:
        """Print an answer, as text or as JSON, and keep it in a folder with tables and pictures.

        Parameters
        ----------
        answer : Answer
        shown : str
            The answer as text.
        charts : list of Chart
        study : str
            The command, and the name of its folder.
        name : str
            Of the scenario.
        """
        from sim.montecarlo.store import slug, to_json
        from sim.report.charts import save

        place = self.out or Path("outputs", slug(name), study)
        text = to_json(answer.as_json())
        place.mkdir(parents=True, exist_ok=True)
        (place / "answer.json").write_text(text, encoding="utf-8")
        for table, frame in answer.frames().items():
            frame.to_csv(place / f"{table}.csv", index=False)
        command = shlex.join(["sim", *sys.argv[1:]])
        (place / "command.txt").write_text(command + "\n", encoding="utf-8")
        shutil.rmtree(place / "figures", ignore_errors=True)  # of an answer before
        save(charts, place / "figures")
        click.echo(text if self.as_json else shown, nl=not self.as_json)
        if not self.quiet:
            click.echo(f"sim: results in {place}", err=True)


OPTIONS = (
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


def study_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every study; the command gets them as ``asked``."""

    @wraps(command)
    def gathered(**values: Any) -> None:
        common = {each.name: values.pop(each.name) for each in fields(Asked)}
        command(**values, asked=Asked(**common))

    wrapped: Callable[..., None] = gathered
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped
