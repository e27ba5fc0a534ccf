"""What a run and a study return to a script or a notebook."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import pandas as pd

from sim import __version__
from sim.montecarlo import store
from sim.montecarlo.result import RunResult
from sim.montecarlo.storage.folder import PICTURES, claim
from sim.montecarlo.storage.manifest import Manifest
from sim.python import asked, html
from sim.python.wording import python_words
from sim.report import charts, page, table
from sim.report.charts import Chart
from sim.report.charts import run as run_charts
from sim.report.headline import sentence
from sim.report.page.run import page_of_run
from sim.report.page.study import page_of_study
from sim.report.parts import Grid, Telling
from sim.report.run_text import run_text
from sim.scenario import Scenario
from sim.studies.answer import WRITES, Answer, write_answer

Pathlike = str | os.PathLike[str]
A_FOLDER = "the folder in which to write"


class Result:
    """What a run returns.

    In a notebook it shows the decision and its figures; ``print(result.text)`` is what ``sim run``
    prints.

    Parameters
    ----------
    found : RunResult
        What the run left behind.
    """

    def __init__(self, found: RunResult) -> None:
        self.found = found

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        return sentence(self.summary)

    @property
    def summary(self) -> dict[str, Any]:
        """Every figure as its distribution over worlds, as in ``summary.json``."""
        return self.found.summary

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of the whole by name: ``result.metrics["cost_usd_per_month"]["p50"]``."""
        metrics: dict[str, Any] = self.summary["metrics"]
        return metrics

    @cached_property
    def worlds(self) -> pd.DataFrame:
        """One row per world: world, verdict, ``input.<path>``, every metric."""
        return self.found.replications

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """One row per time bin: bin, start_s, and p5, p50, p95 over worlds of each column."""
        return self.found.timeline

    @cached_property
    def requests(self) -> pd.DataFrame | None:
        """Every request of the first world, if they were asked for."""
        return None if self.found.requests is None else pd.DataFrame(self.found.requests)

    @property
    def kept(self) -> bool:
        """Whether all thresholds are kept."""
        return all(each["kept"] for each in self.summary["thresholds"])

    @property
    def text(self) -> str:
        """The answer as it is printed: one screen."""
        return click.unstyle(run_text(self.found))

    @property
    def full_text(self) -> str:
        """The answer with every figure of each part, as ``--full`` prints it."""
        return click.unstyle(run_text(self.found, full=True))

    @python_words()
    def save(self, folder: Pathlike) -> Path:
        """Write the results, as ``sim run --out`` does; returns the folder.

        Raises
        ------
        ResultError
            If they cannot go there: it holds something else, or the disk is full.
        """
        place = asked.place("folder", folder, A_FOLDER)
        with store.opened(place, self.found.scenario, self.found.seed, "sim.run()") as kept:
            kept.save(self.found)
            drawn = run_charts.charts(self.found)
            shown = page_of_run(self.found, self.summary, drawn)
            kept.add(lambda draft: page.write(shown, draft))
            kept.add(lambda draft: charts.save(drawn, draft / "figures"))
        return place

    def __repr__(self) -> str:
        return f"<Result: {self.sentence}>"

    def _repr_html_(self) -> str:
        grid = table.figure_grid(self.summary)
        figures = html.rows([column.head for column in grid.columns], grid.blocks)
        return html.decision(self.sentence) + figures


class StudyResult:
    """What a study returns.

    In a notebook it shows the decision and its main table.

    Parameters
    ----------
    name : str
        Of the study.
    answer : Answer
    tell : callable
        The answer in words and tables.
    pictures : callable
        Its charts.
    cases : sequence of Scenario
        What it is about.
    example : (str, RunResult), optional
        One of the designs that were simulated, with its name.
    """

    def __init__(
        self,
        name: str,
        answer: Answer,
        tell: Callable[[Any], Telling],
        pictures: Callable[[Any], Iterable[Chart]],
        cases: Sequence[Scenario],
        example: tuple[str, RunResult] | None = None,
    ) -> None:
        self.name = name
        self.answer = answer
        self._tell = tell
        self._pictures = pictures
        self._cases = cases
        self._example = example

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        return self.answer.sentence

    @cached_property
    def summary(self) -> dict[str, Any]:
        """All numbers, as in ``answer.json``."""
        return self.answer.as_json()

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by name, as in the CSV files of the command."""
        return dict(self.answer.frames())

    @property
    def text(self) -> str:
        """The answer as it is printed: one screen."""
        return click.unstyle(self._tell(self.answer).screen())

    @property
    def full_text(self) -> str:
        """The answer with every table, as ``--full`` prints it."""
        return click.unstyle(self._tell(self.answer).text())

    @python_words()
    def save(self, folder: Pathlike) -> Path:
        """Write the answer, its tables, page and pictures, as ``--out`` does; returns the folder.

        Raises
        ------
        ResultError
            If they cannot go there: it holds something else, or the disk is full.
        """
        place, command = asked.place("folder", folder, A_FOLDER), f"sim.{self.name}()"
        about = {"peakfleet": __version__, "command": command}
        drawn = list(self._pictures(self.answer))
        telling = self._tell(self.answer)
        shown = page_of_study(self.name, telling, drawn, self._cases, self._example)

        def write(draft: Path) -> None:
            write_answer(self.answer, draft, command)
            page.write_content(shown, draft)

        with claim(place, self.name, (*WRITES, *PICTURES)) as kept:
            kept.replace(write, Manifest(self.name, "finished", about))
            kept.add(lambda draft: page.write(shown, draft))
            kept.add(lambda draft: charts.save(drawn, draft / "figures"))
        return place

    def __repr__(self) -> str:
        return f"<StudyResult of {self.name}: {self.sentence}>"

    def _repr_html_(self) -> str:
        telling = self._tell(self.answer)
        parts = (*telling.brief, *telling.figures)
        first = next((each for each in parts if isinstance(each, Grid)), None)
        return html.decision(self.sentence) + ("" if first is None else html.grid(first))
