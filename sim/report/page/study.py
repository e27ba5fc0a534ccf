"""The page of a study."""

from collections.abc import Iterator, Sequence

from sim import __version__
from sim.montecarlo.result import RunResult
from sim.montecarlo.store import slug
from sim.report.charts import Chart
from sim.report.page import basis
from sim.report.page.document import Attachment, Page
from sim.report.page.pictures import pictures
from sim.report.parts import Paragraph, Part, Telling
from sim.scenario import Scenario


def page_of_study(
    name: str,
    told: Telling,
    charts: Sequence[Chart],
    cases: Sequence[Scenario],
    example: tuple[str, RunResult] | None = None,
) -> Page:
    """The page of a study.

    Parameters
    ----------
    name : str
        Its command.
    told : Telling
    charts : sequence of Chart
    cases : sequence of Scenario
        What it is about; the first gives the page its title.
    example : (str, RunResult), optional
        One of the designs that were simulated, with its name.
    """
    return Page(
        title=cases[0].name,
        kind=f"sim {name}",
        answer=told.answer,
        verdicts=told.verdicts,
        details=tuple(part for part in told.details if not _is_said(part, told)),
        figures=told.figures,
        pictures=pictures(charts),
        assumptions=tuple(basis.of_cases(cases, example)),
        method=told.method,
        scenarios=tuple(_attachments(cases)),
        version=__version__,
    )


def _is_said(part: Part, told: Telling) -> bool:
    """Whether a verdict says it as well."""
    said = {each.what for each in told.verdicts}
    return isinstance(part, Paragraph) and part.text.removesuffix(".") in said


def _attachments(cases: Sequence[Scenario]) -> Iterator[Attachment]:
    """Every scenario once, under a name of its own."""
    names: dict[str, int] = {}
    for text, name in dict.fromkeys((case.to_yaml(), slug(case.name)) for case in cases):
        names[name] = names.get(name, 0) + 1
        number = f"-{names[name]}" if names[name] > 1 else ""
        yield Attachment(f"{name}{number}.yaml", text)
