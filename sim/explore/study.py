"""The small study behind the page: a few worlds at once, then more.

Worlds are simulated in processes that stay, so that the kernel is warm. A newer question ends an
older one between two worlds.
"""

import threading
import traceback
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from sim import __version__
from sim.errors import PeakfleetError, ScenarioError, one_line
from sim.explore.board import Board
from sim.explore.changes import overrides
from sim.explore.controls import Control, controls
from sim.montecarlo.result import Earlier, RunResult
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample
from sim.report.charts import Chart
from sim.report.charts.run import drawing
from sim.report.page.document import Page
from sim.report.page.run import page_of_run
from sim.report.page.sections import chart_data, sections
from sim.report.progress import so_far
from sim.scenario import Scenario
from sim.scenario.text.overrides import apply_overrides
from sim.scenario.text.yaml_file import read_document
from sim.studies.case import Case

FIRST = 2  # worlds of the first answer, which has no pictures: they take as long
GROWS = 4  # times as many worlds for the next


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes
    ----------
    number : int
        Counted from 0, the scenario as it is.
    changes : dict of str to str
        New values by path.
    """

    number: int
    changes: dict[str, Any]


class SupersededError(Exception):
    """Something else was asked meanwhile."""


class Study:
    """Answers the page's questions, the latest first, in a thread of its own.

    Parameters
    ----------
    case : Case
        The scenario.
    board : Board
        Where answers go.
    executor : Executor
        Where worlds are simulated.
    jobs : int
    worlds : int
        At most.
    """

    def __init__(
        self, case: Case, board: Board, executor: Executor, jobs: int, worlds: int
    ) -> None:
        self.case = case
        self.scenario = case.load()
        document = read_document(case.path)
        apply_overrides(document, case.overrides)
        self._data = document.data
        self.controls: list[Control] = controls(document.data, self.scenario)
        self._board, self._executor, self._jobs, self._worlds = board, executor, jobs, worlds
        self._asked = threading.Condition()
        self._latest = Question(0, {})
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="study", daemon=True)

    def start(self) -> None:
        """Begin with the scenario as it is."""
        self._thread.start()

    def ask(self, changes: dict[str, Any]) -> int:
        """Ask for the answer to other values, in place of whatever is under way; its number."""
        with self._asked:
            self._latest = Question(self._latest.number + 1, changes)
            self._asked.notify()
            return self._latest.number

    def end(self) -> None:
        """Take no more questions."""
        with self._asked:
            self._ended = True
            self._asked.notify()

    def changed(self, changes: dict[str, Any]) -> tuple[tuple[str, ...], Scenario]:
        """Changes as ``--set`` has them, and the scenario with them; raises PeakfleetError."""
        more = overrides(self.controls, changes, self._data)
        return (*self.case.overrides, *more), self.case.load(more)

    def _work(self) -> None:
        answered = -1
        while True:
            with self._asked:
                while not self._ended and self._latest.number == answered:
                    self._asked.wait()
                if self._ended:
                    return
                question = self._latest
            self._answer(question)
            answered = question.number

    def _answer(self, question: Question) -> None:
        try:
            self._simulate(question, self.changed(question.changes)[1])
        except SupersededError:
            pass
        except PeakfleetError as error:
            self._put("problem", question, lines=lines_of(error))
        except Exception as error:  # a defect: the page has to say so, and the next may go well
            if not self._is_superseded(question):
                traceback.print_exc()
            text = one_line(f"a defect of the program: {type(error).__name__}: {error}")
            self._put("problem", question, lines=[text])

    def _is_superseded(self, question: Question) -> bool:
        return self._ended or self._latest.number != question.number

    def _put(self, kind: str, question: Question, **content: Any) -> None:
        """Show something, unless nobody waits for it any more."""
        if not self._is_superseded(question):
            self._board.put(kind, number=question.number, changes=question.changes, **content)

    def _simulate(self, question: Question, scenario: Scenario) -> None:
        """A few worlds, then more; shown after each."""

        def progress(sample: Sample, target: int) -> None:
            if self._is_superseded(question):
                raise SupersededError
            done = len(sample)
            self._put("progress", question, done=done, of=self._worlds, so_far=so_far(sample))

        said = [*scenario.warnings, *scenario.footing]
        self._put("progress", question, done=0, of=self._worlds, so_far="")
        sample, exports = Sample(scenario.inputs), None
        worlds = min(FIRST, self._worlds)
        while not self._is_superseded(question):
            result = run(
                scenario,
                worlds=worlds,
                jobs=max(self._jobs // 2, 1),  # as many batches as processes: few to wait for
                executor=self._executor,
                progress=progress,
                earlier=Earlier(sample, exports=exports),
                thresholds=scenario.thresholds,
            )
            sample, exports = result.sample, result.exports
            self._show(question, result, said)
            if worlds == self._worlds:
                return
            worlds = min(GROWS * worlds, self._worlds)

    def _show(self, question: Question, result: RunResult, said: list[str]) -> None:
        worlds = len(result.sample)
        drawn: list[Chart] = []
        for chart in drawing(result) if worlds > FIRST or worlds == self._worlds else ():
            drawn += [chart] if chart else []
            if self._is_superseded(question):
                raise SupersededError
        page = page_of_run(result, result.summary, drawn)
        self._put(
            "answer",
            question,
            worlds=worlds,
            last=worlds == self._worlds,
            contents=sections(page),
            charts=dict(chart_data(page)),
            advice=said,
        )


def first_page(scenario: Scenario) -> Page:
    """What is shown until the first answer is there."""
    answer = "Simulating the first worlds …"
    return Page(title=scenario.name, kind="sim explore", answer=answer, version=__version__)


def lines_of(error: PeakfleetError) -> list[str]:
    """An error as the command line says it."""
    if isinstance(error, ScenarioError):
        return [str(problem) for problem in error.problems[:20]]
    return [one_line(str(error))]
