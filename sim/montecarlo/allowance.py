"""What a command may take, of time and of memory, and what it will take as far as worlds tell.

Its first worlds are the pilot: how long they took, and how much memory, tells of the others; none
is simulated twice. A limit of time is looked at whenever worlds are sent or come in: what is under
way is finished, as at a Ctrl-C. Of a limit of memory, the first world is simulated alone, and
worker processes are as many as it leaves room for; where they take more all the same, they are
ended at once, and what had come in is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from sim.errors import PeakfleetError
from sim.montecarlo import footprint as memory
from sim.montecarlo.footprint import Footprint

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sim.montecarlo.execution import Batch, Task, Workers

BATCHES = 2  # under way for each worker, so that none waits for the next
LONG_S = 20.0  # what takes less need not be foretold
TELLING_S = 10.0  # a world beside which loading the kernel is little, so that the first tells
SELDOM = 50.0  # of the time that looking at the memory takes, between two looks
LEAST_GAP_S = 0.25
GB = 1e9
WRITING = 1.9e8  # bytes of what writes tables and pictures, loaded at the end; 115 to 165 MB seen


class SpentError(KeyboardInterrupt):
    """A limit ended the work, as a Ctrl-C would have; the text says which."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come.

    Attributes
    ----------
    seconds : float
        From now on.
    jobs : int
        Worlds at a time.
    bytes : float
        Of all processes; NaN where the system does not tell.
    worlds : int
        That are missing: of all, or of this design.
    at_most : bool
        Whether fewer may do.
    a_design : bool
        Whether that is for one design of a number that is not known.
    """

    seconds: float
    jobs: int
    bytes: float
    worlds: int
    at_most: bool = False
    a_design: bool = False


class Allowance:
    """Limits upon a command, and what it will take.

    Parameters
    ----------
    time_s, memory_bytes : float, optional
        No limit without.
    tell : callable, optional
        Told the outlook, once, where it is long.
    say : callable, optional
        Told that fewer worker processes are used.
    clock : callable
        Seconds.
    look : callable
        The memory of all processes.

    Attributes
    ----------
    spent : str
        Which limit ended the work; empty while none did.
    """

    def __init__(
        self,
        time_s: float | None = None,
        memory_bytes: float | None = None,
        tell: Callable[[Outlook], None] | None = None,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = monotonic,
        look: Callable[[], Footprint] = memory.footprint,
    ) -> None:
        self.spent = ""
        self._time_s, self._memory = time_s, memory_bytes
        self._tell, self.say, self._clock, self._footprint = tell, say, clock, look
        self._ends_s = clock() + time_s if time_s is not None else float("inf")
        self._seen_s = -float("inf")  # when the memory was looked at, and may be again
        self._fit: int | None = None  # workers that there is memory for, once a world has told
        self._piloted = False
        self._batches: list[tuple[int, float]] = []  # worlds and seconds, as they come in
        self._whole: int | None = None
        self._jobs = 1
        if memory_bytes is not None and look is memory.footprint and not memory.is_known():
            raise PeakfleetError("--max-memory: this system does not tell how much is taken")

    def expect(self, worlds: int) -> None:
        """Say how many worlds the whole command simulates."""
        self._whole = worlds

    @property
    def limits_memory(self) -> bool:
        """Whether nothing is to be held that could be loaded later."""
        return self._memory is not None

    @property
    def is_spent(self) -> bool:
        """Whether the time is over, or a limit has ended the work."""
        if not self.spent and self._clock() >= self._ends_s:
            self.spent = f"--max-time ({_time(self._time_s or 0.0)}) is over"
        return bool(self.spent)

    def interrupt(self) -> KeyboardInterrupt:
        """What ends a command that a limit, or somebody, has interrupted."""
        return SpentError(self.spent) if self.spent else KeyboardInterrupt()

    @contextmanager
    def metered(self, workers: "Workers") -> Iterator["Workers"]:
        """The same workers, who are watched; as many of them as there is memory for."""
        if self._memory is not None and not self._piloted:
            memory.forget_peak()
            found = self._footprint()
            self._check(Footprint(found.whole + WRITING, 0.0), "the program itself takes")
        yield replace(workers, submit=self._noting(workers), lanes=lambda: self._lanes(workers))

    def look(self, missing: int, at_most: bool = False) -> None:
        """Look at what is taken, and tell what is to come of so many missing worlds.

        Raises
        ------
        PeakfleetError
            If not even one world fits.
        SpentError
            If more memory is taken than may be.
        """
        if self._memory is not None:
            self._look_at_memory(self._memory)
        if self._tell is not None:
            self._look_ahead(missing, at_most)

    def _noting(self, workers: "Workers") -> "Callable[[list[Task]], Future[Batch]]":
        def submit(tasks: "list[Task]") -> "Future[Batch]":
            future = workers.submit(tasks)
            future.add_done_callback(self._note)
            return future

        return submit

    def _note(self, future: "Future[Batch]") -> None:
        """Take note of a batch, in whichever thread it comes in."""
        if not future.cancelled() and future.exception() is None:
            batch = future.result()
            self._batches.append((len(batch.replications), batch.elapsed_s))

    def _lanes(self, workers: "Workers") -> int:
        """Batches at a time: one until the first world has told how much memory it takes."""
        lanes = workers.lanes()
        self._jobs = max(lanes // BATCHES, 1)
        if self._memory is not None and not self._piloted:
            return 1
        return lanes if self._fit is None or self._fit >= self._jobs else self._fit

    def _look_at_memory(self, limit: float) -> None:
        if not self._piloted and self._batches:
            self._piloted = True
            self._choose(limit)
        elif self._clock() >= self._seen_s:
            begun_s = perf_counter()
            found = self._footprint()
            gap_s = max(LEAST_GAP_S, SELDOM * (perf_counter() - begun_s))
            self._seen_s = self._clock() + gap_s
            if not self._piloted:
                self._check(found, "one world takes")
            if found.whole > limit:
                self.spent = f"--max-memory ({_memory(limit)}): {_memory(found.whole)} were taken"
                raise SpentError(self.spent)

    def _choose(self, limit: float) -> None:
        """After the first world: as many workers as there is memory for."""
        found = self._footprint()
        whole = found.whole + (0.0 if found.worker else memory.fallen())
        self._check(Footprint(whole, found.worker), "one world takes")
        last = Footprint(whole - found.worker + WRITING, 0.0)  # workers have ended by then
        self._check(last, "writing the results takes")
        if found.worker:
            self._fit = 1 + int((limit - whole) / found.worker)
            if self._fit < self._jobs:
                self.say(
                    f"{self._fit} of {self._jobs} jobs, for more do not fit --max-memory"
                    f" ({_memory(limit)}): each takes about {_memory(found.worker)}"
                )

    def _check(self, found: Footprint, what: str) -> None:
        """Refuse what does not fit."""
        assert self._memory is not None
        if found.whole > self._memory:
            raise PeakfleetError(
                f"--max-memory ({_memory(self._memory)}) does not do: {what} about"
                f" {_memory(found.whole)}"
            )

    def _look_ahead(self, missing: int, at_most: bool) -> None:
        """Tell what is to come, once a few batches have."""
        batches = self._batches
        each_s = [seconds / worlds for worlds, seconds in batches if worlds]
        settled = each_s[BATCHES * self._jobs :]  # the first of each worker loads the kernel
        if not settled and each_s and each_s[-1] > TELLING_S:
            settled = each_s[-1:]
        if not settled or self._tell is None:
            return
        done = sum(worlds for worlds, _ in batches)
        left = missing if self._whole is None else max(self._whole - done, 0)
        jobs = self._jobs if self._fit is None else min(self._fit, self._jobs)
        seconds = left * (sum(settled) / len(settled)) / min(jobs, max(left, 1))
        if seconds < LONG_S:
            if self._whole is not None:
                self._tell = None
            return
        taken = self._footprint().whole if memory.is_known() else float("nan")
        tell, self._tell = self._tell, None
        tell(Outlook(seconds, jobs, taken, left, at_most, self._whole is None))


def _time(seconds: float) -> str:
    from sim.scenario.values.units import format_duration  # noqa: PLC0415 (loaded long ago)

    return format_duration(seconds)


def _memory(size: float) -> str:
    """A size in about two digits.

    >>> _memory(2e9), _memory(5.4e8), _memory(1.26e10)
    ('2 GB', '540 MB', '13 GB')
    """
    if size < GB:
        return f"{size / 1e6:.0f} MB"
    return f"{size / GB:.{0 if size >= 10 * GB else 1}f} GB".replace(".0 ", " ")
