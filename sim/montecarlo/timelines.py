"""Timelines of the worlds, kept so that memory does not grow with their number.

A timeline is a few columns (load, queue, latency, ...) over the bins of the horizon. Percentiles
over worlds need all worlds of a bin at once, so they are kept as float32 in a temporary file (in
memory while they are small), a world after another, and read back a stripe of bins at a time.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile, gettempdir

import numpy as np
import numpy.typing as npt

from sim.errors import ResultError

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]

IN_MEMORY_BYTES = 16 * 2**20  # timelines of 1,000 worlds of one day stay below
STRIPE_BYTES = 4 * 2**20  # what is read at a time


class Timelines:
    """Timelines of finished worlds, in the order in which they were added."""

    def __init__(self) -> None:
        self.columns: tuple[str, ...] = ()
        self.bins = 0
        self._slots: dict[int, int] = {}
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    @property
    def worlds(self) -> list[int]:
        """The worlds held, in increasing order."""
        return sorted(self._slots)

    def add(self, world: int, timeline: Mapping[str, npt.NDArray[np.floating]]) -> None:
        """Keep the timeline of ``world``: (bins,) arrays by column, alike in every world."""
        if not self._slots:
            self.columns = tuple(timeline)
            self.bins = len(next(iter(timeline.values()), ()))
        rows = [np.asarray(timeline[column], dtype="<f4") for column in self.columns]
        slot = self._slots.get(world, len(self._slots))
        try:
            self._file.seek(slot * self._world_bytes)
            self._file.write(b"".join(row.tobytes() for row in rows))
            self._file.flush()
        except OSError as error:
            raise ResultError(
                f"temporary folder ({gettempdir()}) cannot be written: {error.strerror};"
                " name one with more room in TMPDIR"
            ) from error
        # Last of all, so that an interruption before it leaves no trace.
        self._slots[world] = slot

    def timeline(self, world: int) -> dict[str, SingleArray]:
        """The timeline of one world: (bins,) float32 by column."""
        cells = self._read(self._slots[world], 0, len(self.columns) * self.bins)
        table = cells.reshape(len(self.columns), self.bins)  # perhaps of nothing
        return dict(zip(self.columns, table, strict=True))

    def column(self, name: str) -> Iterator[SingleArray]:
        """One column of each world, in increasing order of worlds: (bins,) float32 each."""
        first = self.columns.index(name) * self.bins
        for world in self.worlds:
            yield self._read(self._slots[world], first, first + self.bins)

    def until_end(self, world: int) -> dict[str, SingleArray]:
        """The timeline of one world, without the bins after its end."""
        columns = self.timeline(world)
        alive = np.flatnonzero(~np.all([np.isnan(column) for column in columns.values()], axis=0))
        count = int(alive[-1]) + 1 if len(alive) else 0
        return {name: column[:count] for name, column in columns.items()}

    def percentiles(self, levels: Sequence[float]) -> dict[str, FloatArray]:
        """Percentiles over worlds in each bin.

        Worlds in which a bin is undefined (NaN) are left out of it.

        Returns
        -------
        dict of str to (len(levels), bins) float64
            By column.
        """
        stripes = [column_quantiles(stripe, levels) for stripe in self._stripes()]
        if not stripes:
            return {}
        cells = np.concatenate(stripes, axis=1).reshape(len(levels), -1, self.bins)
        return {column: cells[:, place, :] for place, column in enumerate(self.columns)}

    @property
    def _world_bytes(self) -> int:
        return 4 * len(self.columns) * self.bins

    def _stripes(self) -> Iterator[SingleArray]:
        """All worlds of some cells (a column in a bin) at a time: (worlds, cells) float32."""
        cells = len(self.columns) * self.bins
        width = max(1, STRIPE_BYTES // (4 * max(1, len(self._slots))))
        for first in range(0, cells, width):
            last = min(first + width, cells)
            yield np.stack([self._read(slot, first, last) for slot in self._slots.values()])

    def _read(self, slot: int, first: int, last: int) -> SingleArray:
        self._file.seek(slot * self._world_bytes + 4 * first)
        return np.frombuffer(self._file.read(4 * (last - first)), dtype="<f4")


def column_quantiles(values: npt.NDArray[np.floating], levels: Sequence[float]) -> FloatArray:
    """Quantiles of each column, linear between order statistics, NaN left out.

    Parameters
    ----------
    values : (n, m) float
    levels : sequence of float
        In [0, 1].

    Returns
    -------
    (len(levels), m) float64
        NaN where a column has no value.
    """
    ordered = np.sort(values, axis=0).astype(np.float64)  # NaN sorts last
    counts = len(values) - np.isnan(ordered).sum(axis=0)
    result = np.full((len(levels), values.shape[1]), np.nan)
    some = np.flatnonzero(counts)
    for row, level in enumerate(levels):
        place = level * (counts[some] - 1)
        below = place.astype(np.intp)
        above = np.minimum(below + 1, counts[some] - 1)
        low, high = ordered[below, some], ordered[above, some]
        with np.errstate(invalid="ignore"):  # inf - inf; replaced by the equal values themselves
            between = low + (place - below) * (high - low)
        result[row, some] = np.where((low == high) | (place == below), low, between)
    return result
