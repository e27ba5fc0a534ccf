"""Where the repository and, if they are at hand, real data and facts beside it are."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
SHIPPED = ROOT / "scenarios"
REAL = ROOT.parent / "shared" / "data"
ORACLES = ROOT.parent / "shared" / "facts" / "oracles.json"
FAULTS = TESTS / "faults"  # scenarios that were once answered wrongly, and the files they name
