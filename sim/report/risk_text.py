"""The answer of ``sim risk`` as text: the share of worlds, and the worlds that tell it."""

from collections.abc import Iterator

from sim.montecarlo.shares import percent
from sim.report.columns import Column
from sim.report.parts import Grid, Paragraph, Telling, Verdict, paragraphs
from sim.report.thresholds_text import UNDECIDED
from sim.studies.measure import SLO_MET
from sim.studies.risk.answer import Risk, many

ON_A_SCREEN = 6  # levels, the nearest to a miss


def tell(answer: Risk) -> Telling:
    """The study."""
    return Telling(
        answer.sentence,
        verdicts=(_verdict(answer),),
        details=(Paragraph(_basis(answer)),),
        figures=(_levels(answer),),
        method=paragraphs(_notes(answer)),
        brief=(_levels(answer, ON_A_SCREEN), Paragraph(_basis(answer))),
    )


def _verdict(answer: Risk) -> Verdict:
    what = "The SLO" if answer.target.metric == SLO_MET else answer.target.words()
    said = f"in {answer.kept_words()} of worlds, {100 * answer.probability:g} % asked"
    unsure = "" if answer.is_kept is not None else UNDECIDED
    return Verdict(answer.is_kept, what[0].upper() + what[1:], said + unsure)


def _basis(answer: Risk) -> str:
    if answer.plain:
        return (
            f"{answer.simulated:,} worlds, drawn as they come, for {answer.plain}: looking for"
            " those near a miss would tell no more."
        )
    return (
        f"{answer.simulated:,} worlds in all, {answer.pilot:,} of them a pilot. Drawn as they come,"
        f" {many(answer.plain_worlds)} would tell as much."
    )


def _levels(answer: Risk, most: int | None = None) -> Grid:
    """The levels, that nearest to a miss first."""
    heads = (
        Column("of all worlds"),
        Column("simulated"),
        Column("missed"),
        Column("", right=False),
    )
    shown = answer.levels[::-1][:most]
    rows = [
        (
            _part(each.share),
            f"{each.missed.worlds:,}",
            f"{each.missed.count:,}",
            f"{percent(each.missed.value)} {each.missed.bounds()}",
        )
        for each in shown
    ]
    left = len(answer.levels) - len(shown)
    notes = () if answer.plain else ("each line: worlds that their inputs put nearer to a miss",)
    more = (f"{left:,} more levels, further from a miss, in --full",) if left else ()
    return Grid(heads, (("", rows),), notes=(*notes, *more))


def _part(share: float) -> str:
    return "all" if share == 1.0 else f"1 in {1.0 / share:,.0f}"


def _notes(answer: Risk) -> Iterator[str]:
    """What the interval rests on."""
    if answer.plain:
        return
    yield (
        f"Worlds are ranked by {answer.foretold_by}, as the pilot foretells it from their inputs"
        f" ({percent(answer.explained)} of its variance). The ranks decide only which worlds are"
        " looked at: each counts by the share of all worlds that its level is."
    )
    yield (
        "The interval assumes that misses get rarer, the further the inputs are from the limit, at"
        " least as fast as they do where they are seen: levels further off, in which no world"
        f" missed, add at most {percent(answer.found.below)} to the worlds that miss. Without that,"
        f" up to {percent(answer.found.without)} may miss: what the inputs do not foretell at all,"
        " and is as rare, so few worlds cannot rule out."
    )
