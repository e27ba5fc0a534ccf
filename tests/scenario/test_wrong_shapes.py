"""What has another shape than it should have is told as that, whatever is made of it."""

from pathlib import Path

import pytest
from scenario_documents import MINIMAL, SERVICE, written
from test_scenario_tasks import LARGE, problems

OTHER = f"backends.other={{kind: gpu_pool, service: {SERVICE}, replicas: 1}}"
PLACES = "regions={eu: {latency: {us: 90ms}}, us: {}}"


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    return written(tmp_path, MINIMAL)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("workloads.chat.route={to: large}",),
         "workloads.chat.route: a mapping must be the name of a backend"),
        (("workloads.chat.tenant=[a]", f"{LARGE}.scheduling={{order: fair}}"),
         "workloads.chat.tenant: a list of 1 must be a text"),
        ((OTHER, f"{LARGE}.handoff={{to: [other], bandwidth: 50 GB/s}}",
          "variants={all: {pools: [other]}}"),
         f"{LARGE}.handoff.to: a list of 1 must be a text"),
        ((PLACES, "workloads.chat.regions=eu", f"{LARGE}.regions={{}}"),
         f"{LARGE}.regions: is empty, must have at least one entry"),
        (("regions={eu: {clock: 1e308}}",),
         "regions.eu.clock: 1e+308 must be within 14 hours of UTC"),
        (("regions={eu: {clock: .nan}}",), "regions.eu.clock: nan must be within 14 hours of UTC"),
        (("variants={all: {pools: [large]}}",), "variants.all.pools: has 1, must have at least 2"),
        ((f"{LARGE}.prefix_cache={{tiers: [{{}}]}}",),
         f"{LARGE}.prefix_cache.tiers.0.kind: is missing (such as kind: host)"),
    ],
)  # fmt: skip
def test_it_is_told_in_a_line(minimal: Path, overrides: tuple[str, ...], expected: str) -> None:
    assert any(found.startswith(expected) for found in problems(minimal, *overrides))
