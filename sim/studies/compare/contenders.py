"""What is compared: scenarios, and variants of the first of them.

A variant is written in one argument: ``LABEL: PATH=VALUE, PATH=VALUE``. The label may be left out.
Values are YAML, as for ``--set``: a comma within brackets, braces or quotes parts nothing, and
neither does one that is not followed by ``PATH=``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sim.errors import PeakfleetError
from sim.scenario import Scenario
from sim.studies.case import Case
from sim.studies.separated import separated

SETTING = re.compile(r"\s*[\w-]+(\.[\w-]+)*\s*=")  # what a further setting begins with


@dataclass(frozen=True, slots=True)
class Contender:
    """A design to be compared.

    Attributes
    ----------
    label : str
        Short, and no other contender's.
    scenario : Scenario
    case : Case or None
        Where it is from; None of a run that was finished before.
    """

    label: str
    scenario: Scenario
    case: Case | None = None


def contenders(
    cases: Sequence[Case], variants: Iterable[str] = (), further: Iterable[Contender] = ()
) -> list[Contender]:
    """The scenarios, then variants of the first, then what is given as it is.

    Raises
    ------
    PeakfleetError
        If they are fewer than two, or a variant cannot be read.
    """
    loaded = [case.load() for case in cases]
    names = [scenario.name for scenario in loaded]
    if len(set(names)) < len(names):  # several files of one name, or several versions of one file
        names = [case.stem for case in cases]
    found = [Contender(*each) for each in zip(names, loaded, cases, strict=True)]
    for text in variants:
        label, settings = parse_variant(text)
        case = cases[0].but(*settings)
        found.append(Contender(label, case.load(), case))
    found += further
    if len(found) < 2:
        raise PeakfleetError(
            "compare: one design cannot be compared; name another scenario, or a variant of the"
            " first, such as --variant 'four: backends.large.replicas=4'"
        )
    return _distinct(found)


def parse_variant(text: str) -> tuple[str, tuple[str, ...]]:
    """Label and settings of a variant.

    >>> parse_variant("big: backends.a.replicas=4, workloads.w.slo={ttft_p95: 2s, e2e_p95: 9s}")
    ('big', ('backends.a.replicas=4', 'workloads.w.slo={ttft_p95: 2s, e2e_p95: 9s}'))
    >>> parse_variant("backends.a.replicas=4")
    ('a.replicas=4', ('backends.a.replicas=4',))
    """
    label, colon, rest = text.partition(":")
    if not colon or "=" in label:
        label, rest = "", text
    settings = tuple(separated(rest, lambda at: bool(SETTING.match(rest, at + 1))))
    for setting in settings:
        if not SETTING.match(setting):
            raise PeakfleetError(
                f"variant ({text}): '{setting}' must be PATH=VALUE; write LABEL: PATH=VALUE,"
                " PATH=VALUE, such as 'four: backends.large.replicas=4'"
            )
    shown = ", ".join(re.sub(r"^(workloads|backends)\.", "", setting) for setting in settings)
    return label.strip() or shown, settings


def _distinct(found: list[Contender]) -> list[Contender]:
    """The same contenders with a number behind each label that has been there before."""
    seen: dict[str, int] = {}
    distinct = []
    for each in found:
        seen[each.label] = seen.get(each.label, 0) + 1
        count = seen[each.label]
        label = each.label if count == 1 else f"{each.label} ({count})"
        distinct.append(replace(each, label=label))
    return distinct
