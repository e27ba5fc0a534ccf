"""Each side alone at the scenario's own volume, with the fleet that it takes.

What is off in a side that nothing is sent to today would not be seen in the scenario as it stands.
"""

from sim.studies.breakeven.answer import BreakEven
from sim.studies.breakeven.sides import Contest, Fleet, contest
from sim.studies.case import Case


def sides_alone(case: Case, answer: BreakEven) -> dict[str, Case]:
    """Cases of the sides by what they are called; ways to have the same GPUs are one case.

    Parameters
    ----------
    case : Case
        That the study was about.
    answer : BreakEven
        Which names the reference, which comes first, and the fleets.
    """
    sides = contest(case, answer.reference)
    groups = sorted(sides.groups, key=lambda names: answer.reference not in names)
    return {", ".join(names): _alone(sides, names[0], answer) for names in groups}


def _alone(sides: Contest, side: str, answer: BreakEven) -> Case:
    found = next((each for each in answer.switches if each.side == side), None)
    fleet = Fleet(found.replicas) if found is not None and found.replicas else None
    return sides.case_at(side, answer.own.usual, fleet)
