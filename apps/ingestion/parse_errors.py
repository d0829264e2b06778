"""Why a document was not read: one class per stable code of the parsers."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, Value


class ParseError(AppError):
    """A document that cannot be read; never retried by itself, since it would fail again."""

    status = 422
    code = "broken"
    title = _("This file could not be read")
    detail = _("The file is damaged. Open it in its own program, save it again and upload that.")
    is_retryable = False


class Broken(ParseError):
    """The parser gave up on the bytes, or crashed on them."""


class Encrypted(ParseError):
    """The file needs a password that nobody gave."""

    code = "encrypted"
    title = _("This file is locked by a password")
    detail = _("Remove the password in its own program, or give it, and try again.")


class WrongPassword(ParseError):
    """The password given does not open the file."""

    code = "wrong-password"
    title = _("The password is wrong")
    detail = _("The file did not open with this password.")


class Empty(ParseError):
    """Read without trouble, but no text in it."""

    code = "empty"
    title = _("There is no text in this file")
    detail = _("It was read, but it holds nothing that could be searched.")


class NoTextLayer(ParseError):
    """A PDF that has pages but no text on them: a scan."""

    code = "no-text-layer"
    title = _("This PDF holds pictures of text only")
    detail = _("Its %(pages)s pages look scanned, and recognising text is switched off here (KB_OCR).")


class Unfinished(ParseError):
    """A scan whose pages were not all recognised within one shift; the next shift goes on. Nobody sees this."""

    status = 503
    code = "unfinished"
    title = _("Recognising goes on")
    detail = _("%(done)s of %(total)s pages are recognised.")
    is_retryable = True


class TooManyPages(ParseError):
    """More pages than one document may have."""

    code = "too-many-pages"
    title = _("This document has too many pages")
    detail = _("It has %(pages)s pages; %(limit)s are allowed. Split it and upload the parts.")


class TooMuchText(ParseError):
    """More characters than one document may have."""

    code = "too-much-text"
    title = _("This document holds too much text")
    detail = _("More than %(limit)s characters; split it and upload the parts.")


class TooLargePicture(ParseError):
    """More pixels than are decoded (security-cases row 70)."""

    code = "too-large-picture"
    title = _("This picture is too large")
    detail = _("It has more than %(megapixels)s million pixels. Save it smaller and upload that.")


class ParseTimeout(ParseError):
    """The CPU or wall-clock limit was reached."""

    code = "parse-timeout"
    title = _("Reading this file took too long")
    detail = _(
        "It was stopped after %(seconds)s seconds. A simpler copy, for example printed to PDF again, often helps."
    )


class ParseMemory(ParseError):
    """The memory limit was reached."""

    code = "parse-memory"
    title = _("Reading this file took too much memory")
    detail = _("It needed more than %(mib)s MiB. Split it and upload the parts.")


class UnsupportedFormat(ParseError):
    """A format that is not read (yet)."""

    status = 415
    code = "unsupported-format"
    title = _("This kind of file is not supported")
    detail = _("It looks like %(format)s. Save it as PDF, an Office format, a picture, HTML or text and upload that.")


class NeedsLibreOffice(ParseError):
    """An office format before 2007, and no LibreOffice on this machine."""

    status = 415
    code = "needs-libreoffice"
    title = _("This old format cannot be read here")
    detail = _(
        "Word and PowerPoint files before 2007 need LibreOffice on the server. Save it in the new format instead."
    )


class Mislabelled(ParseError):
    """The name says one format, the bytes say another that is not read."""

    status = 415
    code = "mislabelled"
    title = _("This file is not what its name says")
    detail = _("The name ends in %(suffix)s, but the content is %(format)s.")


class ArchiveBomb(ParseError):
    """An archive that unpacks to far more than it should."""

    code = "archive-bomb"
    title = _("This file unpacks to far too much")
    detail = _("Its parts grow out of all proportion when unpacked, so it was not opened.")


class UnsafeArchive(ParseError):
    """An archive with an entry that would land outside of its folder, twice in one place, or is no plain file."""

    code = "unsafe-archive"
    title = _("This archive is not safe to open")
    detail = _(
        "Its entry “%(entry)s” points outside of the archive, is a link, or is there twice. Nothing was unpacked."
    )


class NoParts(ParseError):
    """An archive, or a mail, in which nothing can be read."""

    code = "no-parts"
    title = _("Nothing in this archive can be read")
    detail = _("It holds %(entries)s files, none in a format that is read.")


class Container(ParseError):
    """A file without words of its own was asked for its text; uploads never end so, their parts are documents."""

    code = "container"
    title = _("This file only holds other files")
    detail = _("It has no text of its own; each of its %(entries)s files is read as a document.")


class TooManyParts(ParseError):
    """Files within files beyond what one upload may bring."""

    code = "too-many-parts"
    title = _("There are too many files in this file")
    detail = _("With its parts it came to more than %(limit)s files or %(mib)s MiB. Split it and upload the parts.")


class TooDeep(ParseError):
    """A file in a file in a file …, deeper than is followed: it is listed, not read."""

    code = "too-deep"
    title = _("This file lies too deep inside other files")
    detail = _("Take it out and upload it by itself.")


class Malware(ParseError):
    """The malware scanner knows the bytes."""

    code = "malware"
    title = _("The malware scanner stopped this file")
    detail = _("It found %(name)s. The file was not opened; delete it.")


class XmlEntities(ParseError):
    """A document type definition or entities in a part: never needed, often an attack."""

    code = "xml-entities"
    title = _("This file declares XML entities")
    detail = _("Documents with their own entities or document types are refused, since they can read other files.")


class SelfReference(ParseError):
    """A file whose parts lead back to themselves, so that it has no right reading (ADR 0015)."""

    code = "self-reference"
    title = _("This file refers to itself in a circle")
    detail = _(
        "It is damaged, so some of its text may be lost. Open it in its own program, save it again and upload that."
    )


class MissingPart(ParseError):
    """A file names a part that should hold text, and does not hold it (ADR 0014, 0015)."""

    code = "missing-part"
    title = _("A part of this file is missing")
    detail = _(
        "It should hold “%(part)s” and does not, so text would be lost. "
        "Open it in its own program, save it again and upload that."
    )


class ParseCancelled(ParseError):
    """Somebody stopped the reading."""

    status = 409
    code = "cancelled"
    title = _("Reading was stopped")


class ParserUnavailable(ParseError):
    """The parser process itself could not be started or died: the file is not to blame."""

    status = 503
    code = "parser-unavailable"
    title = _("The reader of documents is not available")
    detail = _("This is not the file's fault; try again in a moment.")
    is_retryable = True


class NoRoom(ParseError):
    """The disk has no space left for what a reading makes; it goes on by itself once there is some."""

    status = 507
    code = "no-room"
    title = _("There is no space left on the disk")
    detail = _("The original is kept. Reading goes on by itself as soon as an admin has freed space.")
    is_patient = True


_CLASSES: tuple[type[ParseError], ...] = (
    Broken,
    Encrypted,
    WrongPassword,
    Empty,
    NoTextLayer,
    Unfinished,
    TooManyPages,
    TooMuchText,
    TooLargePicture,
    ParseTimeout,
    ParseMemory,
    UnsupportedFormat,
    NeedsLibreOffice,
    Mislabelled,
    ArchiveBomb,
    UnsafeArchive,
    NoParts,
    Container,
    TooManyParts,
    TooDeep,
    Malware,
    XmlEntities,
    SelfReference,
    MissingPart,
    ParseCancelled,
    ParserUnavailable,
    NoRoom,
)
BY_CODE: Mapping[str, type[ParseError]] = {error.code: error for error in _CLASSES}


def error_of(code: str, params: Mapping[str, Value]) -> ParseError:
    """Return the error for a code that a child reported; an unknown one counts as broken."""
    return BY_CODE.get(code, Broken)(**params)
