"""Day shapes of the catalogue and of users' own files."""

import numpy as np
import pytest

from sim.catalog.shapes import read_shape, shape, shape_names
from sim.errors import CatalogError


def by_day(name):
    return shape(name).multipliers().reshape(7, 24)


def test_every_built_in_shape_has_a_source_and_a_date_and_mean_one():
    assert {"azure-chat-2024", "azure-code-2024", "business-hours", "flat"} <= set(shape_names())
    for name in shape_names():
        found = shape(name)
        assert found.name == name
        assert found.source
        assert found.as_of >= "2024"
        assert np.mean(found.values) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "weekend", "weekday_peak", "peak_hour"),
    [("azure-chat-2024", 0.65, 1.34, 14), ("azure-code-2024", 0.40, 2.23, 19)],
)
def test_azure_shapes_keep_the_published_levels(name, weekend, weekday_peak, peak_hour):
    days = by_day(name)
    assert days[5:].mean(axis=1) == pytest.approx([weekend, weekend], abs=1e-3)
    assert days[:5].max(axis=1) / days[:5].mean(axis=1) == pytest.approx(weekday_peak, abs=2e-3)
    assert (days[:5].argmax(axis=1) == peak_hour).all()
    swing = days.max(axis=1) / days.mean(axis=1) - 1
    assert swing[5] == pytest.approx(swing[0] / 2, abs=1e-3)


def test_business_hours_are_weekdays_from_eight_to_eighteen():
    days = by_day("business-hours")
    busy = days > days.min() * 2
    assert busy[:5, 8:18].all()
    assert busy.sum() == 50


def test_flat_is_flat():
    assert shape("Flat").multipliers().tolist() == [1.0]


def test_a_users_file_of_168_rows_is_a_week(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("hour, load\n" + "".join(f"{i},{i % 24}\n" for i in range(168)))
    own = read_shape(str(file), column="load")
    assert (own.days, own.name, len(own.values)) == (7, "own", 168)
    file.write_text("# days: 7\n# source: us\nmultiplier\n1\n\n3\n")
    own = shape(str(file))
    assert (own.days, own.values, own.source) == (7, (1.0, 3.0), "us")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"own.csv: the file is empty \(a shape needs a column 'multiplier'\)"),
        ("hour,multiplyer\n1,2\n", r"own.csv:1: no column 'multiplier' \(nearest: 'multiplyer'\)"),
        ("multiplier\n1\n\nabc\n", r"own.csv:4: multiplier \('abc'\) must be a number >= 0"),
        ("a,multiplier\n1\n", r"own.csv:2: multiplier \(''\) must be a number >= 0"),
        ("multiplier\n-1\n", r"own.csv:2: multiplier \('-1'\) must be a number >= 0"),
        ("multiplier\nnan\n", r"own.csv:2: multiplier \('nan'\) must be a number >= 0"),
        ("multiplier\n0\n0\n", r"own.csv: shape own \(all 0\) must be above 0 somewhere"),
        ("multiplier\n", r"own.csv: shape own \(no values\) must have at least one cell"),
        ("# days: 3\nmultiplier\n1\n", r"own.csv: days \(3\) must be 1 or 7"),
    ],
)
def test_files_without_a_shape_are_refused_with_the_place(tmp_path, text, message):
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(CatalogError, match=message):
        shape(str(file))


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(CatalogError, match="did you mean 'azure-chat-2024'"):
        shape("azure-chat-2025")
    with pytest.raises(CatalogError, match="cannot be read"):
        shape("no/such/file.csv")
