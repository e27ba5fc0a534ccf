"""The answer of ``sim size --mix``."""

import math
from typing import Any

from sim.report.columns import Column
from sim.report.figures import Figure, scale
from sim.report.parts import Grid, Paragraph, Telling
from sim.report.size_text import TEST, kept_cells
from sim.studies.size import Mix

MONEY = Figure("cost_usd_per_month", "", "usd")


def tell(answer: Mix) -> Telling:
    """The decision, what each variant carries, and every mix that was simulated."""
    basis = (
        f"What each variant carries is simulated alone; an integer programme names the cheapest mix"
        f" that could do, which is simulated like any fleet: {answer.simulated_worlds:,} worlds in"
        f" all, at most {answer.worlds:,} of a mix. The answer is wrong with a chance of at most"
        f" {100 * answer.error:g} %."
    )
    return Telling(
        answer.sentence,
        details=(Paragraph(f"SLO: {answer.asked}."),),
        figures=(_evidence(answer), _table(answer)),
        method=(Paragraph(basis),),
        brief=(_table(answer),),
    )


def _evidence(answer: Mix) -> Grid:
    heads = ("alone", "of the load, at most", "a replica a month")
    rows = [
        (
            one.pool,
            [
                (
                    "none" if one.alone is None else f"{one.alone:,}",
                    f"{100 * one.most:.3g} %" if math.isfinite(one.most) else "",
                    _usd(one.usd_per_month),
                )
            ],
        )
        for one in answer.evidence
    ]
    foot = "alone: replicas of it alone that keep the SLO; at most: what one carries at most."
    return Grid(tuple(map(Column, heads)), tuple(rows), notes=(foot,))


def _table(answer: Mix) -> Grid:
    heads = (*answer.pools, "keep the SLO", "95 % interval", "worlds", "a month")
    rows = [_row(row, answer) for row in answer.frames()["candidates"].to_dict(orient="records")]
    columns = (*map(Column, heads), Column("", right=False))
    return Grid(columns, (("", rows),), notes=(f"{TEST}.",))


def _row(row: dict[Any, Any], answer: Mix) -> tuple[str, ...]:
    return (
        *(f"{row[pool]:,.0f}" for pool in answer.pools),
        *kept_cells(row),
        f"{row['worlds']:.0f}",
        _usd(row["cost_usd_per_month"]),
        "the answer" if row["chosen"] else str(row["verdict"]),
    )


def _usd(value: float) -> str:
    return scale(MONEY, value).text(value) + " USD"
