"""How far a run is, on stderr: a bar, the estimate so far, the time left."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, cast

from sim.montecarlo import pulse
from sim.report.figures import ABSENT, BY_METRIC, scale

if TYPE_CHECKING:
    from sim.montecarlo.precision import Goal
    from sim.montecarlo.sample import Sample

REFRESH_S = 0.25
SHOWN = {  # those of the sentence that the run ends in
    "cost_usd_per_month": "cost a month",
    "peak_hour_ttft_p95_s": "p95 first token, worst hour",
}

Progress = Callable[["Sample", int], None]


@contextmanager
def progress_bar(worlds: int, goal: "Goal | None", shown: bool) -> Iterator[Progress | None]:
    """A progress bar for ``run``, or a line now and then where stderr is no terminal.

    None if it is not to be shown.
    """
    if not shown:
        yield None
        return
    if not sys.stderr.isatty():
        with _plain_lines(worlds, goal) as progress:
            yield progress
        return
    # Here, for rich is slow to import and only terminals need it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("worlds, "),
        TimeRemainingColumn(compact=True),
        TextColumn("left  {task.fields[so_far]}"),
    )
    terminal = Console(file=cast(TextIO, Forgiving(sys.stderr)))
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("", total=worlds, so_far="")
        refreshed_s = float("-inf")

        def update(sample: "Sample", target: int) -> None:
            nonlocal refreshed_s
            bar.update(task, completed=len(sample), total=target)
            if monotonic() - refreshed_s >= REFRESH_S:
                bar.update(task, so_far=so_far(sample, goal))
                refreshed_s = monotonic()

        yield update


@contextmanager
def _plain_lines(worlds: int, goal: "Goal | None") -> Iterator[Progress]:
    """Interim answers, a line each: the first after 2 s, with or without a finished world."""
    stream = cast(TextIO, Forgiving(sys.stderr))

    def say(text: str) -> None:
        print(f"sim: interim, {text}", file=stream, flush=True)

    ended = Event()

    def nothing_yet() -> None:
        if not ended.wait(pulse.FIRST_S):
            say(f"none of {worlds:,} worlds has ended yet")

    told = pulse.Pulse(say)
    waiting = Thread(target=nothing_yet, daemon=True)
    waiting.start()

    def progress(sample: "Sample", target: int) -> None:
        ended.set()
        told.tell(lambda: f"{len(sample):,} of {target:,} worlds · {so_far(sample, goal)}")

    try:
        yield progress
    finally:
        ended.set()
        waiting.join()


class Forgiving:
    """A stream that a run survives: a terminal may be closed while it goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if anybody is there."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody is there."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def so_far(sample: "Sample", goal: "Goal | None" = None) -> str:
    """The estimates of the finished worlds: medians, with their intervals."""
    parts = []
    for metric, label in SHOWN.items():
        figure = sample.estimate(metric)
        if figure.n:
            chosen = scale(BY_METRIC[metric], figure.p50)
            ends = [chosen.text(end).replace(ABSENT, "?") for end in figure.p50_ci]
            interval = f" ({ends[0]} … {ends[1]})" if ends[0] != ends[1] else ""
            parts.append(f"{label} {chosen.text(figure.p50)} {chosen.unit}{interval}")
    if goal is not None and (width := goal.width(sample)) < float("inf"):
        parts.append(f"precision {width:.1%} of {goal.relative:.1%}")
    return " · ".join(parts)
