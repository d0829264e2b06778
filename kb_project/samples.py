"""Prints the user guides as the two PDFs of the sample library: `python -m kb_project.samples`.

Needs Chromium and the Noto fonts; the PDFs are committed, so only whoever changes a guide runs this.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

from kb_project.bootstrap import fail, say
from kb_project.env import BASE_DIR

GUIDES = {"user-guide.en.md": "Zhiku user guide.pdf", "user-guide.zh-hans.md": "智库使用手册.pdf"}
STYLE = """
@page { size: A4; margin: 22mm 24mm; }
body { font: 11pt/1.6 "Source Serif 4", "Noto Serif", "Noto Serif CJK SC", serif; color: #222; }
:lang(zh) { line-height: 1.8; }
h1, h2, h3 { break-after: avoid; line-height: 1.3; }
h1 { font-size: 22pt; margin: 0 0 8pt; }
h2 { font-size: 16pt; margin: 20pt 0 5pt; }
h3 { font-size: 13.5pt; margin: 15pt 0 5pt; }
p { margin: 0 0 7pt; orphans: 3; widows: 3; }
table { border-collapse: collapse; break-inside: avoid; }
td, th { border-bottom: 0.5pt solid #bbb; padding: 3pt 14pt 3pt 0; text-align: left; }
code { font: 9.5pt "Noto Sans Mono", monospace; }
"""


def print_guide(source: Path, target: Path) -> None:
    """Write one guide as a PDF with an outline made from its headings."""
    language = "zh" if "zh" in source.name else "en"
    body = MarkdownIt("commonmark").enable("table").render(source.read_text(encoding="utf-8"))
    page = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{target.stem}</title>'
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "guide.html"
        html.write_text(f"{page}<style>{STYLE}</style>{body}</html>", encoding="utf-8")
        subprocess.run(  # noqa: S603
            [
                shutil.which("chromium") or fail("Chromium is missing."),
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
                f"--user-data-dir={folder}/profile", "--no-pdf-header-footer", "--generate-pdf-document-outline",
                f"--print-to-pdf={target}", html.as_uri(),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


def main() -> None:
    """Print both guides."""
    folder = BASE_DIR / "docs" / "sample"
    folder.mkdir(exist_ok=True)
    for source, target in GUIDES.items():
        print_guide(BASE_DIR / "docs" / source, folder / target)
        say(f"{target}: {(folder / target).stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
