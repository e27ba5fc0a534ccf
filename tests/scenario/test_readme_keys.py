"""Keys that README and guide name without their path: `sim explain` finds every one of them."""

import re

import pytest
from places import ROOT, SHIPPED

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.scenario.reference import all_keys, key_at, keys_named

README = (ROOT / "README.md").read_text(encoding="utf-8")
README += (SHIPPED / "GUIDE.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
CODES = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", PROSE)]
NAMED = sorted({found[1] for code in CODES if (found := re.match(r"([a-z_.]+): ", code))})
NO_KEYS = {"choice", "batch_wait_timeout_iters"}  # a distribution; an option of TensorRT-LLM


def test_the_readme_names_many_keys():
    assert len(NAMED) > 25


@pytest.mark.parametrize("name", [name for name in NAMED if name not in NO_KEYS])
def test_a_key_of_the_readme_is_explained(name, capsys):
    assert main(["explain", name]) == 0
    assert name in capsys.readouterr().out


def test_a_name_at_several_places_is_told_with_all_of_them(capsys):
    places = [each.path for each in keys_named("cooldown")]
    assert len(places) > 1
    assert main(["explain", "cooldown"]) == 0
    assert all(place in capsys.readouterr().out for place in places[-1:])


def test_keys_are_found_by_their_last_names_and_by_nothing_less():
    assert [each.path for each in keys_named("trace.rate_scale")] == [
        "workloads.<name>.arrivals.trace.rate_scale"
    ]
    assert keys_named("ate_scale") == keys_named("") == []


def test_what_is_set_by_its_path_in_the_readme_is_a_key():
    paths = re.findall(r"--set ([a-z_.0-9-]+)=", README)
    assert len(paths) > 8
    for path in paths:
        key_at(path)


def test_a_key_that_is_nowhere_is_an_error():
    assert "nonsense" not in {each.path.rpartition(".")[2] for each in all_keys()}
    with pytest.raises(PeakfleetError, match="nonsense"):
        key_at("nonsense")
    assert main(["explain", "nonsense"]) == 2
