"""Small office files that the parser tests make for themselves, part by part."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from PIL import Image, PngImagePlugin

from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import Blob

REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NS = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    f'xmlns:r="{REL}" xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
)
SHEET = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{REL}"'
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "style", "presentation", "manifest")
) + (
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
LIMITS = ParseLimits()


class Desk:
    """Keeps the blobs of a parse in memory, as the child keeps them in its result file."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def keep(self, pieces: Iterable[bytes]) -> Blob:
        self.kept.append(b"".join(pieces))
        return Blob(len(self.kept) - 1, len(self.kept[-1]))

    def task(self, path: Path, password: str | None = None, limits: ParseLimits = LIMITS) -> Task:
        return Task(str(path), path.name, password, limits, keep=self.keep)


def packed(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """Write a zip of parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def rels(*targets: tuple[str, str]) -> str:
    """Return a part of relationships, rId1 first, each by the last word of its type and its target."""
    rows = "".join(
        f'<Relationship Id="rId{at}" Type="{REL}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def picture(width: int = 120, height: int = 80, colour: str = "navy") -> bytes:
    """Return a PNG with a secret in its metadata."""
    out = io.BytesIO()
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "taken at 47.37 N")
    Image.new("RGB", (width, height), colour).save(out, "PNG", pnginfo=told)
    return out.getvalue()


_ids = count(2)


def paragraphs(*lines: str, mark: str = "") -> str:
    return "".join(f"<a:p><a:pPr>{mark}</a:pPr><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)


def place(x: int, y: int, cx: int = 3_000_000, cy: int = 900_000, tag: str = "a:xfrm") -> str:
    return f'<{tag}><a:off x="{x}" y="{y}"/><a:ext cx="{cx}" cy="{cy}"/></{tag}>'


def shape(body: str, *, kind: str = "", at: str = "") -> str:
    """Return a shape with text; `kind` makes it a placeholder."""
    holder = f'<p:ph type="{kind}"/>' if kind else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{next(_ids)}" name="s"/><p:cNvSpPr/><p:nvPr>{holder}</p:nvPr></p:nvSpPr>'
        f"<p:spPr>{at}</p:spPr><p:txBody>{body}</p:txBody></p:sp>"
    )


def slide(*shapes: str, attributes: str = "", root: str = "sld") -> str:
    return f"<p:{root} {NS} {attributes}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:{root}>"


def pptx(path: Path, slides: list[str], more: Mapping[str, str | bytes] | None = None) -> Path:
    """Write a presentation of 9,144,000 by 6,858,000 EMU."""
    listed = "".join(f'<p:sldId id="{255 + at}" r:id="rId{at}"/>' for at in range(1, len(slides) + 1))
    main = (
        f'<p:presentation {NS}><p:sldIdLst>{listed}</p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/></p:presentation>'
    )
    parts: dict[str, str | bytes] = {
        "_rels/.rels": rels(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": main,
        "ppt/_rels/presentation.xml.rels": rels(
            *(("slide", f"slides/slide{at}.xml") for at in range(1, len(slides) + 1))
        ),
    }
    parts |= {f"ppt/slides/slide{at}.xml": xml for at, xml in enumerate(slides, 1)}
    return packed(path, {**parts, **(more or {})})


def framed(*inner: str) -> list[str]:
    """Return graphic frames, one below the other."""
    head, tail = "<p:graphicFrame><p:nvGraphicFramePr/>", "</a:graphic></p:graphicFrame>"
    return [f"{head}{place(0, at * 2_000_000, tag='p:xfrm')}<a:graphic>{each}{tail}" for at, each in enumerate(inner)]


def sheet(rows: str, after: str = "") -> str:
    return f"<worksheet {SHEET}><sheetData>{rows}</sheetData>{after}</worksheet>"


def row(number: int, *cells: str) -> str:
    """Return a row of texts; a cell that begins with < is XML already."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    made = [
        cell if cell.startswith("<") else f'<c r="{letters[at]}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        for at, cell in enumerate(cells)
        if cell
    ]
    return f'<row r="{number}">{"".join(made)}</row>'


def xlsx(
    path: Path,
    sheets: Mapping[str, str],
    *,
    states: Mapping[str, str] | None = None,
    more: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Write a workbook of sheets by name."""
    states = states or {}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{at}" state="{states.get(name, "visible")}" r:id="rId{at}"/>'
        for at, name in enumerate(sheets, 1)
    )
    targets = [("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)]
    parts: dict[str, str | bytes] = {
        "_rels/.rels": rels(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {SHEET}><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": rels(*targets, ("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")),
    }
    parts |= {f"xl/worksheets/sheet{at}.xml": xml for at, xml in enumerate(sheets.values(), 1)}
    return packed(path, {**parts, **(more or {})})


def odf(path: Path, kind: str, body: str, *, styles: str = "", more: Mapping[str, str | bytes] | None = None) -> Path:
    """Write an OpenDocument file: `kind` is text, spreadsheet or presentation."""
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    parts = {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}
    return packed(path, {**parts, **(more or {})})
