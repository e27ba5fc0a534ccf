"""Data files of the catalogue: how they are found and read, and how a wrong name is answered.

A folder of the user's own, named by the environment variable ``PEAKFLEET_CATALOG`` or by the option
``--catalog``, extends it: tables of the same names and columns as the built-in ones, ``gpus.csv``,
``models.csv``, ``gpu_prices.csv``, ``api_prices.csv`` and ``api_pace.csv``, profiles below
``profiles/``, named by their path there, and the ``config.json`` of models below ``models/``.
"""

import csv
import difflib
import os
from collections.abc import Callable, Iterable
from functools import cache, wraps
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sim.catalog.naming import beginning_with
from sim.errors import CatalogError
from sim.model.input_file import InputFileError, text

SETTING = "PEAKFLEET_CATALOG"
Entry = TypeVar("Entry")
Given = TypeVarTuple("Given")


def data_file(path: str) -> Traversable:
    """A file or folder of ``sim/catalog/data``, as installed."""
    return files("sim.catalog").joinpath("data", *path.split("/"))


def own_folder() -> Path | None:
    """The user's own folder of profiles, prices and models, if there is one.

    Raises
    ------
    CatalogError
        If the setting names something else.
    """
    setting = os.environ.get(SETTING, "")
    if not setting:
        return None
    folder = Path(setting).expanduser().absolute()
    if not folder.is_dir():
        raise CatalogError(f"{SETTING} ({setting}) must be a folder of profiles, prices and models")
    return folder


def cached_for_folder(make: Callable[[*Given], Entry]) -> Callable[[*Given], Entry]:
    """Keep what was made of the catalogue, for each folder of the user's own that it was made with.

    A script may set the variable at any time, and has read built-in tables before.
    """

    @cache
    def kept(_setting: str, *given: *Given) -> Entry:
        return make(*given)

    @wraps(make)
    def asked(*given: *Given) -> Entry:
        setting = os.environ.get(SETTING, "")
        return kept(setting and str(Path(setting).absolute()), *given)  # a script may move

    return asked


def rows(path: str) -> list[dict[str, str]]:
    """The rows of a built-in CSV table, as text by column."""
    return list(csv.DictReader(data_file(path).read_text(encoding="utf-8").splitlines()))


def entries(
    path: str, make: Callable[[dict[str, str]], Entry], key: Callable[[Entry], object]
) -> list[Entry]:
    """What the rows of a table stand for, with those of the user's own table in their place.

    Parameters
    ----------
    path : str
        Of the table, here and in the user's folder.
    make : callable
        The entry of a row; ValueError, KeyError or TypeError where that makes none.
    key : callable
        Of an entry; built-in ones with a key that the user's own have as well are left out.

    Raises
    ------
    CatalogError
        Naming file and line of a row of the user's that makes no entry.
    """
    own = _own_entries(path, make)
    taken = {key(entry) for entry in own}
    return [*own, *(entry for entry in map(make, rows(path)) if key(entry) not in taken)]


def _own_entries(path: str, make: Callable[[dict[str, str]], Entry]) -> list[Entry]:
    folder = own_folder()
    file = None if folder is None else folder / path
    if file is None or not file.exists():
        return []
    columns = list(rows(path)[0])
    try:
        reader = csv.DictReader(text(file, "table").splitlines())
        found = []
        for row in reader:
            if unknown := [str(name) for name in row if name not in columns]:
                known, place = ", ".join(columns), f"{file}:{reader.line_num}"
                raise CatalogError(f"{place}: unknown column {unknown[0]} (columns: {known})")
            full = {name: (row.get(name) or "").strip() for name in columns}
            try:
                found.append(make(full))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise CatalogError(f"{file}:{reader.line_num}: {error}") from None
    except (InputFileError, csv.Error) as error:
        raise CatalogError(f"{file}: {error}") from None
    return found


def no_such(kind: str, name: str, known: Iterable[str], command: str) -> CatalogError:
    """The error for a name that is not in the catalogue, with the nearest ones.

    Parameters
    ----------
    kind : str
        What was looked for: ``GPU``.
    name : str
        The name asked for.
    known : iterable of str
        The names there are.
    command : str
        The command that lists them.
    """
    names = sorted(known)
    near = beginning_with(name, names)[:6]
    near = near or difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return CatalogError(f"{kind} {name!r} is not in the catalogue ({meant}{command!r} lists all)")
