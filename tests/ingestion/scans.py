"""Pictures of text that the OCR tests make for themselves: pages drawn by reportlab, rendered, turned, soiled."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pypdfium2
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.ingestion import papers
from tests.ingestion.papers import H, W, write

DPI = 150


def picture(tmp_path: Path, lines: Sequence[str], *, font: str = "Helvetica", size: float = 14) -> Image.Image:
    """Return a page with these lines as a picture."""

    def draw(canvas: Canvas) -> None:
        write(canvas, lines, 72, 90, size=size, font=font)
        canvas.showPage()

    return rendered(papers.pdf(tmp_path / "drawn.pdf", draw))


def rendered(path: Path, page: int = 0) -> Image.Image:
    """Return a page of a PDF as a picture."""
    document = pypdfium2.PdfDocument(path)
    try:
        return document[page].render(scale=DPI / 72).to_pil().convert("RGB")
    finally:
        document.close()


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Return a picture turned clockwise, on white."""
    return image.rotate(-degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC)


def scan(path: Path, *pages: Image.Image | Callable[[Canvas], None]) -> Path:
    """Write a PDF of pictures that fill their pages, or of what functions draw."""

    def draw(canvas: Canvas) -> None:
        for page in pages:
            if isinstance(page, Image.Image):
                buffer = io.BytesIO()
                page.save(buffer, "JPEG", quality=80)
                is_wide = page.width > page.height
                canvas.setPageSize((H, W) if is_wide else (W, H))
                canvas.drawImage(ImageReader(buffer), 0, 0, *((H, W) if is_wide else (W, H)))
            else:
                page(canvas)
            canvas.showPage()

    return papers.pdf(path, draw)
