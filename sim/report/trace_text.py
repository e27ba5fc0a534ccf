"""What a log holds as text: rows, rates with a picture, lengths, sessions, workloads."""

import re
import textwrap
from datetime import timedelta
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from sim.catalog.logs.clock import span
from sim.errors import one_line
from sim.report.columns import Column, table
from sim.report.paragraph import answer_width, filled
from sim.scenario.text.emission import to_yaml
from sim.studies.traffic.contents import Contents
from sim.studies.traffic.written import workload_yaml

BARS = "▁▂▃▄▅▆▇█"
LISTS = re.compile(r"\[[^\[\]\n]{100,}\]")  # too long for a terminal
SHOWN = ("mean", "p50", "p95", "p99", "max")


def render_trace(found: Contents, given: dict[str, Any]) -> str:
    """The whole answer."""
    lines = [filled(_sentence(found)), *_reading(found), "", *_rates(found), "", *_lengths(found)]
    lines += _shared(found)
    lines += ["", click.style("To replay it", bold=True), "", _replay(found, given)]
    lines += ["", click.style("To model it", bold=True), ""]
    if found.model is None:
        lines.append(filled(f"No model: {found.no_model}."))
    else:
        text = workload_yaml(found.model, answer_width()).rstrip()
        lines += [shown for line in text.split("\n") for shown in _short(line)]
    return "\n".join(lines)


def _sentence(found: Contents) -> str:
    """How much of what, from when to when."""
    trace, origin = found.trace, found.trace.origin
    what = "" if origin is None else f" is of the format {origin.format} ({origin.kind})"
    rows = "" if origin is None else f" of {origin.rows:,} rows"
    n = len(trace.arrival_s)
    text = f"{one_line(trace.file)}{what}: {n:,} requests{rows}, over {span(trace.span_s)}"
    if trace.began is not None:
        end = trace.began + timedelta(seconds=trace.span_s)
        text += f", from {trace.began:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    return text + "."


def _reading(found: Contents) -> list[str]:
    """What was left out, and what was guessed."""
    origin = found.trace.origin
    if origin is None:
        return []
    lines = [f"- {count:,} rows {reason} are left out" for reason, count in origin.skipped]
    return [filled(one_line(line)) for line in (*lines, *(f"- {each}" for each in origin.remarks))]


def _rates(found: Contents) -> list[str]:
    """The mean and highest rate, and a bar for each step of time."""
    rates, trace = found.rates, found.trace
    if trace.span_s == 0:
        return ["All requests come at one instant."]
    peak = int(rates.argmax())
    at = span(peak * found.cell_s) + " after the first"
    if trace.began is not None:
        at = f"{trace.began + timedelta(seconds=peak * found.cell_s):%Y-%m-%d %H:%M}"
    mean = len(trace.arrival_s) / trace.span_s
    step = span(found.cell_s)
    lines = [
        _fact(
            f"Rate     {mean:.3g} requests/s in the mean, {rates[peak]:.3g} in the highest {step}"
            f" ({at})"
        ),
        f"         {_bars(rates)}",
    ]
    if not np.isnan(found.gap_cv):
        lines.append(
            _fact(
                f"Gaps     cv {found.gap_cv:.2f} between requests (1 is Poisson, at a steady rate)"
            )
        )
    return lines


def _fact(text: str) -> str:
    """A fact after its name, which takes nine columns."""
    return filled(text, hanging=" " * 9)


def _bars(rates: npt.NDArray[np.float64]) -> str:
    """A picture of rates from 0 on.

    >>> _bars(np.array([0.0, 1.0, 4.0, 8.0]))
    '▁▁▄█'
    """
    level = np.ceil(rates / max(rates.max(), 1e-300) * len(BARS)).astype(int) - 1
    return "".join(BARS[max(each, 0)] for each in level.tolist())


def _lengths(found: Contents) -> list[str]:
    heads = [Column("Tokens", right=False), *map(Column, SHOWN)]
    rows = [
        (row["what"], *(f"{row[name]:,.0f}" for name in SHOWN))
        for row in found.lengths.to_dict("records")
    ]
    return table(heads, rows).lines


def _shared(found: Contents) -> list[str]:
    """Sessions, and what was or could be cached."""
    lines = []
    if found.trace.sessions:
        said = f"Sessions {found.trace.sessions:,}, of {found.turns:.2f} requests each"
        lines.append(_fact(said))
    if found.cached_share is not None:
        said = f"Cache    {found.cached_share:.1%} of the prompt tokens, as the log says"
        lines.append(_fact(said))
    if found.begun_before is not None:
        said = f"Prefixes {found.begun_before:.1%} of the prompt tokens begin as an earlier prompt,"
        lines.append(_fact(f"{said} in blocks of {found.trace.block_tokens}"))
    return ["", *lines] if lines else []


def _short(line: str) -> list[str]:
    """A line of YAML; of a long list in it the first and last, beneath how long it is."""
    found = LISTS.search(line)
    if found is None:
        return [line]
    each = found[0].strip("[]").split(", ")
    indent = line[: len(line) - len(line.lstrip())]
    note = f"{indent}# {len(each)} numbers: -o FILE writes all"
    return [note, LISTS.sub(f"[{', '.join(each[:3])}, …, {each[-1]}]", line)]


def _replay(found: Contents, given: dict[str, Any]) -> str:
    return textwrap.dedent(to_yaml({"workloads": found.replay(given)})).rstrip()
