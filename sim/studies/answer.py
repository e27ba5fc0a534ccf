"""What all studies answer with, and the files that it becomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import pandas as pd

from sim.montecarlo.exports.spreadsheet import csv_text
from sim.montecarlo.storage.manifest import to_json
from sim.montecarlo.storage.tables import write_frame

PAGE: Final = ("report.json", "report.html", "report.md")
WRITES: Final = ("answer.json", "command.txt", "*.csv", "*.parquet", *PAGE)  # beside pictures


class Answer(Protocol):
    """What a study returns."""

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        ...

    def frames(self) -> Mapping[str, pd.DataFrame]:
        """Tables by name, each written as CSV beside the answer."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON; nothing that differs between two equal runs."""
        ...


@runtime_checkable
class Columnar(Protocol):
    """An answer some of whose tables are large."""

    def columnar(self) -> Mapping[str, pd.DataFrame]:
        """Tables by name, each written as Parquet."""
        ...


def write_answer(answer: Answer, draft: Path, command: str) -> None:
    """Write an answer, its tables and what was asked into a folder."""
    draft.joinpath("answer.json").write_bytes(to_json(answer.as_json()).encode())
    for table, frame in answer.frames().items():
        draft.joinpath(f"{table}.csv").write_bytes(csv_text(frame).encode())
    if isinstance(answer, Columnar):
        for table, frame in answer.columnar().items():
            write_frame(frame, draft / f"{table}.parquet")
    draft.joinpath("command.txt").write_text(command + "\n", errors="replace")
