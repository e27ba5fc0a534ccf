"""What is printed of a difference of which these worlds tell nothing."""

import math

import pytest

from sim.report.compare_text import _row

ROW = {
    "metric": "e2e_p95_s", "verdict": "cannot tell", "equal": False, "by_median": True,
    "lower_in": 0, "higher_in": 2, "worlds_needed": math.inf, "median_low": -math.inf,
    "median_high": math.inf,
}  # fmt: skip


@pytest.mark.parametrize("sign", [1, -1])
def test_an_infinite_difference_that_cannot_be_told_is_said_in_words(sign: int) -> None:
    cells = _row({**ROW, "median_difference": sign * math.inf})
    assert cells[1:3] == ("not known", "")
    assert "∞" not in " ".join(cells)


def test_a_difference_that_is_told_keeps_its_figure() -> None:
    told = {"verdict": "higher", "median_difference": math.inf, "median_low": 1.0}
    assert _row({**ROW, **told})[1] == "+∞"
    assert _row({**ROW, "median_difference": 2.0, "median_low": 1.0})[1].startswith("+2")
