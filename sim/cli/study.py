"""What the commands of all studies share: their options, and how an answer is given."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.cli.completion import OVERRIDE
from sim.cli.delivery import Advice, command_line, deliver
from sim.cli.values import (
    ALLOW_CODE,
    CLUSTER,
    JOBS,
    MAX_MEMORY,
    MAX_TIME,
    NO_REPORT,
    refuse_jobs_beside_cluster,
)

if TYPE_CHECKING:
    from sim.montecarlo.archive import Archive
    from sim.montecarlo.storage.folder import Folder
    from sim.report.charts import Chart
    from sim.report.page import Page
    from sim.report.parts import Telling
    from sim.scenario import Scenario
    from sim.studies.answer import Answer
    from sim.studies.bench import Bench
    from sim.studies.case import Case

A = TypeVar("A", bound="Answer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What every study is asked by its options.

    Attributes
    ----------
    worlds, seed, jobs : int or None
        None for the study's own.
    cluster : str or None
        Where to simulate; None for this machine.
    out : Path or None
        Where results go; None for ``outputs/<scenario-name>/<study>``.
    overrides : tuple of str
        Changes of the scenario.
    allow_code : bool
        Whether the scenario may name code that is run.
    as_json, quiet : bool
    resume : bool
        Whether to go on with a study that was cut off.
    no_report : bool
        Whether to write no page.
    full : bool
        Whether to print all that there is, not one screen.
    max_time, max_memory : float or None
        Seconds and bytes that it may take.
    """

    worlds: int | None
    seed: int | None
    jobs: int | None
    cluster: str | None
    out: Path | None
    overrides: tuple[str, ...]
    allow_code: bool
    as_json: bool
    quiet: bool
    resume: bool = False
    no_report: bool = False
    full: bool = False
    max_time: float | None = None
    max_memory: float | None = None

    def case(self, path: Path) -> "Case":
        """A scenario as it was asked for."""
        from sim.studies.case import Case

        return Case(path, self.overrides, self.allow_code)

    @contextmanager
    def study(self, name: str, *cases: "Scenario") -> "Iterator[Study]":
        """A study of scenarios: its folder claimed, the kernel compiled, workers at hand.

        Parameters
        ----------
        name : str
            Of the command, and of its folder.
        cases : Scenario
            The first gives its name to the folder around that.
        """
        from sim.cli.run import allowed, compile_once
        from sim.montecarlo.archive import Archive
        from sim.montecarlo.storage.folder import PICTURES, claim
        from sim.montecarlo.store import slug
        from sim.studies.answer import WRITES
        from sim.studies.bench import bench
        from sim.studies.own_code import make_importable

        advice = Advice(self.quiet)
        allowance = allowed(advice, self.max_time, self.max_memory)
        for case in cases:
            make_importable(case)
        for line in dict.fromkeys(line for case in cases for line in case.footing):
            advice.say(line)
        place = self.out or Path("outputs", slug(cases[0].name), name)
        writes = (*WRITES, *PICTURES)
        how = {"anywhere": self.out is None, "resume": self.resume}
        with claim(place, name, writes, tell=advice.warn, **how) as folder:
            folder.begin({"command": command_line()})
            archive = Archive(folder, cases[0], self.seed, advice.warn)
            self._take_up(archive, advice)
            compile_once(advice, cases, self.seed, self.jobs, self.cluster)
            with (
                _keeping(archive, advice),
                bench(
                    self.jobs,
                    _progress(advice),
                    advice.finishing,
                    self.cluster,
                    allowance,
                    advice.say,
                ) as ready,
            ):
                ready.archive = archive
                try:
                    yield Study(
                        name,
                        cases,
                        ready,
                        folder,
                        archive,
                        self.as_json,
                        not self.no_report,
                        advice,
                        self.full,
                    )
                except KeyboardInterrupt:
                    self._show_what_was_found(name, cases[0].name, ready)
                    raise

    def _show_what_was_found(self, name: str, scenario: str, ready: "Bench") -> None:
        """Print what a study had found that is ended before its answer, marked as that."""
        from sim.montecarlo.storage.manifest import to_json
        from sim.report.unfinished_text import unfinished_text
        from sim.studies.unfinished import unfinished

        found = unfinished(name, scenario, ready)
        if found.cases:
            shown = to_json(found.as_json()) if self.as_json else unfinished_text(found) + "\n"
            with suppress(OSError):  # a terminal that is closed
                click.echo(shown, nl=False)

    def _take_up(self, archive: "Archive", advice: Advice) -> None:
        """Take up the worlds of a study that was cut off, if asked to; say what becomes of them."""
        place = archive.folder
        if self.resume:
            archive.resume()
            some = f"{archive.worlds:,} finished worlds are taken from {place}"
            advice.say(some if archive.worlds else f"nothing to resume in {place}; starting anew")
        elif archive.has_parts:
            advice.say(
                f"{place} holds worlds of a study that was cut off, which --resume continues;"
                " this one begins anew and replaces them"
            )


def _progress(advice: Advice) -> "Callable[[str], None]":
    """How far a study is, in a line of each step; where nobody looks on, now and then."""
    from sim.montecarlo.pulse import Pulse

    if sys.stderr.isatty():
        return advice.say
    pulse = Pulse(advice.say, first_s=0.0)
    return lambda text: pulse.tell(lambda: text)


@contextmanager
def _keeping(archive: "Archive", advice: Advice) -> "Iterator[None]":
    """Put all finished worlds on disk where a study does not come to its end."""
    try:
        yield
    except BaseException:
        archive.flush()
        if archive.worlds:
            advice.say(
                f"{archive.worlds:,} finished worlds are kept; --resume --out {archive.folder}"
                " continues"
            )
        raise


@dataclass(frozen=True, slots=True)
class Study:
    """A study under way.

    Attributes
    ----------
    name : str
    cases : tuple of Scenario
    bench : Bench
        Where its scenarios are run; progress goes to stderr.
    folder : Folder
    archive : Archive
        Where its worlds are on disk until the answer is.
    as_json, report : bool
        Whether to print JSON, and to write a page.
    advice : Advice
    full : bool
        Whether to print all that there is.
    """

    name: str
    cases: "tuple[Scenario, ...]"
    bench: "Bench"
    folder: "Folder"
    archive: "Archive"
    as_json: bool
    report: bool
    advice: Advice
    full: bool = False

    def give(
        self,
        answer: A,
        tell: "Callable[[A], Telling]",
        charts: "Callable[[A], Iterable[Chart]]",
    ) -> None:
        """Print an answer, as text or as JSON, then keep it with its tables, page and pictures.

        Parameters
        ----------
        answer : Answer
        tell : callable
            The answer in words and tables.
        charts : callable
            Its pictures.
        """
        from sim.montecarlo.storage.manifest import to_json

        example = self.bench.example()
        self.bench.seen.clear()  # the answer has it
        telling = tell(answer)
        text = telling.text if self.full else telling.screen
        shown = to_json(answer.as_json()) if self.as_json else text() + "\n"

        def save() -> None:
            from sim.report.charts import save as draw
            from sim.report.page.study import page_of_study

            drawn = list(charts(answer))
            self._save(answer, page_of_study(self.name, telling, drawn, self.cases, example))
            self.folder.add(lambda draft: draw(drawn, draft / "figures"))
            self.advice.say(f"results in {self.folder}")

        deliver(shown, save, self.advice)

    def tell_levers(self, cases: "Mapping[str, Case]", seed: int | None) -> None:
        """Say which memories of prompts are off where they would matter.

        Parameters
        ----------
        cases : mapping of str to Case
            By what to call each; empty for the scenario itself.
        seed : int or None
            None for the scenario's own.
        """
        from sim.studies.levers import levers_of

        if self.advice.quiet or self.advice.is_over:
            return
        for label, lever in levers_of(cases, seed):
            whose = "" if label in ("", lever.backend) else f"{label}: "
            self.advice.say(whose + lever.words())

    def _save(self, answer: "Answer", page: "Page") -> None:
        """Keep an answer, what its page says, and the page."""
        from sim import __version__
        from sim.montecarlo.storage.manifest import Manifest
        from sim.report import page as pages
        from sim.studies.answer import write_answer

        command = command_line()

        def write(draft: Path) -> None:
            write_answer(answer, draft, command)
            pages.write_content(page, draft)

        about = {"peakfleet": __version__, "command": command}
        self.folder.replace(write, Manifest(self.name, "finished", about))
        self.archive.clear()
        if self.report:
            self.folder.add(lambda draft: pages.write(page, draft))


OPTIONS = (
    click.option(
        "--worlds", type=click.IntRange(min=2), help="Most worlds to simulate of a design."
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers."),
    JOBS,
    CLUSTER,
    click.option("--out", type=click.Path(path_type=Path), help="Results folder."),
    click.option(
        "--set",
        "overrides",
        type=OVERRIDE,
        multiple=True,
        metavar="PATH=VALUE",
        help="Change the scenario. Repeatable.",
    ),
    ALLOW_CODE,
    NO_REPORT,
    click.option("--resume", is_flag=True, help="Continue an interrupted study in its folder."),
    MAX_TIME,
    MAX_MEMORY,
    click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
    click.option(
        "--full", is_flag=True, help="Print every table, what it rests on and does not tell."
    ),
    click.option("--quiet", is_flag=True, help="No progress, no advice."),
)


def study_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every study; the command gets them as ``asked``."""

    @wraps(command)
    def gathered(**values: Any) -> None:
        common = {each.name: values.pop(each.name) for each in fields(Asked)}
        refuse_jobs_beside_cluster(common["jobs"], common["cluster"])
        command(**values, asked=Asked(**common))

    wrapped: Callable[..., None] = gathered
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped
