"""Values of a scenario that are read by rules of their own, as annotations of pydantic fields.

pydantic walks the document, refuses unknown keys and makes the JSON Schema; what a single value
means is read here, so that its problems can be told in the words of the user's domain, several at
once, each at its own place.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path as FilePath
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sim.scenario.values.numbers import Number, Quantity, document_of
from sim.scenario.values.problems import Finding, Findings, Path, Spot, choose, nearest
from sim.scenario.values.reading import read_number, spelled
from sim.scenario.values.units import UnitError, parse_quantity, shown

REFERENCE = "x-definition"
FINDINGS = "findings"  # type of the pydantic errors that carry a list of `Finding`
TAG = "\0"  # begins the tags that pydantic puts into the paths of what may be of several kinds
KINDS = ("gpu_pool", "managed_api", "edge")  # of backends
UNIX_EPOCH = datetime(1970, 1, 1)
LAST_START = datetime(2200, 1, 1)

JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the readers know of the document around their value.

    Attributes
    ----------
    folder : Path
        Where relative paths of files begin.
    paths : dict
        Path of each mapping and list of the document by its identity.
    """

    folder: FilePath
    paths: dict[int, Path]

    @classmethod
    def of(cls, data: Any, folder: FilePath) -> "Surroundings":
        """The surroundings in a document of plain data."""
        return cls(folder, dict(_collections(data, ())))


def _collections(value: Any, path: Path) -> "list[tuple[int, Path]]":
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    below = [pair for key, item in items for pair in _collections(item, (*path, key))]
    return [(id(value), path), *below]


@dataclass(frozen=True, slots=True)
class Reads:
    """Annotation of a field whose value is read by a function.

    Attributes
    ----------
    read : callable
        Of the raw value and its `Spot`; notes problems there, in which case its result is dropped.
    schema : callable
        JSON Schema of the raw value.
    """

    read: Callable[[Any, Spot], Any]
    schema: Callable[[], JsonSchema]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(document_of),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        return self.schema()

    def validate(self, raw: Any, info: core_schema.ValidationInfo) -> Any:
        """The value that ``raw`` stands for, as a validator of pydantic."""
        surroundings = info.context
        assert isinstance(surroundings, Surroundings)
        spot = Spot(surroundings.paths.get(id(raw), ()), Findings(), surroundings.folder)
        value = self.read(raw, spot)
        if found := spot.findings.found:
            relative = [Finding(f.path[len(spot.path) :], f.message, f.remedy) for f in found]
            raise PydanticCustomError(FINDINGS, "problems", {FINDINGS: relative})
        return value


def number(
    kind: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    integer: bool = False,
    certain: bool = False,
    remedy: str = "",
) -> Reads:
    """A number with its units and bounds; see `Quantity`."""
    bounds = {"above": above, "least": least, "most": most}
    given = {name: value for name, value in bounds.items() if value is not None}
    quantity = Quantity(kind, integer=integer, certain=certain, remedy=remedy, **given)
    return Reads(
        lambda raw, spot: read_number(raw, quantity, spot), lambda: number_schema(quantity)
    )


def reference(name: str) -> JsonSchema:
    """Stands for the definition ``name`` of `sim.scenario.json_schema`, unknown to pydantic."""
    return {REFERENCE: name}


def number_schema(quantity: Quantity) -> JsonSchema:
    """A plain number within its bounds, a text with a unit, or a distribution."""
    bounds = {
        "exclusiveMinimum": quantity.above,
        "minimum": quantity.least,
        "maximum": quantity.most,
    }
    finite = {name: document_of(value) for name, value in bounds.items() if abs(value) < 1e15}
    plain = {"type": "integer" if quantity.integer else "number", **finite}
    forms = [plain, reference(f"{quantity.kind}_text")]
    if not quantity.certain:
        forms.append(reference(f"uncertain_{quantity.kind}"))
    return {"anyOf": forms}


def whole(least: int, most: int) -> Reads:
    """A whole number without unit, exact however large."""

    def read(raw: Any, spot: Spot) -> Any:
        is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
        if is_number and math.isfinite(raw) and not least <= raw <= most:
            spot.wrong(f"{shown(raw)} must be from {least} to {shown(most)}")
        elif isinstance(raw, float) and raw.is_integer():
            said = "is written with a point or an exponent, must be a whole number"
            spot.wrong(f"{shown(raw)} {said}", f"write {raw:.0f}")
        elif not is_number or isinstance(raw, float):
            remedy = spelled(raw) if isinstance(raw, str) else ""
            spot.wrong(f"{shown(raw)} must be a whole number", remedy)
        return raw

    return Reads(read, lambda: {"type": "integer", "minimum": least, "maximum": most})


def one_of(*words: str) -> Reads:
    """One of a few words."""

    def read(raw: Any, spot: Spot) -> Any:
        if raw not in words:
            expected = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
            spot.wrong(f"{shown(raw)} must be {expected}", _meant(raw, words))
        return raw

    return Reads(read, lambda: {"enum": list(words)})


def kind(own: str) -> Reads:
    """The kind of a backend, which is this one."""
    return Reads(one_of(*KINDS).read, lambda: {"enum": [own]})


def named(noun: str, known: Callable[[], Iterable[str]]) -> Reads:
    """One of the names that the catalogue has for something."""

    def read(raw: Any, spot: Spot) -> Any:
        names = list(known())
        if raw not in names:
            remedy = choose(raw, names) if isinstance(raw, str) else ""
            spot.wrong(f"{shown(raw)} is not {noun} of the catalogue", remedy)
        return raw

    return Reads(read, lambda: {"enum": list(known())})


def flag() -> Reads:
    """True or false."""

    def read(raw: Any, spot: Spot) -> Any:
        if not isinstance(raw, bool):
            spot.wrong(f"{shown(raw)} must be true or false")
        return raw

    return Reads(read, lambda: {"type": "boolean"})


def some_of(*words: str) -> Reads:
    """A list of a few words, each at most once."""

    def read(raw: Any, spot: Spot) -> Any:
        if not isinstance(raw, list) or not raw:
            spot.wrong(f"{shown(raw)} must be a list of {', '.join(words)}")
            return []
        for index, word in enumerate(raw):
            one_of(*words).read(word, spot.below(index))
            if word in raw[:index]:
                spot.below(index).wrong(f"{shown(word)} is given twice", "remove one")
        return raw

    items = {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True}
    return Reads(read, lambda: items)


def _meant(raw: Any, words: tuple[str, ...]) -> str:
    return nearest(raw, words) if isinstance(raw, str) and len(words) > 1 else ""


def text(longest: int = 10_000) -> Reads:
    """A text that is not empty."""

    def read(raw: Any, spot: Spot) -> Any:
        if not isinstance(raw, str):
            remedy = "" if isinstance(raw, dict | list) else "put it in quotes"
            spot.wrong(f"{shown(raw)} must be a text", remedy)
        elif not raw.strip():
            spot.wrong("is empty")
        elif len(raw) > longest:
            spot.wrong(f"{shown(raw)} must be at most {longest} characters")
        return raw

    return Reads(read, lambda: {"type": "string", "minLength": 1, "maxLength": longest})


def iso_date() -> Reads:
    """A date of a price, of which the month and the day may be missing."""

    def read(raw: Any, spot: Spot) -> str:
        written = str(raw)
        try:
            date.fromisoformat("-".join([*written.split("-"), "01", "01"][:3]))
        except ValueError:
            spot.wrong(f"{shown(raw)} must be a date such as 2026-08-01 or 2026-08")
        return written

    text = {"type": "string", "pattern": r"^\d{4}(-\d\d(-\d\d)?)?$", "examples": ["2026-09-01"]}
    forms = [text, {"type": "integer"}]
    return Reads(read, lambda: {"anyOf": forms})


def moment() -> Reads:
    """A date, or a date and time, without time zone."""
    return Reads(read_moment, lambda: {"type": "string", "examples": ["2026-11-23"]})


def read_moment(raw: Any, spot: Spot) -> datetime | None:
    """The moment that a text stands for; None, with the problem noted, if none."""
    expected = "a date such as 2026-11-23 or 2026-11-23T08:00"
    try:
        when = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        when = None
    if when is None:
        spot.wrong(f"{shown(raw)} must be {expected}")
    elif when.tzinfo is not None:
        spot.wrong(f"{shown(raw)} must be {expected}", "leave out the time zone")
    elif not UNIX_EPOCH <= when < LAST_START:
        spot.wrong(f"{shown(raw)} must be from 1970 to 2199")
    return when


@dataclass(frozen=True, slots=True)
class Start:
    """When something begins: after a time from the start of the horizon, or at a moment."""

    offset_s: Number | None
    moment: datetime | None = None

    def offset(self, start: datetime) -> Number:
        """Seconds from the start of the horizon."""
        if self.moment is not None:
            return (self.moment - start) / timedelta(seconds=1)
        assert self.offset_s is not None
        return self.offset_s

    def document(self) -> Any:
        """As plain data."""
        if self.moment is not None:
            return document_of(self.moment)
        return document_of(self.offset_s)


def start_of_event(quantity: Quantity) -> Reads:
    """An offset or a moment."""

    def read(raw: Any, spot: Spot) -> Start | None:
        if isinstance(raw, str) and not _is_quantity(raw, quantity):
            when = read_moment(raw, spot)
            return Start(None, when)
        return Start(read_number(raw, quantity, spot))

    return Reads(read, lambda: {"anyOf": [{"type": "string"}, number_schema(quantity)]})


def _is_quantity(raw: str, quantity: Quantity) -> bool:
    """Whether a text is to be read as a quantity: anything but four digits and a hyphen."""
    try:
        parse_quantity(raw, quantity.kind)
    except UnitError:
        return not (raw[:4].isdigit() and raw[4:5] == "-")
    return True
