"""A mark is set only where the worlds can tell."""

import pytest

from sim.montecarlo.shares import Share
from sim.report.verdicts import in_worlds


@pytest.mark.parametrize(
    ("count", "worlds", "asked", "mark"),
    [
        (200, 200, 0.95, "✓ kept"),
        (8, 8, 0.95, "? cannot tell"),  # they would look so in one of two trials of 92 %
        (7, 8, 0.95, "? cannot tell"),
        (100, 200, 0.95, "✗ missed"),
        (0, 8, 0.95, "✗ missed"),
        (5, 8, 0.5, "? cannot tell"),
    ],
)
def test_what_the_worlds_cannot_tell_is_neither_kept_nor_missed(count, worlds, asked, mark):
    verdict = in_worlds(Share(count, worlds), "SLO", asked)
    assert f"{verdict.sign} {verdict.word}" == mark
    assert ("more worlds may decide" in verdict.found) == mark.startswith("?")
