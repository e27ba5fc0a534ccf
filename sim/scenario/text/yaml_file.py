"""YAML 1.2 documents as plain data, with the line of every key, read with distrust.

ruamel.yaml turns the text into events; this module composes them under limits on size, depth and
number of values (aliases count as often as they are used, which defuses nested ones), finds
duplicate keys and resolves plain scalars by the core schema of YAML 1.2, where ``no`` is a text,
``010`` is ten and a date is a text.
"""

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from sim.errors import Problem, ScenarioError, is_control
from sim.model.input_file import InputFileError, content
from sim.scenario.values.problems import Finding, Findings, Path, dotted
from sim.scenario.values.units import shown

DESCRIPTION: Path = ("description",)  # the only text of several lines
WRAPPED = "\n\t"
MAX_DEPTH = 32  # a scenario needs nine
MAX_VALUES = 20_000

_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}\.000")
_CONSTANTS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + inf: math.inf for sign in ("", "+") for inf in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_CORE_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Written:
    """A scenario that lies in no file.

    Attributes
    ----------
    text : str
        YAML.
    file : str
        What messages call it.
    folder : Path
        Where relative paths of files in it begin.
    has_lines : bool
        Whether its author knows its lines; not those of data that only became YAML here.
    """

    text: str
    file: str = "<text>"
    folder: FilePath = FilePath()
    has_lines: bool = True

    def __str__(self) -> str:
        return self.file


Source = FilePath | str | Written  # of a scenario: its file, or what it would hold


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: a line of a file, or an override of the command line."""

    file: str
    line: int | None


@dataclass(slots=True)
class Document:
    """A document as plain data.

    Attributes
    ----------
    file : str
        As the user named it.
    data : dict
        Mappings, lists, texts, numbers, booleans and None.
    places : dict
        Where the key or list entry of each path is written.
    findings : Findings
        What is wrong so far.
    made : set of path
        Mappings that are there only because an override set something inside them.
    """

    file: str
    data: dict[str, Any]
    places: dict[Path, Place]
    findings: Findings = field(default_factory=Findings)
    made: set[Path] = field(default_factory=set)

    def place(self, path: Path) -> Place:
        """Where ``path`` is written, or else what surrounds it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place(self.file, None)

    def problem(self, finding: Finding) -> Problem:
        """The finding with its file and line."""
        place = self.place(finding.path)
        return Problem(
            place.file, place.line, dotted(finding.path), finding.message, finding.remedy
        )

    def error(self) -> ScenarioError:
        """All findings as one exception, in the order of their lines, each once."""
        problems = dict.fromkeys(self.problem(finding) for finding in self.findings.found)
        return ScenarioError(sorted(problems, key=lambda p: (p.line is None, p.line or 0)))


def read_document(source: Source) -> Document:
    """The document in a file, or in what lies in none.

    Raises
    ------
    ScenarioError
        If there is none, with a single problem; duplicate keys are findings of the document.
    """
    if isinstance(source, Written):
        document = parse_document(source.text, source.file)
        if not source.has_lines:
            document.places.clear()
        return document
    text = _decoded(_content(FilePath(source), str(source)), str(source))
    return parse_document(text, str(source))


def folder_of(source: Source) -> FilePath:
    """Where relative paths in a scenario begin."""
    return source.folder if isinstance(source, Written) else FilePath(source).parent


def parse_document(text: str, file: str) -> Document:
    """The document in a text; see `read_document`."""
    parsed = _parsed(text, file)
    # A copy, which overrides may change.
    return Document(
        file, copy.deepcopy(parsed.data), dict(parsed.places), copy.deepcopy(parsed.findings)
    )


@lru_cache(maxsize=8)  # a study makes hundreds of scenarios of one text, by overrides
def _parsed(text: str, file: str) -> Document:
    document = Document(file, {}, {})
    data = compose(text, file, document.places, document.findings)
    if data is None:
        raise _refusal(file, None, "is empty", "see scenarios/quickstart.yaml for a scenario")
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "one value"
        raise _refusal(file, 1, f"is {kind}, must be a mapping of keys such as 'name:'")
    document.data = data
    return document


def compose(text: str, file: str, places: dict[Path, Place], findings: Findings) -> Any:
    """The value that a YAML text stands for; fills in ``places`` and ``findings``."""
    _refuse_deep_brackets(text, file)
    try:
        return _Composer(file, YAML(typ="safe", pure=True).parse(text), places, findings).root()
    except ReaderError as error:
        line = text.count("\n", 0, max(error.position, 0)) + 1
        raise _refusal(file, line, "contains a character that YAML does not allow") from None
    except MarkedYAMLError as error:
        raise _syntax_error(error, file) from None
    except (YAMLError, ValueError, OverflowError) as error:
        # ruamel.yaml lets those of Python through for odd directives and escapes.
        message = str(error).splitlines()[0] if str(error) else "unreadable"
        raise _refusal(file, None, f"is not YAML: {message}") from None


def _content(path: FilePath, file: str) -> bytes:
    try:
        return content(path, "scenario")
    except InputFileError as error:
        remedy = "keep long tables in CSV files" if "larger" in str(error) else ""
        raise _refusal(file, None, str(error), remedy) from None


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise _refusal(
            file, line, f"byte 0x{byte:02x} is not UTF-8", "save the file as UTF-8"
        ) from None


def _refuse_deep_brackets(text: str, file: str) -> None:
    """Refuse a nest of brackets before the scanner, whose time grows with its square."""
    depth = 0
    for match in re.finditer(r"[\[{\]}]", text):
        depth = depth + 1 if match[0] in "[{" else max(depth - 1, 0)
        if depth > MAX_DEPTH:
            raise _too_deep(file, text.count("\n", 0, match.start()) + 1)


def _too_deep(file: str, line: int) -> ScenarioError:
    return _refusal(file, line, f"is nested deeper than {MAX_DEPTH} levels")


def _refusal(file: str, line: int | None, message: str, remedy: str = "") -> ScenarioError:
    return ScenarioError([Problem(file, line, "", message, remedy)])


_REMEDIES = {  # of what a parser says
    r"'\t'": "indent with spaces, not tabs",
    "mapping values are not allowed": 'put a text that holds ": " in quotes; indent the keys of one'
    " mapping alike; end each key with a colon",
    "expected <block end>": "indent the keys of one mapping alike",
    "could not find expected ':'": "write a key, a colon, a space and its value",
    "cannot start any token": "put a text that begins with it in quotes",
    "unexpected end of stream": "close the quotation mark",
    "expected ',' or '}'": "close the bracket {",
    "expected ',' or ']'": "close the bracket [",
    "expected the node content": "remove a comma",
}


def _syntax_error(error: MarkedYAMLError, file: str) -> ScenarioError:
    mark = error.problem_mark or error.context_mark
    message = " ".join(str(error.problem or error.context or "unreadable").split())
    begun = error.context_mark
    remedy = next((words for sign, words in _REMEDIES.items() if sign in message), "")
    if mark and begun and begun.line != mark.line:
        remedy = f"{remedy}{', ' if remedy else ''}in what begins on line {begun.line + 1}"
    return _refusal(file, mark.line + 1 if mark else None, f"is not YAML: {message}", remedy)


class _Composer:
    """Builds plain data out of the events of one document."""

    def __init__(
        self,
        file: str,
        events: Iterator[Event],
        places: dict[Path, Place],
        findings: Findings,
    ) -> None:
        self.file = file
        self.events = events
        self.places = places
        self.findings = findings
        self.anchors: dict[str, tuple[Any, int]] = {}  # value, and how many values it consists of
        self.values = 0

    def root(self) -> Any:
        """The only document of the stream; None if there is none."""
        data, documents = None, 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.refusal(event, "has a second document", "remove the line '---'")
            elif isinstance(event, NodeEvent):
                data = self.value(event, ())
        return data

    def value(self, event: Event, path: Path) -> Any:
        """The value that begins with ``event``."""
        assert isinstance(event, NodeEvent)
        self.count(1, event)
        if isinstance(event, AliasEvent):
            return self.alias(event)
        assert isinstance(event, ScalarEvent | CollectionStartEvent)
        before = self.values
        self.refuse_tag(event)
        if isinstance(event, ScalarEvent):
            self.refuse_controls(event, WRAPPED if path == DESCRIPTION else "")
            value = self.scalar(event, path)
        elif len(path) >= MAX_DEPTH:
            raise _too_deep(self.file, event.start_mark.line + 1)
        elif isinstance(event, MappingStartEvent):
            value = self.mapping(path)
        else:
            value = self.sequence(path)
        if event.anchor:
            self.anchors[event.anchor] = (value, self.values - before + 1)
        return value

    def mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self.refusal(event, "a key must be a text")
            at = (*path, str(event.value))
            self.refuse_controls(event)
            if event.value in mapping:
                first = self.places[at].line
                self.findings.add(at, f"is given twice, first on line {first}", "remove one")
            self.places[at] = self.here(event)
            mapping[event.value] = self.value(next(self.events), at)
        return mapping

    def sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while isinstance(event := next(self.events), NodeEvent):
            at = (*path, len(items))
            self.places[at] = self.here(event)
            items.append(self.value(event, at))
        return items

    def alias(self, event: AliasEvent) -> Any:
        if event.anchor not in self.anchors:
            raise self.refusal(event, "an alias stands for nothing before it")
        value, size = self.anchors[event.anchor]
        self.count(size, event)
        return copy.deepcopy(value)  # its own copy: an override must not change its twin

    def scalar(self, event: ScalarEvent, path: Path) -> Any:
        if not event.implicit[0]:  # quoted
            return event.value
        return resolve_scalar(event.value)

    def refuse_controls(self, event: ScalarEvent, but: str = "") -> None:
        """Names end up on terminals, in files of all kinds, and in names of files."""
        found = next((each for each in event.value if is_control(each) and each not in but), "")
        if found:
            raise self.refusal(event, f"contains the control character {found!a}", "remove it")

    def refuse_tag(self, event: ScalarEvent | CollectionStartEvent) -> None:
        tag = event.ctag.trval if event.ctag else None
        plain = isinstance(event, CollectionStartEvent) and event.implicit
        if tag and not plain:
            name = str(tag).replace(_CORE_TAG, "!!")
            raise self.refusal(event, f"tag {shown(name)} is not supported", "remove it")

    def count(self, values: int, event: Event) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise self.refusal(event, f"has more than {MAX_VALUES} values, aliases counted in full")

    def here(self, event: Event) -> Place:
        return Place(self.file, event.start_mark.line + 1)

    def refusal(self, event: Event, message: str, remedy: str = "") -> ScenarioError:
        return _refusal(self.file, event.start_mark.line + 1, message, remedy)


def resolve_scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= 18 else float(text)
    if _BASED.fullmatch(text):
        return int(text, 0) if len(text) <= 18 else text
    if _GROUPED.fullmatch(text):  # a hundred, or a hundred thousand: whoever reads it asks
        return text
    return float(text) if _FLOAT.fullmatch(text) else text
