"""The answer of ``sim compare`` as text: the verdict, the designs, the paired differences."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from sim.montecarlo.estimates import Estimate
from sim.montecarlo.means import FEWEST
from sim.montecarlo.shares import Share
from sim.report.columns import Column
from sim.report.figures import duration
from sim.report.means_text import means_text
from sim.report.parts import Grid, Paragraph, Telling, Verdict, cells_of, paragraphs
from sim.report.verdicts import in_worlds
from sim.studies.compare.answer import Comparison
from sim.studies.measure import SLO_MET, Measure, rounded

Row = Mapping[Any, Any]

NAME = 28  # of a design, at most
PAIRS = 3  # on one screen, at most
AT_LEAST, OPEN, MEDIAN, MOST, EQUAL = "≥", "?", "median", "most", "≈"
WHOLE = "cost_usd"
FIGURES = (
    Column("Figures", right=False, text=True),
    *map(Column, ("median", "95 % interval", "p5 … p95")),
)
NOT_KNOWN = "not known"  # a difference without limit, of which the worlds do not tell the sign
HELD = (
    Column("Held by autoscalers", right=False, text=True),
    *map(Column, ("replicas ready", "paid", "ready at most")),
)
DIFFERENCES = (
    Column("", right=False, text=True),
    *map(Column, ("difference", "interval", "lower", "higher")),
    Column("", right=False, text=True),
)


def tell(answer: Comparison) -> Telling:
    """The study."""
    together = " for all pairs together" if len(answer.labels) > 2 else ""
    basis = (
        f"{answer.worlds:,} worlds, the same for every design; differences are taken world by"
        f" world (lower and higher: in so many), their intervals hold with 95 %{together},"
        f" and at most 5 % of verdicts on a mean are wrong.{_looks(answer)}"
        f" {means_text(answer.worlds, answer.undrawn)}"
    )
    pairs = answer.joint[["design", "against"]].itertuples(index=False, name=None)
    figures = (
        *_worlds(answer),
        _designs(answer),
        _figures(answer),
        *_held(answer),
        *(_block(answer, *pair) for pair in pairs),
    )
    return Telling(
        _capital(answer.sentence),
        verdicts=tuple(_verdicts(answer)),
        details=(Paragraph(basis),),
        figures=figures,
        method=paragraphs((*answer.notes, *_signs(answer, cells_of(figures)))),
        brief=(
            _designs(answer),
            *_asked(answer),
            *_apart(answer),
            *paragraphs((*answer.notes, *_next(answer))),
        ),
    )


def _deciding(answer: Comparison) -> Iterator[tuple[str, list[Row]]]:
    """The differences of cost and latency, pair by pair."""
    decide = {answer.cost.measure.name, answer.latency.measure.name, *answer.asked}
    for pair in answer.joint[["design", "against"]].itertuples(index=False, name=None):
        rows = [row for row in _of_pair(answer.differences, *pair) if row["metric"] in decide]
        yield " against ".join(map(_shortened, pair)), rows


def _apart(answer: Comparison) -> Iterator[Grid]:
    """How far designs lie apart in cost and latency, and what that says."""
    parts = [
        (title, [(*_row(row)[:3], _said(row)) for row in rows]) for title, rows in _deciding(answer)
    ]
    if parts:
        last = Column("", right=False, text=True)
        of_which = {row["by_median"] for _, rows in _deciding(answer) for row in rows}
        note = {True: "medians", False: "means"}
        notes = " and ".join(note[each] for each in sorted(of_which))
        left_out = f"; {len(parts) - PAIRS} more pairs in --full" if len(parts) > PAIRS else ""
        foot = f"differences world by world: {notes}{left_out}"
        yield Grid((*DIFFERENCES[:3], last), tuple(parts[:PAIRS]), notes=(foot,))


def _said(row: Row) -> str:
    """What these worlds tell of a difference."""
    if row["verdict"] == "the same":
        return ""
    return "practically equal" if row["equal"] else str(row["verdict"])


def _next(answer: Comparison) -> Iterator[str]:
    """How many worlds would tell what these cannot."""
    needed = [
        row["worlds_needed"]
        for _, rows in _deciding(answer)
        for row in rows
        if row["verdict"] == "cannot tell" and math.isfinite(row["worlds_needed"])
    ]
    if needed:
        yield f"About {max(needed):,.0f} worlds would tell (--worlds {max(needed):.0f})."


def _verdicts(answer: Comparison) -> Iterator[Verdict]:
    """Which designs meet the SLO in most worlds."""
    for each in answer.overviews:
        if each.slo_met is not None:
            yield in_worlds(each.slo_met, f"The SLO with {each.label}")


def _designs(answer: Comparison) -> Grid:
    """A line per design."""
    cost, latency = answer.cost.measure, answer.latency.measure
    heads = [Column("Designs", right=False)]
    for each in (cost, latency):
        heads += [Column(f"{each.words()}\nmedian"), Column("p5 … p95")]  # the same in all: none
    rows = [
        (
            _shortened(each.label),
            *_spread(each.cost, cost),
            *_spread(each.latency, latency),
        )
        for each in answer.overviews
    ]
    return Grid(tuple(heads), (("", rows),))


def _looks(answer: Comparison) -> str:
    """How often it was looked at, where a comparison may end before its last world."""
    if len(answer.looks) < 2:
        return ""
    some = ", ".join(str(look) for look in answer.looks[:-1])
    early = answer.worlds < answer.looks[-1]
    ended = f"it ended at {answer.worlds:,}, where it was sure" if early else "it took all"
    return (
        f" It was to end at {some} or {answer.looks[-1]:,} worlds, as soon as it is sure, and"
        f" {ended}; the 5 % are of all looks together."
    )


def _worlds(answer: Comparison) -> Iterator[Grid]:
    """In how many worlds each design meets the SLO, and falls behind."""
    heads = ("Worlds", "the SLO is met in", "it falls behind in")
    rows = [
        (_shortened(each.label), *(share.words() if share else "–" for share in shares))
        for each in answer.overviews
        for shares in [(each.slo_met, each.overloaded)]
    ]
    yield _columns(heads, rows)
    worst = [(_shortened(each.label), each.worst) for each in answer.overviews if each.worst]
    if worst:
        heads = ("Worst served", "its latency, median world", "too few within the SLO in")
        yield _columns(heads, [(label, w.words, w.missed.words()) for label, w in worst])


def _asked(answer: Comparison) -> Iterator[Grid]:
    """The figures that were asked for by name."""
    frame = answer.figures
    frame = frame[frame["metric"].isin(answer.asked) & (frame["metric"] != SLO_MET)]
    if not frame.empty:
        yield _figures(answer, frame)


def _figures(answer: Comparison, frame: pd.DataFrame | None = None) -> Grid:
    """Every other figure that is compared, of each design by itself; or those of a frame."""
    parts = []
    for metric, own in (answer.figures if frame is None else frame).groupby("metric", sort=False):
        measure = Measure.parse(str(metric))
        if measure.metric == SLO_MET:
            continue  # told in worlds
        share = ", share of worlds" if measure.decision else ""
        title = f"  {_words(answer, measure)}{share}"
        parts.append((title, [_figure(row, measure) for row in own.to_dict("records")]))
    return Grid(FIGURES, tuple(parts))


def _words(answer: Comparison, measure: Measure) -> str:
    """What a figure is; beside the cost of a month that of what is simulated says of how long."""
    if measure.metric != WHOLE or measure.sign:
        return measure.words()
    known = math.isfinite(answer.horizon_s)
    return f"cost of {f'the {duration(answer.horizon_s)}' if known else 'the time'} simulated"


def _held(answer: Comparison) -> Iterator[Grid]:
    """What autoscalers held, where there are some: what fleets of GPUs are paid for."""
    if answer.held.empty:
        return
    several = answer.held["backend"].nunique() > 1
    rows = [
        (
            _shortened(row["design"]) + (f", {row['backend']}" if several else ""),
            *(rounded(row[name], 3) for name in ("ready", "paid", "most")),
        )
        for row in answer.held.to_dict("records")
    ]
    foot = "paid: those that start, drain or stand by, too; the median world"
    yield Grid(HELD, (("", rows),), notes=(foot,))


def _figure(row: Row, measure: Measure) -> tuple[str, ...]:
    """A design's own figure."""
    if math.isnan(row["p50"]):
        return (f"    {_shortened(row['design'])}", "–", "", "")
    figures = [row[name] for name in ("p50", "p50_low", "p50_high", "p5", "p95")]
    (middle, low, high, p5, p95), unit = measure.scaled(*figures)
    bound = AT_LEAST if row["at_least"] else ""
    interval = f"{low} … {high}".replace("–", OPEN) if low != high else ""
    spread = f"{p5} … {p95}" if p5 != p95 and not measure.decision else ""
    return (
        f"    {_shortened(row['design'])}",
        f"{bound}{middle} {unit}".rstrip(),
        interval,
        spread,
    )


def _columns(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Grid:
    """Words in columns."""
    return Grid(tuple(Column(head, right=False, text=True) for head in heads), (("", rows),))


def _spread(figure: Estimate, measure: Measure) -> tuple[str, str]:
    if math.isnan(figure.p50):
        return "–", ""
    low, high = measure.amounts(figure.p5, figure.p95)
    high = (AT_LEAST if "p95" in figure.at_least else "") + high
    middle = (AT_LEAST if "p50" in figure.at_least else "") + measure.amount(figure.p50)
    return (middle, f"{low} … {high}" if figure.p5 != figure.p95 else "")


def _block(answer: Comparison, label: str, against: str) -> Grid:
    """A design against another."""
    rows = [_row(row) for row in _of_pair(answer.differences, label, against)]
    (chances,) = _of_pair(answer.joint, label, against)
    said = (
        f"{word} in {_share(chances[word], answer.worlds).words()}"
        for word in ("cheaper", "faster", "both")
    )
    unknown = ""
    if chances["unknown"]:
        where = _share(chances["unknown"], answer.worlds).words()
        unknown = f"; which is faster is unknown in {where}"
    return Grid(
        DIFFERENCES,
        (("", rows),),
        title=f"{label} against {against}",
        notes=(f"It is {', '.join(said)}{unknown}.",),
    )


def _of_pair(frame: pd.DataFrame, label: str, against: str) -> list[Row]:
    """The rows of a pair."""
    rows = frame[(frame["design"] == label) & (frame["against"] == against)]
    return [*rows.to_dict("records")]


def _share(share: float, worlds: int) -> Share:
    return Share(round(share * worlds), worlds)


def _row(row: Row) -> tuple[str, ...]:
    measure = Measure.parse(str(row["metric"]))
    if row["verdict"] == "the same":
        return (f"  {measure.words()}", "the same", "", "", "", "")
    ways = [f"{row[f'{way}_in']:,}" for way in ("lower", "higher")]
    of = "median" if row["by_median"] else "mean"
    figures = row[f"{of}_difference"], row[f"{of}_low"], row[f"{of}_high"]
    (difference, low, high), unit = measure.scaled(*figures)
    sign = "+" if figures[0] > 0 else ""
    unknown = not math.isfinite(figures[0]) and row["verdict"] == "cannot tell"
    unit = unit if math.isfinite(figures[0]) else ""
    interval = f"{low} … {high}".replace("–", OPEN) if low != high else ""
    return (
        f"  {measure.words()}",
        NOT_KNOWN if unknown else f"{sign}{difference} {unit.replace('%', 'points')}".rstrip(),
        "" if unknown else interval,
        *ways,
        " ".join([*([MEDIAN] if row["by_median"] else []), *_remark(row)]),
    )


def _remark(row: Row) -> Iterator[str]:
    """What is missing where there is no verdict."""
    if row["equal"]:
        yield EQUAL
        return
    if row["verdict"].endswith("most worlds"):
        yield MOST
    if row["verdict"] == "cannot tell" or row["verdict"].endswith("most worlds"):
        needed = row["worlds_needed"]
        yield f"{OPEN} {needed:,.0f}" if math.isfinite(needed) else f"{OPEN} alike"


def _signs(answer: Comparison, shown: str) -> Iterator[str]:
    """What the signs in the tables mean."""
    if AT_LEAST in shown:
        yield (
            f"{AT_LEAST}  at least: in some worlds the backlog goes on after the end, or only some"
            " of the days are simulated."
        )
    signs = {
        word
        for row in answer.differences.to_dict("records")
        for remark in _remark(row)
        for word in remark.split()
    }
    if EQUAL in signs:
        yield (
            f"{EQUAL}  practically equal: the whole interval lies within"
            f" {100 * answer.equal_within:g} % of the other design's figure, of shares within as"
            " many points (--equal-within)."
        )
    if OPEN in signs:
        yield (
            f"{OPEN}  these worlds cannot tell, of the mean; about so many would (alike: more than"
            " 100,000, so that in practice there is no difference)."
        )
    if MOST in signs:
        yield f"{MOST}  which design is lower in most worlds is sure, but not which is on average."
    differences = answer.differences
    if differences["by_median"].any():
        few = (
            f"fewer than {FEWEST} worlds do not tell a mean where no uncertain input says how they"
            " differ"
        )
        late = (
            "where a fleet falls behind, its latency is a lower bound, which counts as slower"
            " without limit"
        )
        reasons = [few] if (differences["by_median"] & ~differences["bounded"]).any() else []
        reasons += [late] if differences["bounded"].any() else []
        yield f"{MEDIAN}  of the differences, the others are means: {'; '.join(reasons)}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _shortened(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
