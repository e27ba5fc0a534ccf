"""What comes from elsewhere ends in one clear line, or is made harmless."""

from pathlib import Path

import pytest
from places import SHIPPED

from sim.__main__ import MOST_LINES, main
from sim.errors import ScenarioError, is_control, one_line
from sim.scenario import load_scenario

QUICKSTART = SHIPPED / "quickstart.yaml"
CONTROLS = ("\\e[2J", "\\n", "\\t", "\\r", "\\0", "\\x9b", "\\u2028", "\\u202e", "\\ud800")


@pytest.mark.parametrize("escape", CONTROLS)
@pytest.mark.parametrize("change", ['name="a{}b"', 'workloads={{"chat{}": {{}}}}'])
def test_control_characters_in_names_are_refused(escape: str, change: str) -> None:
    with pytest.raises(ScenarioError, match=r"control character|not YAML") as caught:
        load_scenario(QUICKSTART, [change.format(escape)])
    assert not any(map(is_control, str(caught.value)))


def test_a_description_may_have_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(QUICKSTART.read_text() + "\ndescription: |\n  one\n  two\n")
    assert load_scenario(path).document["description"] == "one\ntwo\n"


@pytest.mark.parametrize("name", ["no\nsuch.yaml", "\x1b[2Jx.yaml", "no\udcff.yaml", "/dev/zero"])
def test_a_file_that_is_none_makes_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", name]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and not any(map(is_control, said.rstrip("\n")))


def test_a_wrong_option_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "x.yaml", "--\x1b[2J"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_of_very_many_problems_the_first_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(QUICKSTART.read_text() + "".join(f"key{n}: 1\n" for n in range(200)))
    assert main(["run", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MOST_LINES + 1 and lines[-1] == "sim: and 150 problems more"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["prefix_cache={capacity: 1e12}"], "makes 7,812,500,000 blocks of 128 tokens, more than"),
        (["prefix_cache={capacity: 1e9, block_tokens: 1}"], "makes 1,000,000,000 blocks of 1"),
        (["prefix_cache={}", "engine={kv_capacity_tokens: 1000000000000}"], "blocks of 128 tokens"),
        (["replicas=10000", "engine={max_num_seqs: 100000, max_num_batched_tokens: 100000}"],
         "are 1,000,000,000 requests at once, more than 50,000,000"),
    ],
)  # fmt: skip
def test_what_would_take_all_memory_is_refused_from_its_numbers(
    changes: list[str], message: str
) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_scenario(QUICKSTART, [f"backends.large.{change}" for change in changes])


def test_printable_texts_of_all_languages_stay_as_they_are() -> None:
    for text in ("größer", "日本語", "👩‍💻", "עברית", "≥ 3"):
        assert one_line(text) == text
