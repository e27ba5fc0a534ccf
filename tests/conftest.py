"""Hypothesis runs the same examples every time, so that a red test is red again on the next run."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("agreement")  # its assertions say what was compared

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")
