"""Scenarios: loaded once, compiled to a design for every world."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.model.design import Design
from sim.model.threshold import Threshold
from sim.model.trace import Trace
from sim.model.uncertain import UncertainInput
from sim.scenario.checks import check_code, check_designs, warnings
from sim.scenario.compilation import compile_design
from sim.scenario.footing import footing
from sim.scenario.regional.expansion import as_written, expanded, traces_of, written_names
from sim.scenario.regional.expansion import warnings as of_regions
from sim.scenario.regional.naming import by_region
from sim.scenario.resolution import resolve
from sim.scenario.schema import ScenarioDocument, taking_part
from sim.scenario.text.emission import to_yaml
from sim.scenario.text.overrides import apply_overrides
from sim.scenario.text.yaml_file import Source, folder_of, read_document
from sim.scenario.validation import UNKNOWN, validate
from sim.scenario.values.fields import Surroundings
from sim.scenario.values.numbers import uncertain_in
from sim.scenario.values.problems import Finding
from sim.scenario.values.threshold import parse_threshold


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A service, its traffic and its fleet, with what is not known about them.

    It can be pickled. The traces that it replays go along in memory, so that a worker on another
    machine needs no file.

    Attributes
    ----------
    file : str
        Where it was read, as the user named it.
    name : str
    worlds, seed : int
        As in the document.
    document : dict
        As resolved: with overrides and defaults, in SI units and USD, files by absolute paths;
        plain data that JSON can hold. Loading it gives the same designs.
    inputs : tuple of UncertainInput
        Every number that nobody knows, sorted by path.
    warnings : tuple of str
        What its author may not have meant.
    footing : tuple of str
        What the answer rests on, where that is less than a recent measurement.
    model : ScenarioDocument
        The document as validated.
    traces : dict
        The trace of each workload that replays one.
    """

    file: str
    name: str
    worlds: int
    seed: int
    document: dict[str, Any]
    inputs: tuple[UncertainInput, ...]
    warnings: tuple[str, ...]
    footing: tuple[str, ...]
    model: ScenarioDocument
    traces: dict[str, Trace]

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """What the answer of a run has to keep to."""
        return tuple(map(parse_threshold, self.model.thresholds))

    @property
    def cautions(self) -> tuple[str, ...]:
        """Footing and warnings as of the day that the horizon starts: the same on any day."""
        design = self.typical_design()
        today = design.horizon.start.date()
        return (*self.footing, *warnings(self.model, design, today))

    @property
    def fidelity(self) -> str:
        """Whether every day is simulated (``exact``), or some that stand for the others."""
        return self.model.fidelity or "exact"

    def design(self, values: Mapping[str, float]) -> Design:
        """The design in a world.

        Parameters
        ----------
        values : mapping
            A value for each of `inputs` by its path, in the unit that the key names, else in SI
            units or USD. Whole numbers are rounded here.

        Raises
        ------
        ScenarioError
            If a value lies outside of what its key may be. Values drawn from the distributions of
            the inputs do not, unless several uncertain parameters of one distribution of token
            lengths conspire.
        """
        try:
            return compile_design(self.model, self.traces, values)
        except (ValueError, ArithmeticError) as error:
            raise ScenarioError([Problem(self.file, None, "", f"in one world: {error}")]) from error

    def typical_design(self) -> Design:
        """The design with every uncertain number at its median."""
        middle = np.array([0.5])
        medians = {one.path: float(one.distribution.ppf(middle)[0]) for one in self.inputs}
        return self.design(medians)

    def to_yaml(self) -> str:
        """The resolved document as YAML."""
        return to_yaml(self.document)


def load_scenario(
    path: Source, overrides: Iterable[str] = (), allow_code: bool = False
) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    path : path or Written
        A YAML file, or a text that lies in none. Paths in it, and in overrides, are relative to its
        folder.
    overrides : iterable of str
        Changes such as ``backends.large.replicas=8``, in order.
    allow_code : bool
        Whether ``process: module:function`` may name Python code that is run. A name that was
        registered in ``sim.engine.control.AUTOSCALERS`` needs no leave.

    Raises
    ------
    ScenarioError
        With every problem of the document. Problems with files that it names, and with values that
        do not fit each other, come once all values are right by themselves.
    """
    document = read_document(path)
    apply_overrides(document, by_region(document.data, overrides))
    surroundings = Surroundings.of(document.data, folder_of(path))
    model = validate(document, surroundings)
    if model is None or document.findings:
        document.findings.found = [_with_place(each) for each in document.findings.found]
        raise document.error()
    written, traces = resolve(model, surroundings, document.findings)
    if document.findings:
        raise document.error()
    model, traces = expanded(written), traces_of(written, traces)
    there = model.model_copy(update={"backends": taking_part(model)})
    found = {each.path: each for each in uncertain_in(there)}
    inputs = [found[path] for path in sorted(found)]
    if not allow_code:
        check_code(model, document.findings)
    design = check_designs(model, traces, inputs, document.findings)
    if design is None or document.findings:
        as_written(document.findings, written)
        raise document.error()
    return Scenario(
        file=str(path),
        name=model.name,
        worlds=model.worlds,
        seed=model.seed,
        document=written.model_dump(exclude_none=True),
        inputs=tuple(number.input() for number in inputs),
        warnings=(
            *written_names(warnings(model, design, date.today()), written),
            *of_regions(written),
        ),
        footing=written_names(footing(model, design), written),
        model=model,
        traces=traces,
    )


def _with_place(finding: Finding) -> Finding:
    """An unknown key that is like none of its block, with where a key of its name stands."""
    if finding.message != UNKNOWN or finding.remedy.startswith("did you mean"):
        return finding
    from sim.scenario.reference import stands_at  # noqa: PLC0415 (it reads the whole schema)

    *block, name = map(str, finding.path)
    found = stands_at(block, name)
    return replace(finding, remedy=f"did you mean {' or '.join(found)}?") if found else finding
