"""The exceptions of the package, as one tree.

::

    PeakfleetError            anything a user can cause and mend; the command line exits with 2
    ├── ScenarioError         a scenario document that cannot be simulated, all problems at once
    ├── CatalogError          no such built-in profile, price, GPU or shape
    ├── TraceError            a request trace that cannot be read
    ├── MeasurementError      a benchmark's file that cannot be used
    ├── AutoscalerError       an autoscaler of one's own that is not there, or cannot be used
    ├── ClusterError          a cluster that cannot be reached, or whose workers do not fit
    └── ResultError           a results folder that cannot be written or read
"""

import unicodedata
from dataclasses import dataclass

UNSEEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of surrogates, ends of lines
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # text is read backwards


def is_control(letter: str) -> bool:
    """Whether a character is obeyed by a terminal or an editor, and not shown."""
    return unicodedata.category(letter) in UNSEEN or letter in TURNING


def one_line(text: str) -> str:
    r"""A text on one line, whose control characters are shown and not obeyed.

    Names of files and of what is in them come from anywhere.

    >>> one_line("a\x1b[2J\nb")
    'a\\x1b[2J\\nb'
    """
    if text.isprintable():
        return text
    return "".join(repr(each)[1:-1] if is_control(each) else each for each in text)


class PeakfleetError(Exception):
    """Something a user can cause and mend."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input file.

    Attributes
    ----------
    file : str
        The file as the user named it.
    line : int or None
        Line number from 1; None where no line can be named (``--set``, a missing file).
    key : str
        Dotted path of the key, such as ``backends.large.replicas``; empty for the whole file.
    message : str
        Value found and what was expected: ``-3 must be at least 1``.
    remedy : str
        What to do, such as ``did you mean 'max'?``; empty where there is nothing to add.
    """

    file: str
    line: int | None
    key: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return one_line(f"{place}:{key} {self.message}{remedy}")


class ScenarioError(PeakfleetError):
    """A scenario document that cannot be simulated; carries every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type["ScenarioError"], tuple[list[Problem]]]:
        """Pickle by the problems, so that a worker process can raise it."""
        return type(self), (self.problems,)


class CatalogError(PeakfleetError):
    """No such built-in profile, price, GPU or shape."""


class TraceError(PeakfleetError):
    """A request trace that cannot be read.

    ``columns`` are those of the file, where one was looked for in vain. The message leaves them
    out: a scenario may name any file, and only who asked for this one is to see what it holds.
    """

    def __init__(self, message: str, columns: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.columns = columns


class MeasurementError(PeakfleetError):
    """A benchmark's file that cannot be used."""


class ClusterError(PeakfleetError):
    """A cluster that cannot be reached, or whose workers do not fit."""


class ResultError(PeakfleetError):
    """A results folder that cannot be written or read."""
