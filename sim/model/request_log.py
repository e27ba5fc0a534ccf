"""The requests of a measured run, one by one."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

BEGINNING = 0.15  # of a run's requests: caches, compilers and a burst of users settle


class Ended(IntEnum):
    """How a request ended."""

    COMPLETED = 0
    FAILED = 1
    CUT = 2  # unfinished when the run was


@dataclass(frozen=True, slots=True, eq=False)
class RequestLog:
    """Requests of a run, in the order in which they were sent.

    Attributes
    ----------
    sent_s : (n,) float64
        Seconds from the start of the run; all NaN where the tool does not log it.
    ttft_s : (n,) float64
        From sending to the first token; NaN where none came.
    e2e_s : (n,) float64
        From sending to the last token; NaN where the request was not completed.
    input_tokens, output_tokens : (n,) int64
        Output that came, where a request was cut.
    cached_tokens : (n,) float64
        Of the input, found in the prefix cache; NaN where not known.
    events : (n,) float64
        Parts in which the output was streamed; NaN where not known.
    ended : (n,) int64
        See :class:`Ended`.
    """

    sent_s: FloatArray
    ttft_s: FloatArray
    e2e_s: FloatArray
    input_tokens: IntArray
    output_tokens: IntArray
    cached_tokens: FloatArray
    events: FloatArray
    ended: IntArray

    def __len__(self) -> int:
        return len(self.sent_s)

    @property
    def completed(self) -> BoolArray:
        """(n,) bool."""
        return np.asarray(self.ended == Ended.COMPLETED)

    @property
    def has_times(self) -> bool:
        """Whether it is known when each request was sent."""
        return bool(len(self)) and not bool(np.isnan(self.sent_s).any())

    @property
    def first_s(self) -> FloatArray:
        """(n,) float64, seconds from the start of the run to the first token."""
        return np.asarray(self.sent_s + self.ttft_s)

    @property
    def last_s(self) -> FloatArray:
        """(n,) float64, seconds from the start of the run to the last token."""
        return np.asarray(self.sent_s + self.e2e_s)

    @property
    def tpot_s(self) -> FloatArray:
        """(n,) float64, NaN for requests of one token and those not completed."""
        gaps = np.where(self.output_tokens > 1, self.output_tokens - 1.0, np.nan)
        return np.asarray((self.e2e_s - self.ttft_s) / gaps)

    @property
    def settled(self) -> BoolArray:
        """(n,) bool: completed, and not sent at the beginning of the run (`BEGINNING`)."""
        late = np.arange(len(self)) >= BEGINNING * len(self)
        return np.asarray(self.completed & late)

    def values(self, metric: str) -> FloatArray:
        """(n,) float64 of ``ttft_s``, ``tpot_s``, ``ntpot_s`` or ``e2e_s``."""
        if metric == "ntpot_s":
            return np.asarray(self.e2e_s / np.maximum(self.output_tokens, 1))
        return {"ttft_s": self.ttft_s, "tpot_s": self.tpot_s, "e2e_s": self.e2e_s}[metric]
