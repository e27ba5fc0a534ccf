"""The page of a run: its order, its numbers, and that it has the same bytes each time."""

import json
import re
from html.parser import HTMLParser

import pytest
from many_worlds import copies
from scenario_documents import SHIPPED

from sim.montecarlo.run import run
from sim.report.charts import style
from sim.report.charts.run import charts
from sim.report.page import Page, markdown, render, specs
from sim.report.page.run import page_of_run
from sim.scenario import load_scenario

MOST_BYTES, MOST_BYTES_OF_MANY = 2_000_000, 3_000_000


class Outline(HTMLParser):
    """Sections, the texts of headings, and what other files are asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.asked: list[str] = []
        self.values: dict[str, float] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "section":
            self.sections.append(found["id"])
        if tag == "data":
            self.values[found["data-metric"]] = float(found["value"])
        self.asked += [found[each] for each in ("src", "href", "srcset", "data") if each in found]


@pytest.fixture(scope="module")
def result():
    scenario = load_scenario(SHIPPED / "quickstart.yaml", ["horizon.days=0.2"])
    return run(scenario, worlds=6, jobs=1)


@pytest.fixture(scope="module")
def page(result):
    return page_of_run(result, result.summary, charts(result))


def test_sections_come_in_the_order_in_which_they_are_read(page):
    outline = Outline(render(page))
    assert outline.sections == [
        "answer",
        "figures",
        "pictures",
        "assumptions",
        "method",
        "scenario",
    ]


def test_key_figures_are_those_of_the_summary(page, result):
    values = Outline(render(page)).values
    assert "cost_usd_per_month" in values
    assert values == {name: result.summary["metrics"][name]["p50"] for name in values}


def test_it_asks_for_nothing_but_itself(page):
    asked = Outline(render(page)).asked
    assert asked
    assert all(each.startswith("data:") for each in asked)


def test_it_is_small_and_the_same_each_time(page, result):
    text = render(page)
    assert len(text.encode()) < MOST_BYTES
    assert text == render(page_of_run(result, result.summary, charts(result)))


def test_ten_thousand_worlds_fit_three_megabytes(result):
    many = copies(result, 10_000)
    text = render(page_of_run(many, many.summary, charts(many)))
    assert len(text.encode()) < MOST_BYTES_OF_MANY


def test_every_chart_has_its_data_and_words_for_those_who_do_not_see_it(page):
    text = render(page)
    data = json.loads(re.search(r'id="charts">(.*?)</script>', text)[1])
    assert list(data) == [each.name for each in page.pictures]
    for name, chart in data.items():
        assert chart["title"]
        assert chart["data"], name
    assert text.count('role="img" aria-label="') == len(data)


def test_markdown_has_the_answer_and_the_key_figures_first(page):
    lines = [line for line in markdown(page).splitlines() if line]
    assert lines[1].startswith("**Support assistant")
    assert any(line.startswith("- **? cannot tell** SLO of chat") for line in lines[:3])
    assert sum(line.startswith("| cost per month |") for line in lines) == 1


def test_notes_are_broken_where_the_page_mends_them():
    assert specs.LINE == style.LINE


def test_a_page_of_next_to_nothing_has_no_empty_section():
    assert Outline(render(Page("t", "sim run", "It holds."))).sections == ["answer"]
