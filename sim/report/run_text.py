"""The answer of a run as it is printed."""

from sim.montecarlo.result import RunResult
from sim.report.compact_text import compact
from sim.report.day_text import day_lines
from sim.report.footing_text import MEDIAN
from sim.report.table import render


def run_text(result: RunResult, full: bool = False) -> str:
    """One screen, or every figure of each part."""
    medians = result.sample.timelines.percentiles([MEDIAN])
    day = day_lines({name: cells[0] for name, cells in medians.items()}, result.design)
    return (render if full else compact)(result.summary, day)
