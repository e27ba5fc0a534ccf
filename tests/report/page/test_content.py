"""What a page says survives the file that it is kept in, whatever is in it."""

import json
from dataclasses import replace

import pytest

from sim.errors import ResultError
from sim.montecarlo.storage.folder import claim
from sim.montecarlo.storage.manifest import Manifest
from sim.report.columns import Column
from sim.report.page import Attachment, Key, Page, Picture, page_in, render, write_content
from sim.report.parts import Command, Grid, Items, Paragraph, Verdict

NAME = "<script>alert(1)</script> שלום 🦙 \u202e"
GRID = Grid(
    (Column("a"), Column("b", right=False, text=True)), (("t", [("1", NAME)]),), NAME, ("n",)
)
PAGE = Page(
    title=NAME,
    kind="sim size",
    answer="It holds.",
    verdicts=(Verdict(True, NAME, "in all 8 worlds"),),
    details=(Paragraph(NAME), Items((NAME, "b"), "t")),
    keys=(Key("cost_usd", "cost", 0.1, "0.10 USD", "", ""),),
    figures=(GRID,),
    pictures=(Picture("cost", {"mark": "point", "title": NAME}, NAME),),
    assumptions=(Paragraph("p"),),
    method=(Command("To run it:", f"sim run '{NAME}'"),),
    scenarios=(Attachment("a.yaml", f"name: {NAME}\n"),),
    version="1",
)


@pytest.fixture
def folder(tmp_path):
    def write(draft):
        write_content(PAGE, draft)
        (draft / "figures").mkdir()
        specification = json.dumps(PAGE.pictures[0].spec, sort_keys=True)
        (draft / "figures" / "cost.vl.json").write_text(specification)

    with claim(tmp_path / "size", "size", ("report.json", "figures/*.json")) as at:
        at.replace(write, Manifest("size", "finished"))
    return tmp_path / "size"


def test_a_page_is_the_same_from_its_folder(folder):
    assert render(page_in(folder)) == render(PAGE)


def test_names_are_shown_and_not_obeyed():
    text = render(PAGE)
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; שלום 🦙 \\u202e" in text


def test_another_page_is_another_text():
    assert render(replace(PAGE, answer="It does not.")) != render(PAGE)


@pytest.mark.parametrize("name", ["report.json", "figures/cost.vl.json"])
def test_what_is_not_as_it_was_written_makes_no_page(folder, name):
    path = folder / name
    path.write_text(path.read_text().replace("point", "bar").replace("It holds", "It does"))
    with pytest.raises(ResultError, match=f"not as it was written: {name}"):
        page_in(folder)


def test_a_folder_of_before_has_no_page_and_says_so(tmp_path):
    with claim(tmp_path / "old", "size", ("answer.json",)) as at:
        at.replace(
            lambda draft: (draft / "answer.json").write_text("{}"), Manifest("size", "finished")
        )
    with pytest.raises(ResultError, match="holds no page of sim size"):
        page_in(tmp_path / "old")
