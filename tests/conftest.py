"""What holds for all tests: the kernel is there, and examples are the same every time.

Where tests are shared out among processes the kernel is compiled before, once and on two cores,
and not in each of them at the same time.

Hypothesis runs the same examples every time, so that a red test is red again on the next run.

By itself it mixes constants into its examples that it finds in whatever modules are loaded. These
depend on which tests were run before in the same process, and so would the examples.

Tests of a file in which something is made once for several of them are run by one process, so that
it is made once indeed, as are those of files with many short ones. All others are handed out one by
one, so that no process is left with a long file at the end.

A process that tests are shared out among simulates by itself what asks for no number of processes:
there is one for every core as it is, and each that is started has to load the kernel first.

Answers are as wide as they need be, but where a test sets ``COLUMNS``. Processes that tests are
shared out among have it from the one that starts them, which loads readline.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from sim.montecarlo import execution, pulse

os.environ.pop("COLUMNS", None)
pulse.FIRST_S = pulse.EVERY_S = (
    1e6  # whether a busy machine says something amid is no test's matter
)

if "PYTEST_XDIST_WORKER" in os.environ:
    execution.available_cores = lambda: 1  # before anybody has imported it by name

pytest.register_assert_rewrite("agreement")  # its assertions say what was compared

if hasattr(providers, "_get_local_constants"):  # none of its public settings does this
    providers._get_local_constants = providers.Constants

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernel, if this is the process that hands out the tests."""
    config = session.config
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        from sim.montecarlo.compilation import compile_kernels  # noqa: PLC0415 (it takes a second)

        compile_kernels()


MANY_SHORT = ("sim/", "tests/catalog/", "tests/model/", "tests/report/", "tests/scenario/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out some files as a whole, those of most tests first, and then all other tests."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 (may not be installed)

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            whole = file.startswith(MANY_SHORT) or makes_once(config.rootpath / file)
            return file if whole else nodeid

    return Scheduling(config, log)


@cache
def makes_once(file: Path) -> bool:
    """Whether tests of a file share what is made once."""
    text = file.read_text(encoding="utf-8")
    return 'scope="module"' in text or "\n@cache\n" in text
