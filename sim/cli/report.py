"""``sim report``: the page of what lies on disk."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.delivery import Advice
from sim.cli.diff import load_two
from sim.cli.values import ALLOW_CODE

if TYPE_CHECKING:
    from sim.report.page import Page

KIND = "report"


@click.command(short_help="The page of finished results, or of two runs.")
@click.argument("before", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("after", metavar="[RUN2]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for report.html and report.md.  [default: RUN; of two a new one]",
)
@ALLOW_CODE
@click.option("--quiet", is_flag=True, help="Do not say where it is.")
def report(
    before: Path, after: Path | None, out: Path | None, allow_code: bool, quiet: bool
) -> None:
    """Write the page of RUN, a results folder of any command, or of RUN2 against RUN.

    report.html is one file for a browser, report.md is for a pull request; nothing is simulated.
    The page is the same, byte for byte, as the command wrote; for a comparison both are folders of
    'sim run'.

    \b
    sim report outputs/support-assistant/size
    sim report outputs/three outputs/two --out outputs/comparison
    """  # noqa: D301 (Click wants the control character itself)
    from sim.montecarlo.storage.folder import claim
    from sim.montecarlo.storage.manifest import Manifest
    from sim.montecarlo.stored import manifest_of, spoilt_text
    from sim.report import page as pages

    advice = Advice(quiet)
    page = _of_one(before, allow_code) if after is None else _of_two(before, after, allow_code)
    for folder in filter(None, (before, after)):
        if said := spoilt_text(folder, pages.FILES, "the page"):
            advice.warn(said)
    if out is None and after is None:
        kind = manifest_of(before).kind
        with claim(before, kind, pages.FILES, tell=advice.warn) as at:
            at.add(lambda draft: pages.write(page, draft))
            place = at.path
    else:
        place = out or _beside(before, after)
        with claim(place, KIND, pages.FILES, anywhere=out is None, tell=advice.warn) as at:
            at.replace(lambda draft: pages.write(page, draft), Manifest(KIND, "finished"))
            place = at.path
    advice.say(f"the page is {place / pages.FILES[0]}")


def _beside(before: Path, after: Path | None) -> Path:
    """Where the page of two runs goes."""
    names = [path.resolve().name for path in (after, before) if path is not None]
    return Path("outputs", "-against-".join(names))


def _of_one(folder: Path, allow_code: bool) -> "Page":
    """The page of what a command left."""
    from sim.montecarlo.store import KIND as RUN
    from sim.montecarlo.stored import load_run, load_thresholds, manifest_of
    from sim.report.charts.run import charts
    from sim.report.page import page_in
    from sim.report.page.run import page_of_run
    from sim.scenario import load_scenario

    if manifest_of(folder).kind != RUN:
        return page_in(folder)
    result, _ = load_run(folder, lambda file: load_scenario(file, (), allow_code))
    summary = result.summary | {"thresholds": load_thresholds(folder)}
    return page_of_run(result, summary, charts(result))


def _of_two(before: Path, after: Path, allow_code: bool) -> "Page":
    from sim.report.charts.compare import charts
    from sim.report.page.run import page_of_two
    from sim.studies.diff import diff

    one, other = load_two(before, after, allow_code)
    answer = diff(one, other)
    return page_of_two(answer, charts(answer.comparison), (one[1], other[1]))
