"""The changed scenario as a file: the text of its author with other values, comments and all."""

import io
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sim.errors import PeakfleetError, ResultError
from sim.scenario import Scenario, Written, load_scenario

ENDINGS = (".yaml", ".yml")
WIDTH = 4096  # nothing is folded


class ExistsError(ResultError):
    """A file that would be overwritten."""


def changed_text(path: Path, changes: Iterable[str], scenario: Scenario) -> str:
    """The text of a scenario with changes, and with its comments.

    Where that does not load to the same scenario, as where an alias shares a value that is changed
    at one place, it is the scenario as resolved.
    """
    text = path.read_text(encoding="utf-8-sig")
    changes = tuple(changes)
    if not changes:
        return text
    try:
        written = _with_values(text, changes)
        again = load_scenario(Written(written, str(path), path.parent), (), allow_code=True)
    except (PeakfleetError, YAMLError, KeyError, TypeError, IndexError, ValueError):
        return scenario.to_yaml()
    return written if again.document == scenario.document else scenario.to_yaml()


def _with_values(text: str, changes: Iterable[str]) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    for change in changes:
        path, _, value = change.partition("=")
        *above, last = path.split(".")
        holder: Any = document
        for key in above:
            holder = holder[int(key) if isinstance(holder, list) else key]
        new = YAML().load(value)
        if hasattr(new, "fa"):
            new.fa.set_flow_style()
        holder[int(last) if isinstance(holder, list) else last] = new
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def save(text: str, folder: Path, name: str, overwrite: bool) -> Path:
    """Write a scenario into a folder; returns where it is.

    Raises
    ------
    ExistsError
        If there is such a file, and it is not to be overwritten.
    ResultError
        If it has no name of a scenario, or cannot be written.
    """
    sound = name.isprintable() and Path(name).name == name and not name.startswith(".")
    if not sound or not name.endswith(ENDINGS) or len(name) > 200:
        raise ResultError(f"{name[:200]!r} must be the name of a file, such as changed.yaml")
    place = folder / name
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK  # none waits for a reader
    try:
        at = os.open(place, flags | (0 if overwrite else os.O_EXCL), 0o666)
        with open(at, "w", encoding="utf-8") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(at).st_mode):
                raise ResultError(f"{place}: is no regular file; choose another name")
            file.truncate()
            file.write(text)
    except FileExistsError:
        raise ExistsError(f"{place}: is there already") from None
    except OSError as error:
        raise ResultError(f"{place}: cannot be written: {error.strerror}") from None
    return place
