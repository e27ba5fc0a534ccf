"""A mapping of a YAML file whose entries are fetched by type, with every problem kept by line."""

import difflib
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sim.errors import Problem, ScenarioError, is_control

LARGEST = 2**31 - 1  # counts are 32-bit integers in the engine
LARGEST_NUMBER = 1e300
DEEPEST = 50  # the parser takes seconds for what is nested a hundred thousand deep

_BRACKET = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping with typed access.

    Each method returns None after it has noted a problem, or for a missing key the default. A
    missing key without a default is a problem.

    Attributes
    ----------
    file : str
        Name of the file for messages.
    entries : CommentedMap
        With line numbers.
    path : str
        Dotted path of this mapping within the file; empty at the top.
    problems : list of Problem
        Shared with the mappings within this one.
    """

    file: str
    entries: CommentedMap
    path: str = ""
    problems: list[Problem] = field(default_factory=list)

    def problem(self, key: str, message: str, remedy: str = "") -> None:
        """Note a problem with a key, or with an entry ``key[3]`` of its list."""
        plain = key.partition("[")[0]
        line: int | None = None
        if plain in self.entries:
            line = self.entries.lc.key(plain)[0] + 1
        elif self.entries.lc.line is not None:
            line = self.entries.lc.line + 1
        self.problems.append(Problem(self.file, line, f"{self.path}{key}", message, remedy))

    def raise_problems(self) -> None:
        """Raise ScenarioError if there are problems, in the order of the file."""
        if self.problems:
            raise ScenarioError(sorted(self.problems, key=lambda problem: problem.line or 0))

    def check_keys(self, known: Iterable[str]) -> None:
        """Note every key that is not known, with the nearest one that is."""
        names = list(known)
        for key in self.entries:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, n=1)
                remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
                self.problem(key if isinstance(key, str) else repr(key), "unknown key", remedy)

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not empty; a date counts as one."""
        value = self._value(key, default)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, str) and any(is_control(each) for each in value.strip()):
            self.problem(key, "contains a control character", "remove it")
            return None
        if isinstance(value, str) and (value.strip() or value == default):
            return value.strip()
        if value is not None:
            self._wrong(key, value, "a text, in quotes if need be")
        return None

    def choice(self, key: str, options: tuple[str, ...], default: str) -> str | None:
        """One of the options."""
        value = self._value(key, default)
        if value in options:
            return str(value)
        if value is not None:
            self._wrong(key, value, " or ".join(options))
        return None

    def count(self, key: str, default: int | None = None, *, least: int) -> int | None:
        """A whole number, at least ``least``."""
        value = self._value(key, default)
        if value is None:
            return None
        if _is_count(value, least):
            return int(value)
        self._wrong(key, value, f"a whole number of at least {least}")
        return None

    def number(self, key: str, default: float | None = None) -> float | None:
        """A finite number, at least 0."""
        value = self._value(key, default)
        if value is None:
            return None
        if _is_number(value):
            return float(value)
        self._wrong(key, value, "a finite number of at least 0")
        return None

    def counts(self, key: str, *, least: int) -> tuple[int, ...] | None:
        """A list of whole numbers, not empty."""
        what = f"a whole number of at least {least}"
        values = self._list(key, lambda value: _is_count(value, least), what)
        return None if values is None else tuple(int(value) for value in values)

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """A list of finite numbers of at least 0, not empty."""
        values = self._list(key, _is_number, "a finite number of at least 0")
        return None if values is None else tuple(float(value) for value in values)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, not empty."""
        values = self._list(key, lambda value: isinstance(value, str) and bool(value), "a text")
        return None if values is None else tuple(values)

    def rows(self, key: str) -> tuple[tuple[float, ...], ...] | None:
        """A list of lists of finite numbers of any sign; it, too, may be empty."""
        value = self._value(key, None)
        if isinstance(value, list) and all(_is_row(row) for row in value):
            return tuple(tuple(float(each) for each in row) for row in value)
        if value is not None:
            self._wrong(key, value, "a list of lists of numbers")
        return None

    def range(self, key: str) -> tuple[int, int] | None:
        """Two whole numbers, the smaller first; None if the key is missing."""
        if key not in self.entries:
            return None
        bounds = self.counts(key, least=0)
        if bounds is None:
            return None
        if len(bounds) == 2 and bounds[0] <= bounds[1]:
            return bounds[0], bounds[1]
        self._wrong(key, list(bounds), "[smallest, largest]")
        return None

    def mapping(self, key: str) -> "YamlMapping | None":
        """A mapping within this one; None if the key is missing."""
        value = self.entries.get(key)
        if value is None:
            return None
        if isinstance(value, CommentedMap):
            return YamlMapping(self.file, value, f"{self.path}{key}.", self.problems)
        self._wrong(key, value, "a mapping of keys to values")
        return None

    def mappings(self, key: str) -> "tuple[YamlMapping, ...]":
        """A list of mappings; empty if the key is missing."""
        value = self.entries.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, CommentedMap) for v in value):
            self._wrong(key, value, "a list of mappings")
            return ()
        return tuple(
            YamlMapping(self.file, each, f"{self.path}{key}[{i}].", self.problems)
            for i, each in enumerate(value)
        )

    def _value(self, key: str, default: Any) -> Any:
        if key not in self.entries:
            if default is None:
                self.problem(key, "is missing")
            return default
        value = self.entries[key]
        if value is None:
            self._wrong(key, value, "given")
        return value

    def _list(self, key: str, is_good: Callable[[Any], bool], what: str) -> list[Any] | None:
        value = self._value(key, None)
        if value is None:
            return None
        if not isinstance(value, list) or not value:
            self._wrong(key, value, f"a list, each entry {what}")
            return None
        bad = [i for i, each in enumerate(value) if not is_good(each)]
        for i in bad:
            self._wrong(f"{key}[{i}]", value[i], what)
        return None if bad else list(value)

    def _wrong(self, key: str, value: Any, what: str) -> None:
        """Note that a value is not what it must be."""
        self.problem(key, f"{reprlib.repr(value)} must be {what}")


def read_mapping(text: str, file: str) -> YamlMapping:
    """The top-level mapping of a YAML 1.2 text.

    Raises
    ------
    ScenarioError
        If the text is no YAML, repeats a key, is nested too deeply, or holds no mapping.
    """
    if _nesting(text) > DEEPEST:
        message = f"brackets nested more than {DEEPEST} deep"
        raise ScenarioError([Problem(file, None, "", message)])
    try:
        entries = YAML().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        message = str(error.problem or error.context).splitlines()[0]
        for kind in ("found duplicate key", "found undefined alias"):
            message = (
                kind if message.startswith(kind) else message
            )  # not with the words of the file
        raise ScenarioError([Problem(file, line, "", message)]) from error
    except (YAMLError, ValueError) as error:  # ValueError: a number or date of a strange form
        raise ScenarioError([Problem(file, None, "", str(error).splitlines()[0])]) from error
    except RecursionError as error:
        raise ScenarioError([Problem(file, None, "", "is nested too deeply")]) from error
    if not isinstance(entries, CommentedMap):
        raise ScenarioError([Problem(file, None, "", "must be a mapping of keys to values")])
    return YamlMapping(file, entries)


def _nesting(text: str) -> int:
    """How deep brackets are nested at most, quoted ones counted as well."""
    depths = accumulate(1 if found[0] in "[{" else -1 for found in _BRACKET.finditer(text))
    return max(depths, default=0)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and all(_is_real(each) for each in value)


def _is_real(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) <= LARGEST_NUMBER)  # NaN compares false


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(0 <= value <= LARGEST_NUMBER)  # NaN compares false
