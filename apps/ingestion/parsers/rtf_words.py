"""The control words of RTF that name a destination or a character, and what becomes of them."""

from apps.libraries.types import BlockKind

SILENT = frozenset(
    [
        *("colortbl", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "fldinst"),
        *("nonshppict", "shprslt", "objdata", "bkmkstart", "bkmkend", "listtable", "listoverridetable", "rsidtbl"),
        *("themedata", "datastore", "nonesttables", "mmathPict", "xe", "tc", "rxe", "filetbl", "revtbl", "ftnsep"),
        *("ftnsepc", "aftnsep", "aftnsepc", "pnseclvl", "generator", "private", "template", "passwordhash"),
    ]
)
OPENED = frozenset(["shppict", "moMath", "moMathPara", "ud", "do", "shpgrp"])  # starred, but read
INFO = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords", "operator": "modified_by"}
ASIDES: dict[str, BlockKind] = {"footnote": "note", "annotation": "note", "shptxt": "text", "dptxbxtext": "text"}
CHARACTERS = {
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "tab": "\t",
    "line": "\n",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "zwj": "\u200d",
    "zwnj": "\u200c",
}
SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "\t": "\t"}
PAGES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
