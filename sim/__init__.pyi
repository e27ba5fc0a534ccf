from sim.python import PeakfleetError as PeakfleetError
from sim.python import Result as Result
from sim.python import Scenario as Scenario
from sim.python import ScenarioError as ScenarioError
from sim.python import StudyResult as StudyResult
from sim.python import breakeven as breakeven
from sim.python import compare as compare
from sim.python import diff as diff
from sim.python import plan as plan
from sim.python import risk as risk
from sim.python import run as run
from sim.python import sensitivity as sensitivity
from sim.python import size as size
from sim.python import stress as stress
from sim.python import sweep as sweep

__version__: str
