"""What a file may be called on a page. Names are labels: no storage key is ever made from one."""

import re
import unicodedata

NAME_MAX = 255
FOLDER_MAX = 1_000
SUFFIX_MAX = 10
UNNAMED = "unnamed"
# C0 and C1 controls, line separators, zero-width characters and bidirectional overrides (security case 65: with
# U+202E a name that ends in "fdp.exe" shows as one that ends in "exe.pdf").
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")


def clean(text: str) -> str:
    """Return one line without control, bidirectional and zero-width characters, in NFC."""
    return " ".join(_HIDDEN.sub("", unicodedata.normalize("NFC", text)).split())


def display_name(name: str, folder: str = "") -> tuple[str, str]:
    """Return (name, folder) for display: path parts of `name` go to the folder, dots and drives go nowhere."""
    *leading, last = [_part(part) for part in f"{folder}/{name}".replace("\\", "/").split("/")]
    parts = [part for part in leading if part]
    return _shorten(last or UNNAMED), "/".join(parts)[:FOLDER_MAX].rstrip("/ ")


def _part(part: str) -> str:
    text = clean(part)
    if _DRIVE.match(text):
        text = text[2:].strip()
    return "" if text.strip(". ") == "" else text


def _shorten(name: str) -> str:
    """Return at most NAME_MAX characters, keeping a short extension."""
    if len(name) <= NAME_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    if dot and stem and len(extension) <= SUFFIX_MAX:
        return stem[: NAME_MAX - len(extension) - 2] + "…." + extension
    return name[: NAME_MAX - 1] + "…"
