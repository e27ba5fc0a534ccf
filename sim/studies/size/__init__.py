"""Size: the cheapest fleet whose SLO holds in the asked share of worlds."""

from sim.studies.size.answer import Beside, Size
from sim.studies.size.crowd import Capacity, most_users
from sim.studies.size.mix import Mix
from sim.studies.size.mixing import mix, mixed
from sim.studies.size.question import Question
from sim.studies.size.study import size

__all__ = ["Beside", "Capacity", "Mix", "Question", "Size", "mix", "mixed", "most_users", "size"]
