"""Where code of the user's own is looked for, if a scenario names some."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sim.model.autoscaler import Custom

if TYPE_CHECKING:
    from sim.scenario import Scenario


def make_importable(scenario: "Scenario") -> None:
    """Let ``process: module:function`` name a module beside the scenario, or in this folder.

    Both are searched after all else, so that none of their files is taken for one of the library,
    and only for a scenario that names code.
    """
    policies = [pool.autoscaler for pool in scenario.typical_design().pools]
    if not any(isinstance(each, Custom) and ":" in each.process for each in policies):
        return
    with suppress(FileNotFoundError):  # of a current folder that is gone
        for folder in (Path(scenario.file).parent.absolute(), Path.cwd()):
            if str(folder) not in sys.path:
                sys.path.append(str(folder))
