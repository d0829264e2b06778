"""Documents that the browser tests upload: real files, made here."""

import zipfile
from pathlib import Path

import docx
import pypdfium2
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tests.ingestion import office

LINE_PT = 18
SCAN_DPI = 200
SCAN_FACT = "The spare key lies behind the blue vase"


def pdf(path: Path, pages: list[list[str]], size_pt: float = 12) -> Path:
    """Write a PDF with one list of lines a page; Chinese lines use a CID font."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4)
    for lines in pages:
        for place, line in enumerate(lines):
            canvas.setFont("Helvetica" if line.isascii() else "STSong-Light", size_pt)
            canvas.drawString(72, 760 - place * size_pt * LINE_PT / 12, line)
        canvas.showPage()
    canvas.save()
    return path


def scanned(path: Path, pages: list[list[str]]) -> Path:
    """Write a PDF that is nothing but pictures of its pages; ASCII lines (pdfium brings those letters along)."""
    source = pypdfium2.PdfDocument(pdf(path.with_suffix(".typed"), pages, size_pt=16))
    pictures = [page.render(scale=SCAN_DPI / 72).to_pil().convert("L") for page in source]
    pictures[0].save(path, format="PDF", save_all=True, append_images=pictures[1:], resolution=SCAN_DPI)
    return path


def handbook(folder: Path) -> Path:
    """Return an English handbook; the parking rule stands on page 2."""
    return pdf(
        folder / "handbook.pdf",
        [
            ["Staff handbook", "", "Working hours are from nine to five on weekdays.", "Lunch takes one hour."],
            ["Parking", "", "The parking garage closes at 22:30 every evening.", "Visitors park on the roof deck."],
            ["Travel", "", "Train journeys over three hours may be booked in first class."],
        ],
    )


def rules_zh(folder: Path, leave: str = "十二") -> Path:
    """Return Chinese rules; the leave rule stands on page 2."""
    return pdf(
        folder / "考勤制度.pdf",
        [
            ["考勤制度", "员工每天上午九点上班，下午六点下班。"],
            ["休假", f"入职满一年的员工每年享有{leave}天带薪年假。", "病假需要提供医院证明。"],
        ],
    )


def scan(folder: Path, name: str = "scan.pdf") -> Path:
    """Return a scan of three pages: text, nothing at all, text that only recognition can find."""
    return scanned(
        folder / name,
        [
            ["House rules", "", "The front door is locked at eight in the evening."],
            [],
            ["Keys", "", f"{SCAN_FACT}.", "Whoever takes it puts it back before noon."],
        ],
    )


def photo(folder: Path, name: str = "notice.png") -> Path:
    """Return a picture of a notice."""
    page = pypdfium2.PdfDocument(pdf(folder / "notice.typed", [["Notice", "The lift is out of order on Monday."]], 20))[
        0
    ]
    picture: Image.Image = page.render(scale=2).to_pil().crop((0, 0, 1190, 500))
    picture.save(folder / name)
    return folder / name


def contract(folder: Path, days: int = 30) -> Path:
    """Return a Word document with headings and a table; `days` is the period of notice."""
    document = docx.Document()
    document.add_heading("Lease agreement", 1)
    document.add_heading("Term", 2)
    document.add_paragraph("The lease begins on the first of May and runs for two years.")
    document.add_heading("Notice", 2)
    document.add_paragraph(f"Either party may end the lease with {days} days of notice in writing.")
    document.add_heading("Costs", 2)
    table = document.add_table(rows=1, cols=2)
    for cell, text in zip(table.rows[0].cells, ("Item", "Euro a month"), strict=True):
        cell.text = text
    for item, cost in (("Rent", "1,450"), ("Heating", "120")):
        for cell, text in zip(table.add_row().cells, (item, cost), strict=True):
            cell.text = text
    path = folder / "lease.docx"
    document.save(str(path))
    return path


def rates(folder: Path, name: str = "rates.xlsx") -> Path:
    """Return a workbook with the hotel limits of some cities."""
    cities = [("City", "Hotel limit"), ("Berlin", "140"), ("Lyon", "125"), ("Osaka", "160")]
    rows = "".join(office.row(at, *city) for at, city in enumerate(cities, 1))
    return office.xlsx(folder / name, {"Travel": office.sheet(rows)})


def parcel(folder: Path, name: str = "parcel.zip") -> Path:
    """Return an archive with a folder of two texts and a file that nobody reads."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(
            "minutes/march.md", "# March\n\nThe board met on the ninth of March and chose a new auditor.\n"
        )
        archive.writestr("minutes/april.md", "# April\n\nThe board postponed the audit to the second of April.\n")
        archive.writestr("tool.bin", bytes(range(256)) * 8)
    return folder / name


def locked(folder: Path, password: str) -> Path:
    """Return a PDF that opens by a password."""
    canvas = Canvas(str(folder / "locked.pdf"), pagesize=A4, encrypt=StandardEncryption(password, strength=128))
    canvas.drawString(72, 760, "The safe is behind the picture of the harbour.")
    canvas.save()
    return folder / "locked.pdf"


def note(folder: Path, name: str) -> Path:
    """Return a short text of its own."""
    path = folder / f"{name}.md"
    path.write_text(f"# About {name}\n\nThis note says what there is to say about {name}.\n", encoding="utf-8")
    return path


def questions(folder: Path) -> Path:
    """Return three questions with their answers."""
    pairs = {
        "Who waters the plants?": "The team that sits beside them.",
        "Where are the bicycles kept?": "In the cellar, behind the boiler room.",
        "When is the kitchen cleaned?": "Every Friday afternoon.",
    }
    path = folder / "questions.md"
    path.write_text("\n\n".join(f"Q: {asked}\n\nA: {said}" for asked, said in pairs.items()), encoding="utf-8")
    return path
