"""No text of a scenario is run as a formula by who opens a table."""

import csv
import io

import pandas as pd
import pytest

from sim.montecarlo.exports.spreadsheet import FORMULA, csv_text, harmless


@pytest.mark.parametrize("first", FORMULA)
def test_a_text_that_begins_like_a_formula_is_quoted(first: str) -> None:
    assert harmless(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("cell", ["-3.5", "+1e-9", "-0", "", "llama", "a=b", "1-2", "-inf"])
def test_numbers_and_other_texts_stay(cell: str) -> None:
    assert harmless(cell) == cell


def test_only_texts_of_a_table_change() -> None:
    frame = pd.DataFrame(
        {"=name": ["=1+1", "chat", None], "usd": [-1.5, 2.0, float("nan")], "any": [1, "@x", -2]}
    )
    rows = list(csv.reader(io.StringIO(csv_text(frame))))
    assert rows == [
        ["'=name", "usd", "any"],
        ["'=1+1", "-1.5", "1"],
        ["chat", "2.0", "'@x"],
        ["", "", "-2"],
    ]
    plain = frame[["usd"]]
    assert csv_text(plain) == plain.to_csv(index=False)
