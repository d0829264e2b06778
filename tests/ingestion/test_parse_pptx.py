"""PowerPoint: slides as pages, reading order, notes, tables, charts, SmartArt, pictures, locked and broken files."""

from pathlib import Path

import pytest

from apps.ingestion.parsers import pictured, pptx
from apps.ingestion.parsers.types import ParseLimits, Refused
from apps.libraries.types import ParsedDocument
from tests.ingestion import office
from tests.ingestion.office import paragraphs, place, shape, slide


def read(path: Path, desk: office.Desk | None = None, **more: object) -> ParsedDocument:
    return pptx.parse((desk or office.Desk()).task(path, **more))  # type: ignore[arg-type]


def texts(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


def test_it_reads_slides_as_pages_under_their_titles(tmp_path: Path) -> None:
    first = slide(
        shape(paragraphs("Body words"), at=place(500_000, 2_000_000)),
        shape(paragraphs("Plan for 2026"), kind="title", at=place(500_000, 300_000, 8_000_000)),
    )
    second = slide(shape(paragraphs("No title here"), at=place(500_000, 500_000)))

    parsed = read(office.pptx(tmp_path / "a.pptx", [first, second]))

    assert (parsed.pages, parsed.title) == (2, "Plan for 2026")
    assert [(block.kind, block.text, block.page, block.heading_path) for block in parsed.blocks] == [
        ("heading", "Plan for 2026", 1, ("Plan for 2026",)),
        ("text", "Body words", 1, ("Plan for 2026",)),
        ("text", "No title here", 2, ()),
    ]
    box = parsed.blocks[1].box
    assert box is not None
    assert (box.page, round(box.x0, 3), round(box.y0, 3)) == (1, 0.055, 0.292)


def test_it_reads_columns_one_after_another_below_what_runs_across_them(tmp_path: Path) -> None:
    left, right = 300_000, 5_000_000
    made = slide(
        shape(paragraphs("right below"), at=place(right, 4_000_000)),
        shape(paragraphs("left below"), at=place(left, 4_000_000)),
        shape(paragraphs("right above"), at=place(right, 2_000_000)),
        shape(paragraphs("across"), at=place(left, 500_000, 8_000_000)),
        shape(paragraphs("left above"), at=place(left, 2_000_000)),
        shape(paragraphs("source"), at=place(left, 6_000_000, 8_000_000, 300_000)),
    )

    parsed = read(office.pptx(tmp_path / "a.pptx", [made]))

    assert [block.text for block in parsed.blocks] == [
        *("across", "left above", "left below", "right above", "right below", "source"),
    ]


def test_it_places_the_shapes_of_groups_in_the_slides_units(tmp_path: Path) -> None:
    """A group's children count in units of its own (ECMA-376 20.1.7.6)."""
    inner = shape(paragraphs("grouped"), at=place(0, 0, 100, 100))
    group = (
        '<p:grpSp><p:nvGrpSpPr/><p:grpSpPr><a:xfrm><a:off x="4572000" y="3429000"/><a:ext cx="914400" cy="685800"/>'
        f'<a:chOff x="0" y="0"/><a:chExt cx="200" cy="200"/></a:xfrm></p:grpSpPr>{inner}</p:grpSp>'
    )
    above = shape(paragraphs("above"), at=place(4_572_000, 1_000_000, 900_000, 100_000))

    parsed = read(office.pptx(tmp_path / "a.pptx", [slide(group, above)]))

    assert [block.text for block in parsed.blocks] == ["above", "grouped"]
    box = parsed.blocks[1].box
    assert box is not None
    assert [round(edge, 3) for edge in (box.x0, box.y0, box.x1, box.y1)] == [0.5, 0.5, 0.55, 0.55]


def test_it_numbers_and_indents_list_items(tmp_path: Path) -> None:
    numbered = '<a:buAutoNum type="arabicPeriod"/>'
    body = paragraphs("First", "Second", mark=numbered) + paragraphs("Plain", mark="<a:buNone/>")

    parsed = read(office.pptx(tmp_path / "a.pptx", [slide(shape(body, at=place(0, 0)))]))

    assert texts(parsed) == [("list", "1. First\n2. Second"), ("text", "Plain")]


def test_it_reads_notes_and_comments_but_not_dates_and_numbers(tmp_path: Path) -> None:
    number = shape('<a:p><a:fld type="slidenum"><a:t>1</a:t></a:fld></a:p>', kind="sldNum")
    made = slide(shape(paragraphs("Words"), at=place(0, 0)), number, shape(paragraphs("12 May 2026"), kind="dt"))
    notes = slide(shape(paragraphs("1"), kind="sldNum"), shape(paragraphs("Say hello."), kind="body"), root="notes")
    more = {
        "ppt/slides/_rels/slide1.xml.rels": office.rels(("notesSlide", "../notes.xml"), ("comments", "../remarks.xml")),
        "ppt/notes.xml": notes,
        "ppt/remarks.xml": f'<p:cmLst {office.NS}><p:cm authorId="0"><p:text>Shorter!</p:text></p:cm></p:cmLst>',
        "ppt/authors.xml": f'<p:cmAuthorLst {office.NS}><p:cmAuthor id="0" name="Ann"/></p:cmAuthorLst>',
        "ppt/_rels/presentation.xml.rels": office.rels(
            ("slide", "slides/slide1.xml"), ("commentAuthors", "authors.xml")
        ),
    }

    parsed = read(office.pptx(tmp_path / "a.pptx", [made], more))

    assert texts(parsed) == [("text", "Words"), ("note", "Say hello."), ("note", "Ann: Shorter!")]


def test_it_tells_apart_the_columns_below_a_wide_cell(tmp_path: Path) -> None:
    def cell(text: str, attributes: str = "") -> str:
        return f"<a:tc {attributes}><a:txBody>{paragraphs(text) if text else '<a:p/>'}</a:txBody></a:tc>"

    rows = (
        cell("City", 'rowSpan="2"') + cell("Rent", 'gridSpan="2"') + cell("", 'hMerge="1"'),
        cell("", 'vMerge="1"') + cell("2025") + cell("now"),
        cell("Bern") + cell("900") + cell("950"),
    )
    table = "<a:tbl>" + "".join(f"<a:tr>{each}</a:tr>" for each in rows) + "</a:tbl>"
    parsed = read(office.pptx(tmp_path / "a.pptx", [slide(*office.framed(table))]))

    assert texts(parsed) == [
        ("table", "| City | Rent / 2025 | Rent / now |\n| --- | --- | --- |\n| Bern | 900 | 950 |")
    ]


def test_it_reads_charts_and_smart_art(tmp_path: Path) -> None:
    def points(tag: str, *values: str) -> str:
        found = "".join(f'<c:pt idx="{at}"><c:v>{each}</c:v></c:pt>' for at, each in enumerate(values))
        return f"<c:{tag}><c:strRef><c:strCache>{found}</c:strCache></c:strRef></c:{tag}>"

    told = points("tx", "Sold") + points("cat", "May", "June") + points("val", "0.30000000000000004", "7")
    title = f"<c:title><c:tx><c:rich>{paragraphs('Sales')}</c:rich></c:tx></c:title>"
    chart = f"<c:chartSpace {office.NS}>{title}<c:ser>{told}</c:ser></c:chartSpace>"
    nodes = "".join(
        f'<dgm:pt modelId="{key}"><dgm:t>{paragraphs(words)}</dgm:t></dgm:pt>'
        for key, words in (("1", "Boss"), ("2", "Team"))
    )
    links = "".join(
        f'<dgm:cxn srcId="{one}" destId="{other}" srcOrd="0"/>' for one, other in (("0", "1"), ("1", "2"), ("2", "1"))
    )
    diagram = f'<dgm:dataModel {office.NS}><dgm:pt modelId="0" type="doc"/>{nodes}{links}</dgm:dataModel>'
    frames = office.framed('<c:chart r:id="rId1"/>', '<dgm:relIds r:dm="rId2"/>')
    more = {
        "ppt/slides/_rels/slide1.xml.rels": office.rels(("chart", "../chart.xml"), ("diagramData", "../data.xml")),
        "ppt/chart.xml": chart,
        "ppt/data.xml": diagram,
    }

    parsed = read(office.pptx(tmp_path / "a.pptx", [slide(*frames)], more))

    assert texts(parsed) == [
        ("caption", "Sales"),
        ("table", "|  | Sold |\n| --- | --- |\n| May | 0.3 |\n| June | 7 |"),
        ("list", "- Boss\n  - Team"),
    ]


def test_it_keeps_pictures_re_encoded_with_their_words_but_not_file_names(tmp_path: Path) -> None:
    """Security row 70: nothing that a stranger wrote is served again."""

    def pic(key: str, words: str, y: int) -> str:
        names = f'<p:nvPicPr><p:cNvPr id="9" name="p" descr="{words}"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr>'
        return f'<p:pic>{names}<p:blipFill><a:blip r:embed="{key}"/></p:blipFill><p:spPr>{place(0, y)}</p:spPr></p:pic>'

    original = office.picture()
    made = slide(pic("rId1", "A blue flag", 0), pic("rId2", "photo.jpg", 2_000_000), pic("rId3", "Gone", 4_000_000))
    more = {
        "ppt/slides/_rels/slide1.xml.rels": office.rels(
            ("image", "../a.png"), ("image", "../b.png"), ("image", "../x.png")
        ),
        "ppt/a.png": original,
        "ppt/b.png": b"%!PS-Adobe EPSF that says it is a picture",
    }
    desk = office.Desk()

    parsed = read(office.pptx(tmp_path / "a.pptx", [made], more), desk)

    assert texts(parsed) == [("figure", "A blue flag"), ("figure", "Gone")]
    (figure,) = parsed.figures
    assert (figure.block, figure.media_type, figure.width, figure.height) == (0, "image/png", 120, 80)
    assert desk.kept[0].startswith(b"\x89PNG")
    assert b"47.37 N" in original
    assert b"47.37 N" not in desk.kept[0]


@pytest.mark.parametrize(("words", "read"), [("Title", "seen"), ("A slide that says enough by itself. " * 4, "")])
def test_it_reads_the_words_on_pictures_of_slides_that_say_little_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, read: str
) -> None:
    monkeypatch.setattr(pictured.PictureReader, "_read", lambda _self, _data: "seen")
    pic = f'<p:pic><p:blipFill><a:blip r:embed="rId1"/></p:blipFill><p:spPr>{place(0, 0)}</p:spPr></p:pic>'
    more = {
        "ppt/slides/_rels/slide1.xml.rels": office.rels(("image", "../a.png")),
        "ppt/a.png": office.picture(400, 400),
    }
    made = slide(pic, shape(paragraphs(words), at=place(0, 5_000_000)))

    parsed = pptx.parse(office.Desk().task(office.pptx(tmp_path / "a.pptx", [made], more)))

    assert [block.text for block in parsed.blocks if block.kind == "figure"] == [read]


def test_it_refuses_a_presentation_with_a_broken_slide_rather_than_losing_its_text(tmp_path: Path) -> None:
    good = slide(shape(paragraphs("Still here"), at=place(0, 0)))

    with pytest.raises(Refused, match="broken"):
        read(office.pptx(tmp_path / "a.pptx", [good, "<p:sld", good]))


def test_it_marks_hidden_slides(tmp_path: Path) -> None:
    made = slide(shape(paragraphs("Reserve"), kind="title", at=place(0, 0)), attributes='show="0"')

    assert texts(read(office.pptx(tmp_path / "a.pptx", [made]))) == [("heading", "Reserve (hidden)")]


@pytest.mark.parametrize(
    ("slides", "limits", "code"),
    [
        pytest.param([slide()], office.LIMITS, "empty", id="no words"),
        pytest.param([slide()] * 4, ParseLimits(max_pages=3), "too-many-pages", id="four slides of three"),
        pytest.param(
            [slide(shape(paragraphs("long words"), at=place(0, 0)))],
            ParseLimits(max_chars=5),
            "too-much-text",
            id="too long",
        ),
        pytest.param(
            ['<!DOCTYPE x [<!ENTITY y "z">]>' + slide()], office.LIMITS, "xml-entities", id="row 68: entities"
        ),
    ],
)
def test_it_refuses_with_a_code(tmp_path: Path, slides: list[str], limits: ParseLimits, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(office.pptx(tmp_path / "a.pptx", slides), limits=limits)

    assert refused.value.code == code
