"""The answer of ``sim size``."""

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from sim.montecarlo.shares import Share, percent
from sim.report.columns import Column
from sim.report.figures import ABSENT, Figure, duration, scale
from sim.report.means_text import means_text
from sim.report.parts import Command, Grid, Paragraph, Telling, Verdict, paragraphs
from sim.report.table import AT_LEAST
from sim.studies.measure import Measure
from sim.studies.size import Size
from sim.studies.size.fleets import NOTICED
from sim.studies.size.wording import two_digits

TEST = "the test that decides spends a part of the error at every look, and asks for more"
REVERSALS = 0.01  # share of worlds from which on it is worth saying
MONEY = Figure("cost_usd_per_month", "", "usd")
SECONDS = Figure("latency", "", "seconds")


def tell(answer: Size) -> Telling:
    """The decision, every fleet that was looked at, and what is worth knowing beside them."""
    services = [_services(answer.services)] if len(answer.services) > 1 else []
    notes = (note for part in (_oracle, _regret, _others, _method) for note in part(answer))
    fleets = _table(answer)
    return Telling(
        answer.sentence,
        verdicts=tuple(_verdicts(answer)),
        details=(Paragraph(f"SLO: {answer.asked}."),),
        figures=(*services, fleets),
        method=(*paragraphs(notes), *_more(answer), *_command(answer)),
        brief=(_deciding(services, fleets), *_more(answer), *_command(answer)),
    )


def _deciding(services: Sequence[Grid], fleets: Grid) -> Grid:
    """The table that decides: of several services one a line, else every count looked at."""
    if services:
        return services[0]
    (_, rows), *_rest = fleets.blocks
    return Grid(fleets.columns, (("", rows),), notes=fleets.notes)


def _verdicts(answer: Size) -> Iterator[Verdict]:
    """Whether the chosen fleet keeps the SLO, or none is decided to."""
    what, asked = f"SLO: {answer.asked}", answer.question.probability
    chosen = answer.chosen
    if chosen is None or chosen.count is None or chosen.found is None:
        yield Verdict(False, what, f"no fleet is decided to keep it in {percent(asked)} of worlds")
        return
    keeping = chosen.found.tallies[chosen.count].keeping
    yield Verdict(True, what, f"{chosen.words}: in {keeping.words()}, {percent(asked)} asked")


def _more(answer: Size) -> Iterator[Paragraph]:
    """How many worlds would tell what these do not."""
    needed = answer.worlds_needed
    if needed and math.isfinite(needed):
        yield Paragraph(f"--worlds {two_digits(needed)} would tell what these worlds cannot.")


def _command(answer: Size) -> Iterator[Command]:
    if answer.overrides and answer.file is not None:
        file = shlex.quote(str(answer.file))
        yield Command("To simulate it:", f"sim run {file} {_settings(answer.overrides)}")


def _settings(overrides: Iterable[str]) -> str:
    """Overrides as options, of a key that is set again the last.

    >>> _settings(["a.b=1", "c=x", "a.b=2"])
    '--set a.b=2 --set c=x'
    """
    last = {each.split("=", 1)[0]: each for each in overrides}
    return " ".join(f"--set {shlex.quote(each)}" for each in last.values())


def _services(frame: pd.DataFrame) -> Grid:
    """A row per service: its fleet, what that costs, and how sure it is."""
    heads = ("replicas", "GPUs", "a month", "keep the SLO", "speed known")
    columns = [*map(Column, heads), Column("", right=False, text=True)]
    rows = [(str(row["service"]), [_service(row)]) for row in frame.to_dict("records")]
    foot = "speed known: mean error of the profile, measured or computed."
    return Grid(tuple(columns), tuple(rows), notes=(foot,))


def _service(row: dict[Any, Any]) -> tuple[str, ...]:
    """Cells of a service."""
    computed = " computed" if str(row["service"]).startswith("computed/") else ""
    basis = f"±{100 * row['fit_error']:.2g} %{computed}"
    if math.isnan(row["replicas"]):
        dropped = not math.isnan(row["cost_usd_per_month"])
        cost = f"≥ {_usd(row['cost_usd_per_month'])}" if dropped else ABSENT
        return (ABSENT, ABSENT, cost, "", basis, row["says"])
    return (
        f"{row['replicas']:,.0f}",
        f"{row['gpus']:,.0f}",
        _usd(row["cost_usd_per_month"]),
        "{} ({})".format(*kept_cells(row)),
        basis,
        "",
    )


def _table(answer: Size) -> Grid:
    frame = answer.candidates
    services = frame["service"].unique()
    blocks_of: dict[str, list[tuple[str, ...]]] = {}
    for name in services:
        rows = frame[frame["service"] == name]
        blocks_of[name] = [
            _row(row, _scale(frame), answer) for row in rows.to_dict(orient="records")
        ]
    heads = ("replicas", "keep the SLO", "95 % interval", "worlds", "a month")
    columns = [*map(Column, heads), Column(f"p95 {_scale(frame).unit}")]
    said = Column("", right=False, text=True)
    rows = [row for block in blocks_of.values() for row in block]
    month = f" of {answer.month}" if answer.month else ""
    latency = Measure.parse(answer.latency_metric).words()
    foot = (
        f"{TEST}; a month: the mean{month}; p95: {latency}, in the median of the row's worlds"
        + (
            f", {AT_LEAST} where requests were not answered, for it is that of the others."
            if AT_LEAST in "".join(map("".join, rows))
            else "."
        )
    )
    return Grid((*columns, said), tuple(blocks_of.items()), notes=(foot,))


def _scale(frame: pd.DataFrame) -> Any:
    if "latency_p95_p50_s" not in frame:
        return scale(SECONDS, 1.0)
    known = frame["latency_p95_p50_s"].dropna()
    return scale(SECONDS, float(known.median()) if len(known) else 1.0)


def _row(row: dict[Any, Any], latency: Any, answer: Size) -> tuple[str, ...]:
    """Cells of a fleet."""
    least, most = row["replicas_min"], row["replicas_max"]
    if math.isnan(most):
        return (ABSENT, "", "", "", _usd(row["cost_usd_per_month"]), "", row["reason"])
    simulated = not math.isnan(row.get("cost_usd_per_month", math.nan))
    at_most = "" if simulated else "≤ "
    overloaded = row["overloaded_share"] > 0 and simulated
    said = "the answer" if row["chosen"] else _short(row["verdict"], simulated)
    extra = f", {100 * row['overloaded_share']:.3g} % fall behind" if overloaded else ""
    p95 = latency_text(row, latency)
    share, interval = kept_cells(row)
    lost = row.get("unanswered_share", 0.0)
    if lost >= NOTICED:
        extra += f", {percent(lost)} not answered"
    return (
        f"{most:.0f}" if not row["autoscaled"] else f"{least:.0f} to {most:.0f}",
        at_most + share,
        interval,
        f"{row['worlds']:.0f}",
        _usd(row["cost_usd_per_month"]) if simulated else ABSENT,
        p95,
        said + extra,
    )


def kept_cells(row: dict[Any, Any]) -> tuple[str, str]:
    """The share of worlds that keep the SLO, and its interval: as the sentence has them."""
    keeping = Share(round(row["kept_share"] * row["worlds"]), round(row["worlds"]))
    return percent(keeping.value), keeping.bounds().strip("()")


def latency_text(row: dict[Any, Any], latency: Any) -> str:
    """The p95 of a fleet's answers: at least that, where others had none."""
    bound = AT_LEAST if row.get("unanswered_share", 0.0) >= NOTICED else ""
    return bound + str(latency.text(row.get("latency_p95_p50_s")))


def _short(verdict: str, simulated: bool) -> str:
    if not simulated:
        return "too much work, not simulated"
    return {"keeps": "does, for more", "misses": "misses", "cannot tell": "cannot tell"}[verdict]


def _oracle(answer: Size) -> Iterator[str]:
    oracle = answer.beside.oracle
    if oracle is None:
        return
    share = oracle.margin_usd_per_month / max(oracle.fixed_usd_per_month, 1e-9)
    yield (
        f"Oracle: with the least replicas of each hour, {oracle.replicas_mean:.2f} on average"
        f" ({oracle.worlds} worlds), {_usd(oracle.cost_usd_per_month)} would have done. The margin"
        f" of {oracle.fixed} fixed replicas costs {_usd(oracle.margin_usd_per_month)} a month,"
        f" {100 * share:.0f} % of their price: no policy saves more."
    )


def _regret(answer: Size) -> Iterator[str]:
    beside = answer.beside
    if not math.isnan(beside.worth_of_a_miss_usd):
        worth = beside.worth_of_a_miss_usd
        yield (
            "The last replica saves no request from missing the SLO, only worlds from missing"
            " their share."
            if math.isinf(worth)
            else f"The last replica pays if a request outside of the SLO costs {_usd(worth)} or"
            " more."
        )
    if beside.regret is not None:
        regret = beside.regret
        chosen = regret.fleets[regret.fleets["least_regret"]].iloc[0]
        yield (
            f"Least regret at {regret.miss_usd:g} USD a miss: {regret.count}"
            f" replica{'s' if regret.count != 1 else ''}, {_usd(chosen['cost_usd_per_month'])} and"
            f" {chosen['misses_per_month']:,.0f} misses a month"
            f" ({_usd(chosen['misses_usd_per_month'])}); the mean regret is"
            f" {_usd(chosen['regret_mean_usd_per_month'])} a month ({regret.worlds} worlds)."
        )


def _others(answer: Size) -> Iterator[str]:
    for difference in answer.beside.differences:
        low, high = difference.interval
        known = math.isfinite(low) or math.isfinite(high)
        ends = " … ".join("?" if math.isnan(end) else f"{end:,.0f}" for end in (low, high))
        interval = f" ({ends})" if known else ""
        middle = ", in the median world" if difference.paired.by_median else ""
        about = "" if difference.told else ": cannot tell which is cheaper"
        yield (
            f"{difference.other.words} of {difference.other.kind.service} cost"
            f" {difference.usd_per_month:,.0f} USD more a month{middle}{interval}{about}."
        )


def _method(answer: Size) -> Iterator[str]:
    yield (
        f"The answer is wrong with a chance of at most {100 * answer.error:g} %; a world is"
        f" {duration(answer.horizon_s)} of traffic, and {answer.simulated_worlds:,} were simulated,"
        f" at most {answer.worlds:,} of a fleet."
    )
    yield means_text(answer.shown_worlds, answer.undrawn, "Mean costs")
    found = None if answer.chosen is None else answer.chosen.found
    if found is not None and found.reversals > REVERSALS:
        yield (
            f"In up to {100 * found.reversals:.2g} % of worlds a larger fleet misses what a"
            " smaller one keeps; the search assumes that there are none."
        )


def _usd(value: float) -> str:
    return scale(MONEY, value).text(value) + " USD"
