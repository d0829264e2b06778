"""Where a picture comes from, written into its file: the settings as AUTOMATIC1111 writes them, and our own record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from apps.catalog.models import AIModel
from apps.images.orders import Order

PARAMETERS = "parameters"  # the chunk that AUTOMATIC1111 and its readers use
RECORD = "zhiku"
SOFTWARE = "Software"
_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286


@dataclass(frozen=True, slots=True)
class Texts:
    """What is written into a PNG. `record`: model, sha256, person (an id), time, product."""

    parameters: str
    record: Mapping[str, str | int | None] = field(default_factory=dict)

    def chunks(self) -> dict[str, str]:
        """Return the text chunks by their keywords."""
        made = {PARAMETERS: self.parameters} if self.parameters else {}
        if self.record:
            made[RECORD] = json.dumps(dict(self.record), ensure_ascii=False)
        return made


def exif_of(parameters: str) -> bytes:
    """Return EXIF whose UserComment holds the settings, in UTF-16 as AUTOMATIC1111 writes it; b"" for no settings."""
    if not parameters:
        return b""
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\x00" + parameters.encode("utf-16-be")
    return exif.tobytes()


def texts_of(
    order: Order, *, size: tuple[int, int], model: AIModel | None, record: Mapping[str, str | int | None]
) -> Texts:
    """Return what is written into a picture's file. The person stands there as an id alone, never by name or mail."""
    known = {"model": model.name if model else "", "model_sha256": model.sha256 if model else ""}
    return Texts("", {**known, **record})
