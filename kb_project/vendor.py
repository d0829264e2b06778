"""Copies fonts and icons from npm packages into `static/vendor/`; for maintainers: `make vendor`.

The results are committed, so that neither `make setup` nor a browser ever needs npm or a CDN.
Usage: python -m kb_project.vendor [NODE_MODULES]; without a folder npm fetches the versions of `versions.json`.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VENDOR = BASE_DIR / "static" / "vendor"
FONTS = {
    "inter": ("inter-{}-wght-normal", "inter-{}-wght-italic"),
    "source-serif-4": ("source-serif-4-{}-wght-normal",),
}
SUBSETS = ("latin", "latin-ext")
ICONS = VENDOR / "icons.txt"  # one Lucide name a line
_SHAPES = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def main(node_modules: Path) -> None:
    """Write the fonts, the icon sprite, the licences and the versions."""
    copy_fonts(node_modules / "@fontsource-variable")
    (VENDOR / "lucide.svg").write_text(sprite(node_modules / "lucide-static" / "icons"), encoding="utf-8")
    shutil.copyfile(node_modules / "lucide-static" / "LICENSE", VENDOR / "lucide.LICENSE")
    packages = ["lucide-static", *(f"@fontsource-variable/{family}" for family in FONTS)]
    versions = {name: json.loads((node_modules / name / "package.json").read_text())["version"] for name in packages}
    (VENDOR / "versions.json").write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")


def copy_fonts(source: Path) -> None:
    """Copy the Latin subsets; Han comes from the reader's system."""
    target = VENDOR / "fonts"
    target.mkdir(parents=True, exist_ok=True)
    for family, names in FONTS.items():
        for name in names:
            for subset in SUBSETS:
                file = name.format(subset) + ".woff2"
                shutil.copyfile(source / family / "files" / file, target / file)
        shutil.copyfile(source / family / "LICENSE", target / f"{family}.LICENSE")


def sprite(icons: Path) -> str:
    """Return one SVG with a symbol per icon; stroke and size are set by the stylesheet."""
    symbols = []
    for name in ICONS.read_text().split():
        shapes = _SHAPES.search((icons / f"{name}.svg").read_text(encoding="utf-8"))
        if shapes is None:
            raise SystemExit(f"lucide-static has no readable icon {name!r}.")
        body = re.sub(r"\s+", " ", shapes.group(1)).replace("> <", "><").strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def fetch() -> None:
    """Install the pinned packages into a folder that goes again, and copy from there."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is missing; name a folder node_modules instead.")
    pinned = [f"{name}@{version}" for name, version in json.loads((VENDOR / "versions.json").read_text()).items()]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "install", "--no-save", "--ignore-scripts", "--prefix", folder, *pinned], check=True)  # noqa: S603
        main(Path(folder) / "node_modules")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        fetch()
