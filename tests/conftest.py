"""Hypothesis runs the same examples every time, so that a red test is red again on the next run."""

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")
