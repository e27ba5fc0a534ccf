"""What the page of an answer holds, in the order in which it is read."""

from dataclasses import dataclass
from typing import Any

from sim.report.parts import Part, Verdict


@dataclass(frozen=True, slots=True)
class Key:
    """A figure that is shown first.

    Attributes
    ----------
    metric : str
        Its name in ``summary.json``.
    label : str
    value : float
        The median over worlds, in SI units or USD.
    middle : str
        The same as it is read, with its unit.
    interval : str
        95 % interval of the median; empty where it needs none.
    spread : str
        Its p5 and p95 over worlds; empty where it is the same in all.
    """

    metric: str
    label: str
    value: float
    middle: str
    interval: str
    spread: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and what it says to those who do not see it.

    Attributes
    ----------
    name : str
    spec : dict
        A Vega-Lite specification, its title included.
    alternative : str
    """

    name: str
    spec: dict[str, Any]
    alternative: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text that can be taken along as a file."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page of an answer.

    Attributes
    ----------
    title : str
        Of the browser's tab: what was asked of which scenario.
    kind : str
        The command that answered it, such as ``sim run``.
    answer : str
        The decision in one sentence, with its certainty.
    verdicts : tuple of Verdict
    details : tuple of Part
        What is to be told beside the answer.
    keys : tuple of Key
        The figures that are read first.
    figures : tuple of Part
        All others.
    pictures : tuple of Picture
    assumptions : tuple of Part
    method : tuple of Part
        How it was computed, and what it cannot tell.
    scenarios : tuple of Attachment
        As resolved: what repeats the answer.
    version : str
        Of Peakfleet.
    """

    title: str
    kind: str
    answer: str
    verdicts: tuple[Verdict, ...] = ()
    details: tuple[Part, ...] = ()
    keys: tuple[Key, ...] = ()
    figures: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()
    assumptions: tuple[Part, ...] = ()
    method: tuple[Part, ...] = ()
    scenarios: tuple[Attachment, ...] = ()
    version: str = ""
