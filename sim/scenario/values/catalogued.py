"""What a scenario takes from the catalogue by name, or from a file of its own by path."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sim.catalog import shape as catalogue_shape
from sim.catalog import shape_names
from sim.catalog.shapes import read_shape
from sim.errors import CatalogError, ScenarioError
from sim.model.arrivals import DayShape
from sim.model.input_file import is_file
from sim.scenario.values.fields import JsonSchema, Reads
from sim.scenario.values.numbers import Quantity, document_of
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

DAY_CELLS, WEEK_CELLS = 24, 168
SHAPE_TEXTS = {
    "csv": "File with the rate by hour of the day or week, or over time.",
    "column": "Column of the rate; default the one that is no time.",
    "time": "Column of the time; default the rows are the hours of a day or a week.",
}
SHAPE_KEYS = tuple(SHAPE_TEXTS)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Shape:
    """A day shape and how it stands in the document."""

    day_shape: DayShape
    written: Any
    remarks: tuple[str, ...] = ()
    mean_per_s: float = math.nan  # of a table of counts, which stands in the document itself

    def document(self) -> Any:
        """Name, numbers, or the absolute path of a CSV file."""
        return self.written


def day_shape() -> Reads:
    """Name of a built-in shape, 24 or 168 numbers, or a CSV file."""
    return Reads(_read_shape, _shape_schema)


def _read_shape(raw: Any, spot: Spot) -> Shape | None:
    if isinstance(raw, list):
        return _given_shape(raw, spot)
    if isinstance(raw, dict):
        return _shape_of_file(raw, spot)
    return named_or_file(
        raw, shape_names(), spot, "shape", lambda name: Shape(catalogue_shape(name), name)
    )


def named_or_file(
    raw: Any, names: list[str], spot: Spot, noun: str, load: Callable[[str], Found]
) -> Found | None:
    """What a built-in name or the path of a file stands for."""
    if not isinstance(raw, str) or not raw.strip():
        spot.wrong(f"{shown(raw)} must be the name of a {noun}, or the path of its file")
        return None
    name = raw.casefold()
    path = (spot.folder / raw).absolute()
    if name not in names and not (path.suffix in (".yaml", ".yml", ".csv") or is_file(path)):
        remedy = choose(raw, names) or f"'sim catalog {noun}s' lists all"
        spot.wrong(f"{shown(raw)} is not a built-in {noun}", remedy)
        return None
    try:
        return load(name if name in names else str(path))
    except ScenarioError as error:
        for problem in error.problems:
            spot.wrong(str(problem))
    except (CatalogError, OSError, ValueError) as error:
        spot.wrong(str(error))
    return None


def _given_shape(raw: list[Any], spot: Spot) -> Shape | None:
    if len(raw) not in (DAY_CELLS, WEEK_CELLS):
        spot.wrong(
            f"has {len(raw)} numbers, must have {DAY_CELLS} (a day) or {WEEK_CELLS} (a week)"
        )
        return None
    level = Quantity("count", least=0, certain=True)
    values = [read_number(item, level, spot.below(i)) for i, item in enumerate(raw)]
    if spot.findings:
        return None
    numbers = tuple(value for value in values if isinstance(value, float))
    if not any(numbers):
        spot.wrong("is 0 throughout, must be above 0 somewhere")
        return None
    return Shape(DayShape("given", numbers, len(numbers) // DAY_CELLS), document_of(numbers))


def _shape_of_file(raw: dict[str, Any], spot: Spot) -> Shape | None:
    from sim.catalog.rate_table import (  # noqa: PLC0415 (a quarter of a second)
        has_times,
        read_rate_table,
    )

    for key in raw.keys() - set(SHAPE_KEYS):
        spot.below(key).wrong("unknown key", choose(key, SHAPE_KEYS))
    file, column, time = (raw.get(key) for key in SHAPE_KEYS)
    named = [name for name in (column, time) if name is not None]
    if not isinstance(file, str) or not all(isinstance(name, str) for name in named):
        spot.wrong("must have csv, the path of a file, and may have column and time, names")
    if spot.findings:
        return None
    path = str((spot.folder / str(file)).absolute())
    try:
        if time is not None or has_times(path):
            table = read_rate_table(path, column, time, "row")  # only ratios matter
            written = {"csv": path, "column": table.columns[1], "time": table.columns[0]}
            return Shape(table.shape, written, table.remarks)
        return Shape(read_shape(path, column), {**raw, "csv": path})
    except CatalogError as error:
        spot.wrong(str(error))
        return None


def _shape_schema() -> JsonSchema:
    level = {"type": "number", "minimum": 0}
    lists = [
        {"type": "array", "items": level, "minItems": cells, "maxItems": cells}
        for cells in (DAY_CELLS, WEEK_CELLS)
    ]
    file = {
        "type": "object",
        "properties": {
            key: {"description": text, "type": "string"} for key, text in SHAPE_TEXTS.items()
        },
        "required": ["csv"],
        "additionalProperties": False,
    }
    return {"anyOf": [{"type": "string", "examples": shape_names()}, *lists, file]}
