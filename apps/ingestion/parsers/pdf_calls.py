"""PDFium's functions that are called for every line, character or object of a page, by plain addresses.

The typed pointers of pypdfium2 cost more than most of these calls do.
"""

import ctypes
from collections.abc import Callable

import pypdfium2.raw as pdfium

_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int


def _plain(function: object, *types: type) -> Callable[..., int]:
    """Return a function of PDFium that takes and gives plain addresses; the first type is what it gives."""
    return ctypes.CFUNCTYPE(*types)(ctypes.cast(function, ctypes.c_void_p).value)  # type: ignore[arg-type]


def address_of(handle: object) -> int:
    """Return where a handle of PDFium points to, 0 for a null pointer."""
    return ctypes.cast(handle, _ADDRESS).value or 0  # type: ignore[arg-type]  # a ctypes pointer


object_at = _plain(pdfium.FPDFPage_GetObject, _ADDRESS, _ADDRESS, _INT)
kind_of = _plain(pdfium.FPDFPageObj_GetType, _INT, _ADDRESS)
count_rects = _plain(pdfium.FPDFText_CountRects, _INT, _ADDRESS, _INT, _INT)
get_rect = _plain(pdfium.FPDFText_GetRect, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)  # left, top, right, bottom
get_char_box = _plain(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)  # left, right, bottom, top
get_unicode = _plain(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _ADDRESS, _INT)
get_matrix = _plain(pdfium.FPDFText_GetMatrix, _INT, _ADDRESS, _INT, _ADDRESS)
get_font_info = _plain(pdfium.FPDFText_GetFontInfo, ctypes.c_ulong, _ADDRESS, _INT, _ADDRESS, ctypes.c_ulong, _ADDRESS)
get_font_size: Callable[..., float] = _plain(pdfium.FPDFText_GetFontSize, ctypes.c_double, _ADDRESS, _INT)


class Doubles:
    """Four numbers that PDFium writes; `places` are their addresses, `values[:]` reads them."""

    __slots__ = ("places", "values")

    def __init__(self) -> None:
        self.values = (ctypes.c_double * 4)()
        first = ctypes.addressof(self.values)
        self.places = tuple(first + 8 * at for at in range(4))
