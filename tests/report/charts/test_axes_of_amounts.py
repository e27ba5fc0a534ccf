"""Axes of amounts: round ticks in a unit that people would choose, few enough for a phone."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.report.charts.axes import MOST_TICKS, amounts, ticks_of
from sim.report.charts.style import PALETTE, brief, brief_names

KINDS = ("usd", "seconds", "share", "count", "rate")
VALUES = st.floats(1e-6, 1e9)


def labels(found):
    """The numbers at the ticks of a linear axis, as the browser writes them."""
    size, decimals, unit = re.search(
        r"format\(datum\.value / (\S+), ',\.(\d)f'\) \+ '(.*)'$", found["axis"].labelExpr
    ).groups()
    return [f"{tick / float(size):,.{decimals}f}{unit}" for tick in found["axis"].values]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("seconds", [0.1, 0.55], ["0 ms", "200 ms", "400 ms", "600 ms"]),
        ("seconds", [1.4], ["0.0 s", "0.5 s", "1.0 s", "1.5 s"]),
        ("seconds", [200.0], ["0 s", "60 s", "120 s", "180 s", "240 s"]),
        ("seconds", [3000.0], ["0 min", "10 min", "20 min", "30 min", "40 min", "50 min"]),
        ("usd", [90_000.0], ["0k", "20k", "40k", "60k", "80k", "100k"]),
        ("share", [0.07], ["0 %", "2 %", "4 %", "6 %", "8 %"]),
        ("count", [3.0], ["0", "1", "2", "3"]),
    ],
)
def test_numbers_at_ticks_are_round_in_their_unit(kind, values, expected):
    found = amounts(kind, values, "")
    assert labels(found) == expected
    if expected[0] == "0k":
        assert found["axis"].labelExpr.startswith("datum.value == 0 ? '0' : ")


def test_an_axis_that_does_not_begin_at_nothing_begins_at_a_round_figure():
    found = amounts("usd", [12_633.0, 14_293.0], "", zero=False)
    assert found["scale"].domain == [12_000.0, 15_000.0]
    # What hardly differs does not look as if it did: the axis spans a fifth of the values.
    low, high = amounts("usd", [1000.0, 1001.0], "", zero=False)["scale"].domain
    assert high - low >= 200.0


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), VALUES, VALUES, st.booleans(), st.sampled_from([True, False, None]))
def test_every_axis_holds_its_values_and_few_ticks(kind, one, other, zero, log):
    found = amounts(kind, [one, other, math.nan, math.inf], "", zero=zero, log=log)
    low, high = found["scale"].domain
    ticks = found["axis"].values
    assert math.isfinite(low)
    assert low <= min(one, other) * (1 + 1e-9)
    assert high >= max(one, other) * (1 - 1e-9)
    assert 1 <= len(ticks) <= MOST_TICKS + 1
    assert list(ticks) == sorted(set(ticks))
    assert low - 1e-9 * high <= ticks[0] and ticks[-1] <= high * (1 + 1e-9)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf], [0.0], [0.0, 0.0], [-5.0, 5.0]])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_and_zero_have_an_axis_too(kind, values):
    for log in (True, None, False):
        low, high = amounts(kind, values, "", log=log)["scale"].domain
        assert low < high


def test_a_count_has_no_ticks_between_whole_numbers():
    for most in range(1, 40):
        ticks, _ = ticks_of("count", 0.0, float(most))
        assert all(tick.is_integer() for tick in ticks)


def test_a_long_title_has_lines_that_a_phone_can_show():
    lines = amounts("usd", [1.0], "a title that goes on and on, and on " * 3)["title"]
    assert max(map(len, lines)) <= 42


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_stand_out_from_a_white_and_from_a_black_page(colour):
    """By 3 : 1 at least, as WCAG 2.1 (1.4.11) asks of what a picture needs."""
    for page in ("#ffffff", "#14171c"):
        light, dark = sorted((luminance(colour), luminance(page)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3.0


# Machado, Oliveira, Fernandes (2009), severity 1: how people without one kind of cone see.
BLINDNESS = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_are_told_apart_by_those_who_see_fewer(kind):
    rgb = np.array([[int(c[at : at + 2], 16) / 255 for at in (1, 3, 5)] for c in PALETTE])
    seen = rgb @ np.array(BLINDNESS[kind]).T
    away = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert away[~np.eye(len(PALETTE), dtype=bool)].min() > 0.12


def test_hostile_names_are_short_and_all_different():
    names = ["<script>alert(1)</script>", "x" * 5000, "x" * 5001, "\u202eevil", "a\nb", "🎉" * 80]
    short = brief_names(names)
    assert len(set(short.values())) == len(names)
    assert max(map(len, short.values())) <= 50
    assert brief("a\nb\tc") == "a b c"
    assert brief("\ud800") == "?"
