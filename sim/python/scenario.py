"""Scenarios as a script or a notebook has them: loaded, looked at, changed."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import PeakfleetError
from sim.model.uncertain import UncertainInput
from sim.python import html
from sim.python.asked import refused
from sim.python.wording import in_python, python_words
from sim.scenario import Scenario as Loaded
from sim.scenario import Written
from sim.studies.case import Case

OF_PROFILES = re.compile(r"\.service\.error_\d+$")  # errors of coefficients, in deviations

Change = str | Mapping[str, Any]
"""``PATH=VALUE`` as for ``--set``, or values by path."""


class Scenario:
    """A service, its traffic and its fleet, with what is not known about them.

    It does not change: :meth:`with_` makes another. Make one by :meth:`load`.

    Parameters
    ----------
    case : Case
        Where it is written, with changes.
    """

    def __init__(self, case: Case) -> None:
        if not isinstance(case, Case):
            raise refused("Scenario", case, "made by sim.Scenario.load, of a file, a text or data")
        self.case = case
        self.loaded: Loaded = case.load()

    @classmethod
    def load(
        cls,
        source: "str | os.PathLike[str] | Mapping[str, Any] | Scenario",
        *changes: Change,
        allow_code: bool = False,
        folder: str | os.PathLike[str] = ".",
    ) -> "Scenario":
        """Read a scenario.

        Parameters
        ----------
        source : path, str, mapping or Scenario
            A file; or what it would hold: a text of YAML (told by an end of a line, or a brace as
            its first sign), or data.
        *changes : str or mapping
            Made in order; see :meth:`with_`.
        allow_code : bool
            Whether it may name Python code that is run (``process: module:function``).
        folder : path
            Where relative paths of files begin in a scenario that is not a file itself.

        Raises
        ------
        ScenarioError
            With every problem, as the command line tells them.

        Examples
        --------
        >>> Scenario.load("scenarios/quickstart.yaml", "worlds=20").worlds
        20
        >>> Scenario.load("scenarios/quickstart.yaml", {"backends.large.replicas": 0})
        Traceback (most recent call last):
        sim.errors.ScenarioError: change 'backends.large.replicas=0': backends.large.replicas: ...
        """
        if isinstance(source, Scenario):
            case = source.case
        elif not _is_source(source):
            raise refused("scenario", source, "a file, a text of YAML, data, or a Scenario")
        elif not isinstance(folder, str | os.PathLike):
            raise refused("folder", folder, "a path")
        elif not isinstance(allow_code, bool):
            raise refused("allow_code", allow_code, "True or False")
        else:
            case = Case(_place(source, Path(folder)), allow_code=allow_code)
        with python_words():
            return cls(case.but(*settings(changes)))

    def with_(self, *changes: Change, **values: Any) -> "Scenario":
        """The same scenario with changes, as ``--set`` makes them.

        Parameters
        ----------
        *changes : str or mapping
            ``"PATH=VALUE"``, or values by path; None removes a key.
        **values
            Values of keys at the top of the document.

        Examples
        --------
        >>> base = Scenario.load("scenarios/quickstart.yaml")
        >>> base.with_({"backends.large.replicas": 2}, worlds=50).worlds
        50
        >>> base.with_("backends.large.price.usd_per_gpu_hour={p5: 2, p95: 4}").inputs[0]
        'backends.large.price.usd_per_gpu_hour'
        """
        with python_words():
            return Scenario(self.case.but(*settings((*changes, values))))

    @property
    def name(self) -> str:
        """Its name."""
        return self.loaded.name

    @property
    def worlds(self) -> int:
        """How many worlds it asks for."""
        return self.loaded.worlds

    @property
    def seed(self) -> int:
        """Seed of all random numbers."""
        return self.loaded.seed

    @property
    def document(self) -> dict[str, Any]:
        """The document as resolved: with changes and defaults, in SI units and USD."""
        return self.loaded.document

    @property
    def inputs(self) -> tuple[str, ...]:
        """Paths of the numbers that nobody knows."""
        return tuple(each.path for each in self.loaded.inputs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its author may not have meant, and what the answer rests on."""
        return tuple(map(in_python, (*self.loaded.warnings, *self.loaded.footing)))

    def to_yaml(self) -> str:
        """The resolved document as YAML."""
        return self.loaded.to_yaml()

    def __repr__(self) -> str:
        return f"<Scenario {self.name!r}: {self.worlds:,} worlds, {len(self.inputs)} uncertain>"

    def _repr_html_(self) -> str:
        head = f"<p><b>{escape(self.name)}</b>, {self.worlds:,} worlds, seed {self.seed}</p>"
        own = [each for each in self.loaded.inputs if not OF_PROFILES.search(each.path)]
        of_profiles = len(self.loaded.inputs) - len(own)
        body = [(each.path, *_percentiles(each)) for each in own]
        if of_profiles:
            body.append((f"{of_profiles} coefficients of measured profiles", "", "", ""))
        if not body:
            return head + "<p>No number in it is uncertain.</p>"
        return head + html.rows(("uncertain", "p5", "p50", "p95"), [("", body)])


def settings(changes: Iterable[Change]) -> list[str]:
    """Changes as ``--set`` has them.

    Examples
    --------
    >>> settings(["worlds=20", {"backends.large.replicas": {"min": 1, "max": 4}}])
    ['worlds=20', 'backends.large.replicas={"min": 1, "max": 4}']
    """
    found = []
    for change in changes:
        if isinstance(change, str):
            found.append(change)
        elif isinstance(change, Mapping):
            found += [f"{path}={_yaml(value, path)}" for path, value in change.items()]
        else:
            raise PeakfleetError(
                f"a change ({change!r}) must be a text such as 'worlds=20', or a mapping of paths"
                " to values"
            )
    return found


def _percentiles(one: UncertainInput) -> list[str]:
    levels = np.array([0.05, 0.5, 0.95])
    return [f"{each:,.5g}" for each in one.distribution.ppf(levels)]


def _is_source(source: object) -> bool:
    """Whether it can be a scenario: an empty text is no file, though a path would be made of it."""
    return isinstance(source, os.PathLike | Mapping) or (
        isinstance(source, str) and bool(source.strip(" \t"))
    )


def _place(source: str | os.PathLike[str] | Mapping[str, Any], folder: Path) -> "Path | Written":
    if isinstance(source, Mapping):
        return Written(_yaml(source, "scenario"), "<data>", folder, has_lines=False)
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return Written(source, "<text>", folder)
    return Path(source)


def _yaml(value: Any, path: str) -> str:
    """Data as YAML, of which JSON is a part."""
    try:
        return json.dumps(_plain(value), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PeakfleetError(f"{path}: is no plain data that YAML could hold: {error}") from None


def _plain(value: Any) -> Any:
    """Numbers of NumPy, paths, dates and tuples as YAML has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, date | os.PathLike) else value
