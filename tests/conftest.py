"""What holds for all tests: the kernel is there, and examples are the same every time.

Where tests are shared out among processes the kernel is compiled before, once and on two cores,
and not in each of them at the same time.

Hypothesis runs the same examples every time, so that a red test is red again on the next run.

By itself it mixes constants into its examples that it finds in whatever modules are loaded. These
depend on which tests were run before in the same process, and so would the examples.

Answers are as wide as they need be, but where a test sets ``COLUMNS``. Processes that tests are
shared out among have it from the one that starts them, which loads readline.
"""

import os

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from sim.montecarlo import pulse

os.environ.pop("COLUMNS", None)
pulse.FIRST_S = pulse.EVERY_S = (
    1e6  # whether a busy machine says something amid is no test's matter
)

pytest.register_assert_rewrite("agreement")  # its assertions say what was compared

if hasattr(providers, "_get_local_constants"):  # none of its public settings does this
    providers._get_local_constants = providers.Constants

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernel, if this is the process that hands out the tests."""
    config = session.config
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        from sim.montecarlo.compilation import compile_kernel  # noqa: PLC0415 (it takes a second)

        compile_kernel()
