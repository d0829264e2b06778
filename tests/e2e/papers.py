"""Documents that the browser tests upload: real files, made here."""

from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

LINE_PT = 18


def pdf(path: Path, pages: list[list[str]]) -> Path:
    """Write a PDF with one list of lines a page; Chinese lines use a CID font."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4)
    for lines in pages:
        for place, line in enumerate(lines):
            canvas.setFont("Helvetica" if line.isascii() else "STSong-Light", 12)
            canvas.drawString(72, 760 - place * LINE_PT, line)
        canvas.showPage()
    canvas.save()
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


def rules_zh(folder: Path) -> Path:
    """Return Chinese rules; the leave rule stands on page 2."""
    return pdf(
        folder / "考勤制度.pdf",
        [
            ["考勤制度", "员工每天上午九点上班，下午六点下班。"],
            ["休假", "入职满一年的员工每年享有十二天带薪年假。", "病假需要提供医院证明。"],
        ],
    )
