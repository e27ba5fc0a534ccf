"""What an answer rests on: the uncertain inputs, and the figures that were looked up."""

from collections.abc import Iterable, Iterator, Sequence

from sim.catalog.shapes import shape, shape_names
from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.report.columns import Column
from sim.report.figures import ABSENT
from sim.report.parts import Grid, Items, Paragraph, Part
from sim.scenario import Scenario
from sim.scenario.checks import UNROUTED
from sim.studies.inputs import FEWEST, Effect, Input, inputs, measures
from sim.studies.measure import compact

FIGURES = (
    Column("Figure", right=False, text=True),
    Column("Taken from the catalogue", right=False, text=True),
    Column("Grade", right=False),
    Column("Date", right=False),
    Column("Source", right=False, text=True),
)
CHANCE = "?"


def of_run(result: RunResult) -> Iterator[Part]:
    """All that a run rests on."""
    yield from uncertain(result)
    yield from looked_up(result.scenario, result.design)


def of_cases(cases: Sequence[Scenario], example: tuple[str, RunResult] | None) -> Iterator[Part]:
    """All that a study of cases rests on.

    Parameters
    ----------
    cases : sequence of Scenario
    example : (str, RunResult) or None
        One of the designs that were simulated, for what inputs did to its figures: nothing where
        the study gave each of them a value of its own.
    """
    if example is not None:
        about, result = example
        if any(inputs(result)) or not any(case.inputs for case in cases):
            yield from uncertain(result, f"in the worlds of {about}")
    rows = [row for case in cases for row in _rows(case, case.typical_design())]
    yield from _grid(rows)
    # Where the workloads go is what a study tries: that a side has none is no news.
    yield from _said(line for each in cases for line in each.cautions if UNROUTED not in line)


def uncertain(result: RunResult, where: str = "") -> Iterator[Part]:
    """Each uncertain input, and what came with it."""
    found = list(inputs(result))
    if not found:
        yield Paragraph("Nothing differs between worlds but chance: no input is uncertain.")
        return
    heads = [Column("Uncertain input", right=False, text=True), Column("drawn, p5 … p50 … p95")]
    told = measures(result) if any(each.effects for each in found) else ()
    heads += [Column(f"{each.words()}, low → high") for each in told]
    rows = [_row(each) for each in found]
    notes = []
    if told:
        notes.append(
            "low → high: median over the third of the worlds in which the input was lowest, and"
            " highest (of the SLO, the share of them); sim sensitivity moves one input at a time."
        )
    elif len(result.sample) < FEWEST:
        notes.append(f"Fewer than {FEWEST} worlds do not tell what each input did to the answer.")
    if any(CHANCE in cell for row in rows for cell in row):
        notes.append(f"{CHANCE}  within what chance does.")
    title = "What nobody knows yet" + (f", {where}" if where else "")
    yield Grid(tuple(heads), (("", rows),), title, tuple(notes))


def _row(each: Input) -> tuple[str, ...]:
    path = each.path if each.parts == 1 else f"{each.path}_1 … {each.parts}, the strongest of them"
    return (path, " … ".join(map(compact, each.drawn)), *map(_moved, each.effects))


def _moved(effect: Effect) -> str:
    low, high = effect.measure.amounts(effect.low, effect.high)
    if low == high.partition(" ")[0]:
        return f"stays {high}"
    return f"{low} → {high}{'' if effect.told else f' {CHANCE}'}"


def looked_up(scenario: Scenario, design: Design) -> Iterator[Part]:
    """Figures of the catalogue with their grade, date and source, and what to know of them."""
    yield from _grid(list(_rows(scenario, design)))
    yield from _said(scenario.cautions)


def _grid(rows: Sequence[tuple[str, ...]]) -> Iterator[Part]:
    if rows:
        yield Grid(FIGURES, (("", tuple(dict.fromkeys(rows))),), "What was looked up")


def _said(cautions: Iterable[str]) -> Iterator[Part]:
    """Warnings, and what is less than a recent measurement."""
    if lines := tuple(dict.fromkeys(cautions)):
        yield Items(lines, "To be known of it")


def _rows(scenario: Scenario, design: Design) -> Iterator[tuple[str, ...]]:
    yield from _profiles(design)
    yield from _prices(design)
    yield from _shapes(scenario)


def _profiles(design: Design) -> Iterator[tuple[str, ...]]:
    for pool in design.pools:
        profile = pool.profile
        how = "measured" if profile.measured is not None else "computed"
        name = f"{profile.name} ({how}, mean error {100 * profile.fit_error:.2g} %)"
        yield (
            f"backends.{pool.name}: speed",
            name,
            profile.grade or ABSENT,
            profile.as_of or ABSENT,
            profile.source or "the scenario's own",
        )


def _prices(design: Design) -> Iterator[tuple[str, ...]]:
    for backend in design.backends:
        price = backend.price
        if price.source:
            yield (f"backends.{backend.name}: price", "", "", price.as_of or ABSENT, price.source)


def _shapes(scenario: Scenario) -> Iterator[tuple[str, ...]]:
    """Built-in shapes of a day that workloads name."""
    for name, workload in scenario.document.get("workloads", {}).items():
        chosen = (workload.get("arrivals") or {}).get("shape")
        if isinstance(chosen, str) and chosen in shape_names():
            found = shape(chosen)
            yield (
                f"workloads.{name}: shape of the day",
                chosen,
                "",
                found.as_of or ABSENT,
                found.source,
            )
