"""What the document page makes of texts: page numbers as people write them, settings, tables and figures."""

from uuid import uuid4

import pytest
from django.http import QueryDict

from apps.ingestion.errors import NoSuchPages
from apps.ingestion.page_views import asked_pages, asked_setting
from apps.ingestion.parsers.types import PageSetting
from apps.libraries.cards import text_blocks
from apps.libraries.textview import ShownFigure, show
from apps.libraries.types import Block


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("3", [3]),
        ("3, 7-9", [3, 7, 8, 9]),
        ("9–8 1", [1]),
        ("0-2", [1, 2]),
        ("8-999999", [8, 9, 10]),
        ("1，2,2", [1, 2]),
    ],
)
def test_it_reads_page_numbers_as_people_write_them(text: str, pages: list[int]) -> None:
    assert asked_pages(text, 10) == pages


@pytest.mark.parametrize("text", ["", "x", "11", "0", "9" * 4000])
def test_it_refuses_pages_that_are_not_there(text: str) -> None:
    with pytest.raises(NoSuchPages):
        asked_pages(text, 10)


def test_it_takes_settings_from_its_own_lists_alone() -> None:
    good = QueryDict("method=ocr&rotation=90&dpi=300&threshold=0.5")
    bad = QueryDict("method=rm&rotation=45&dpi=1000000&threshold=nan")

    assert asked_setting(good) == PageSetting("ocr", 90, 300, 0.5)
    assert asked_setting(bad) == PageSetting()


def test_it_draws_tables_inside_a_passage() -> None:
    blocks = list(text_blocks("Before\n\n| a | b |\n| --- | --- |\n| 1 | x<br>y |\nAfter"))

    assert [block.text for block in blocks if not block.rows] == ["Before", "After"]
    assert [row.cells for row in blocks[1].rows] == [("a", "b"), ("1", "x<br>y")]


def test_it_places_figures_and_pages_in_the_text() -> None:
    blocks = [Block("One.", page=1), Block("", "figure", page=1), Block("Two.", page=2)]
    figure = ShownFigure(uuid4(), 6, 4, 3)

    view = show(blocks).with_figures([figure])

    assert [block.page for block in view.blocks] == [1, None, 2]
    assert [block.figures for block in view.blocks] == [(), (figure,), ()]
