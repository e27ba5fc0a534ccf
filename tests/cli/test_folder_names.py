"""Results lie under the name that the scenario has, also where `--set` gives it."""

import pytest

from sim.__main__ import main

TEXT = """\
name: As in the file
horizon: {days: 0.01}
workloads:
  chat:
    arrivals: {requests_per_day: {uniform: {low: 1k, high: 2k}}, shape: flat}
    prompt_tokens: 100
    output_tokens: 10
    route: api
backends:
  api: {kind: managed_api, model: gpt-4.1}
"""


@pytest.mark.parametrize(
    ("command", "inside"),
    [
        ("run FILE --worlds 2", "2-worlds-seed-0-*/summary.json"),
        ("compare FILE --variant name=Other --worlds 2", "compare/answer.json"),
    ],
)
@pytest.mark.parametrize(
    ("name", "folder"), [("", "as-in-the-file"), ("Black Friday", "black-friday"), ("客服", "客服")]
)
def test_the_folder_follows_the_name(command, inside, name, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hpa.yaml").write_text(TEXT, encoding="utf-8")
    words = [word.replace("FILE", "hpa.yaml") for word in command.split()]
    asked = ["--set", f"name={name}"] if name else []
    assert main([*words, *asked, "--jobs", "1", "--quiet"]) == 0
    assert [each.name for each in (tmp_path / "outputs").iterdir()] == [folder]
    assert len(list((tmp_path / "outputs" / folder).glob(inside))) == 1
