"""Files that contradict themselves are refused with a code; those that are only broken are read (ADR 0014, 0015)."""

import zlib
from pathlib import Path
from zipfile import ZipFile

import pytest

from apps.ingestion.parsers import docx, pdf, pdf_damage, pdf_objects, pptx, xlsx
from apps.ingestion.parsers.types import Refused
from tests.ingestion import office, papers

PAGE = "/MediaBox[0 0 595 842]/Resources<</Font<</F 9 0 R>>>>"
FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
SAID = "BT /F 20 Tf 60 700 Td (The walrus lives here.) Tj ET"
TREE = {
    1: "<</Type/Catalog/Pages 2 0 R>>",
    2: "<</Type/Pages/Count 1/Kids[3 0 R]>>",
    3: f"<</Type/Page/Parent 2 0 R{PAGE}/Contents 4 0 R>>",
    4: (SAID, ""),
    9: FONT,
}
Bodies = dict[int, "str | tuple[str, str]"]


def stream(data: str, about: str = "") -> str:
    """Return a stream, whose length it tells unless `about` does."""
    length = "" if "/Length" in about else f"/Length {len(data)}"
    return f"<<{about}{length}>>stream\n{data}\nendstream"


def written(bodies: Bodies, trailer: str = "/Root 1 0 R") -> bytes:
    """Return a PDF of numbered objects; a pair is a stream: its data and its dictionary."""
    data, places = b"%PDF-1.7\n", {}
    for number, body in bodies.items():
        places[number] = len(data)
        text = stream(*body) if isinstance(body, tuple) else body
        data += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    rows = "".join(f"{number} 1\n{place:010d} 00000 n \n" for number, place in places.items())
    size = max(bodies) + 1
    end = f"xref\n0 1\n0000000000 65535 f \n{rows}trailer\n<</Size {size}{trailer}>>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + end.encode("latin-1")


def parsed(tmp_path: Path, data: bytes) -> str:
    """Return the text that the parser reads. Raises Refused."""
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    limits = office.ParseLimits(ocr_threads=0)
    return " ".join(block.text for block in pdf.parse(office.Desk().task(path, limits=limits)).blocks)


def form(content: str, resources: str = "") -> tuple[str, str]:
    """Return a form XObject."""
    return content, f"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<<{resources}>>"


def type3(resources: str, letter: int) -> str:
    """Return a font whose letter a is drawn by a stream."""
    return (
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]"
        f"/Encoding<</Differences[97/a]>>/CharProcs<</a {letter} 0 R>>/Resources<<{resources}>>>>"
    )


def drawing(extra: Bodies, content: str, resources: str) -> Bodies:
    """Return a PDF whose page says something and draws more."""
    about = "/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
    page = f"<<{about}/Resources<</Font<</F 9 0 R/G 6 0 R>>{resources}>>>>"
    return {**TREE, 3: page, 4: (f"{SAID} {content}", ""), **extra}


FORMS = "/XObject<</Again 5 0 R>>"
CIRCLES: dict[str, Bodies] = {
    "poppler-91414: a stream whose length is the stream": {**TREE, 6: ("foobar", "/Length 6 0 R")},
    "poppler-91414: a stream whose length is in another such": {
        **TREE, 6: ("a", "/Length 7 0 R"), 7: ("b", "/Length 6 0 R")
    },
    "a tree of pages that is its own branch": {**TREE, 2: "<</Type/Pages/Count 2/Kids[3 0 R 2 0 R]>>"},
    "a tree of pages that leads back to its root": {
        **TREE,
        2: "<</Type/Pages/Count 2/Kids[3 0 R 5 0 R]>>",
        5: "<</Type/Pages/Parent 2 0 R/Count 1/Kids[2 0 R]>>",
    },
    "a form that draws itself": drawing({5: form("q /Again Do Q", FORMS)}, "/Again Do", FORMS),
    "two forms that draw each other": drawing(
        {5: form("/B Do", "/XObject<</B 6 0 R>>"), 6: form("/A Do", "/XObject<</A 5 0 R>>")}, "/Again Do", FORMS
    ),
    "ContentStreamCycle: a letter written in its own font": drawing(
        {6: type3("/Font<</Own 6 0 R>>", 7), 7: ("9 0 d0 BT /Own 4 Tf (a) Tj ET", "")}, "BT /G 9 Tf (a) Tj ET", ""
    ),
    "ContentStreamCycle: a letter filled with a pattern of such letters": drawing(
        {
            6: type3("/Pattern<</P 8 0 R>>", 7),
            7: ("9 0 d0 /Pattern cs /P scn 0 0 9 9 re f", ""),
            8: ("BT /Own 4 Tf (a) Tj ET", "/PatternType 1/Resources<</Font<</Own 6 0 R>>>>"),
        },
        "BT /G 9 Tf (a) Tj ET",
        "",
    ),
    "a mask that is masked by itself": drawing(
        {5: form("/M gs 0 0 9 9 re f", "/ExtGState<</M 8 0 R>>"), 8: "<</SMask<</S/Alpha/G 5 0 R>>>>"},
        "/Again Do",
        FORMS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("bodies", CIRCLES.values(), ids=CIRCLES.keys())
def test_it_refuses_a_pdf_that_refers_to_itself(tmp_path: Path, bodies: Bodies) -> None:
    with pytest.raises(Refused, match="self-reference"):
        parsed(tmp_path, written(bodies))


def test_it_sees_a_circle_in_packed_streams_and_packed_objects(tmp_path: Path) -> None:
    """Fonts stand in object streams, and contents are compressed, in most files of today."""
    letter = zlib.compress(b"9 0 d0 BT /Own 4 Tf (a) Tj ET").decode("latin-1")
    font = type3("/Font<</Own 6 0 R>>", 7)
    packed = zlib.compress(f"6 0 {font}".encode()).decode("latin-1")
    bodies = drawing(
        {7: (letter, "/Filter/FlateDecode"), 8: (packed, "/Type/ObjStm/N 1/First 4/Filter/FlateDecode")},
        "BT /G 9 Tf (a) Tj ET",
        "",
    )

    with pytest.raises(Refused, match="self-reference"):
        parsed(tmp_path, written(bodies))


def test_it_refuses_a_pdf_whose_root_is_another_files(tmp_path: Path) -> None:
    """issue9418: one file was written over the beginning of another, whose end still names its own root."""
    whole = written({**TREE, 1: "<</Producer(x)>>", 5: "<</Type/Catalog/Pages 2 0 R>>"}, "/Root 5 0 R")
    rest = b"xref\n0 0\ntrailer\n<</Size 40/Root 1 0 R>>\nstartxref\n99999\n%%EOF\n"

    path = tmp_path / "a.pdf"
    path.write_bytes(whole + rest)

    with pytest.raises(Refused, match="missing-part"):
        pdf_damage.refuse_damaged(str(path))


SOUND: dict[str, Bodies] = {
    "a form that lists itself but does not draw itself": drawing({5: form("0 0 9 9 re f", FORMS)}, "/Again Do", FORMS),
    "a form drawn twice": drawing({5: form("0 0 9 9 re f")}, "/Again Do /Again Do", FORMS),
    "letters in another font with the letters of a third (ContentStreamNoCycle)": drawing(
        {
            6: type3("/Font<</Other 7 0 R>>", 8), 8: ("9 0 d0 BT /Other 4 Tf (a) Tj ET", ""),
            7: type3("/Font<</Third 9 0 R>>", 10), 10: ("9 0 d0 BT /Third 4 Tf (a) Tj ET", ""),
        },
        "BT /G 9 Tf (a) Tj ET",
        "",
    ),
    "a page that is listed twice": {**TREE, 2: "<</Type/Pages/Count 2/Kids[3 0 R 3 0 R]>>"},
    "a length in an object of its own": {**TREE, 4: (SAID, "/Length 5 0 R"), 5: str(len(SAID))},
    "a wrong count of pages": {**TREE, 2: "<</Type/Pages/Count 7/Kids[3 0 R]>>"},
    "an outline that leads back to itself": {
        **TREE,
        1: "<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
        5: "<</Type/Outlines/First 6 0 R/Last 6 0 R/Count 1>>",
        6: "<</Title(Twice)/Parent 5 0 R/Next 6 0 R/First 6 0 R/Last 6 0 R/Dest[3 0 R/Fit]>>",
    },
    "another PDF, attached as it is": {
        **TREE, 5: (written({**TREE, 6: ("foobar", "/Length 6 0 R")}).decode("latin-1"), "/Type/EmbeddedFile")
    },
}  # fmt: skip


@pytest.mark.parametrize("bodies", SOUND.values(), ids=SOUND.keys())
def test_it_reads_a_pdf_whose_text_is_whole(tmp_path: Path, bodies: Bodies) -> None:
    assert "The walrus lives here." in parsed(tmp_path, written(bodies))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"xref\n0 1", b"xerf\n0 1", id="no table of places"),
        pytest.param(b" 00000 n", b"1 00000 n", id="wrong places"),
        pytest.param(b"startxref", b"startxref\n0\n", id="a start that leads nowhere"),
        pytest.param(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9", id="a table before this one that is none"),
    ],
)
def test_it_reads_a_pdf_whose_table_is_broken_but_whose_text_is_whole(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    assert "The walrus lives here." in parsed(tmp_path, written(TREE).replace(before, after))


def test_it_reads_a_pdf_whose_table_names_itself_as_the_one_before(tmp_path: Path) -> None:
    """The circle loses nothing: all objects are found without the table."""
    data = written(TREE)
    place = data.index(b"xref\n0 1")

    assert "The walrus lives here." in parsed(tmp_path, data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % place))


def test_it_does_not_judge_what_takes_too_long_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file can make the judgement itself cost much."""
    monkeypatch.setattr(pdf_objects, "MAX_SECONDS", -1.0)

    assert parsed(tmp_path, written(CIRCLES["a form that draws itself"]))


@pytest.mark.parametrize(
    "piece",
    [b"1 0 obj ", b"1 0 obj<<", b"1 0 obj stream\n", b"trailer<<", b"/Kids[", b"<<", b"((", b"\\(", b"1 0 obj[1 0 R "],
)
def test_it_judges_a_megabyte_of_fragments(tmp_path: Path, piece: bytes) -> None:
    """Fuzzing: fragments neither crash the judgement nor make it quadratic (its own limit is three CPU seconds)."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + piece * ((1 << 20) // len(piece)))

    pdf_damage.refuse_damaged(str(path))


LAYOUT = f"<p:sldLayout {office.NS}><p:cSld><p:spTree/></p:cSld></p:sldLayout>"
SPOKEN = office.slide(office.shape(office.paragraphs("A walrus"), at=office.place(0, 0)))


def _deck(tmp_path: Path, more: dict[str, "str | bytes"]) -> str:
    made = office.pptx(tmp_path / "a.pptx", [SPOKEN, SPOKEN], more)
    return " ".join(block.text for block in pptx.parse(office.Desk().task(made)).blocks)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(
            {
                "ppt/slideLayouts/slideLayout1.xml": LAYOUT,
                "ppt/slideLayouts/slideLayout2.xml": LAYOUT,
                "ppt/slideLayouts/_rels/slideLayout1.xml.rels": office.rels(("slideMaster", "../m.xml")),
            },
            id="missing_rels_item: one of the layouts lost its relationships",
        ),
        pytest.param({"ppt/slides/_rels/slide1.xml.rels": office.rels()}, id="one of the slides lost its own"),
        pytest.param(
            {
                f"ppt/slides/_rels/slide{at}.xml.rels": office.rels(("notesSlide", "../notesSlides/n.xml"))
                for at in (1, 2)
            },
            id="notes that are not there",
        ),
        pytest.param(
            {
                "ppt/_rels/presentation.xml.rels": office.rels(
                    ("slide", "slides/slide1.xml"), ("slide", "slides/gone.xml")
                )
            },
            id="a slide that is not there",
        ),
    ],
)
def test_it_refuses_a_presentation_that_lacks_a_part(tmp_path: Path, more: dict[str, "str | bytes"]) -> None:
    with pytest.raises(Refused, match="missing-part"):
        _deck(tmp_path, more)


def test_it_reads_a_presentation_that_lacks_what_holds_no_text(tmp_path: Path) -> None:
    """Missing pictures, masters and themes cost no words."""
    related = office.rels(("image", "../media/gone.png"), ("slideLayout", "../slideLayouts/gone.xml"))

    assert "A walrus" in _deck(tmp_path, {f"ppt/slides/_rels/slide{at}.xml.rels": related for at in (1, 2)})


def test_it_refuses_a_document_whose_footnotes_are_missing(tmp_path: Path) -> None:
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": papers.document_xml(papers.paragraph("A walrus")),
        "word/_rels/document.xml.rels": office.rels(("footnotes", "footnotes.xml")),
    }
    path = office.packed(tmp_path / "a.docx", parts)

    with pytest.raises(Refused, match="missing-part"):
        docx.parse(office.Desk().task(path))


@pytest.mark.parametrize("missing", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_it_refuses_a_workbook_that_lacks_a_part(tmp_path: Path, missing: str) -> None:
    rows = office.row(1, '<c r="A1" t="s"><v>0</v></c>', "told")
    made = office.xlsx(tmp_path / "a.xlsx", {"One": office.sheet(rows)})
    if "sheet1" in missing:
        made = _without(made, missing)

    with pytest.raises(Refused, match="missing-part"):
        xlsx.parse(office.Desk().task(made))


def _without(path: Path, part: str) -> Path:
    with ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if name != part}
        assert part in archive.namelist()
    return office.packed(path, kept)
