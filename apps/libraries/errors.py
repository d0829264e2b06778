"""Expected failures of libraries and documents."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class NameTaken(AppError):
    """Another library of the team has this name."""

    status = 409
    code = "name-taken"
    title = _("The name is taken")
    detail = _("Your team has a library named “%(name)s” already. Choose another name.")


class NameMissing(AppError):
    """A library needs a name of 1 to 100 characters."""

    status = 400
    code = "name-missing"
    title = _("A name is needed")
    detail = _("Give the library a name of up to 100 characters.")


class TypedNameDiffers(AppError):
    """The name typed to confirm a deletion is not the library's."""

    status = 400
    code = "typed-name-differs"
    title = _("The names differ")
    detail = _("Type the library's name exactly as shown. Nothing was deleted.")


class NotRestorable(AppError):
    """The same bytes were uploaded again meanwhile."""

    status = 409
    code = "not-restorable"
    title = _("The document is there already")
    detail = _("The same file was uploaded again after it was deleted, so the old one stays deleted.")


class UnknownFilter(AppError):
    """A list was asked with a parameter that it does not declare (security case 17)."""

    status = 400
    code = "unknown-filter"
    title = _("The list has no such filter")
    detail = _("This list cannot be filtered by “%(name)s”. Use the filters above it.")


class FilterInvalid(AppError):
    """A declared filter has a value that it does not take."""

    status = 400
    code = "filter-invalid"
    title = _("The filter has a value that cannot be used")
    detail = _("“%(name)s” cannot be used like this. Choose one of the values that the list offers.")


class ValueInvalid(AppError):
    """A metadata value does not fit its field's type."""

    status = 400
    code = "value-invalid"
    title = _("A value does not fit its field")
    detail = _("“%(field)s” cannot have this value. Nothing was changed.")


class FieldsInvalid(AppError):
    """The fields of a library cannot be like this."""

    status = 400
    code = "fields-invalid"
    title = _("The fields cannot be like this")
    detail = _(
        "Up to %(limit)s fields, each with a name of its own; a choice needs 1 to 50 choices. Nothing was changed."
    )


class TagInvalid(AppError):
    """A tag is empty, too long, or one too many."""

    status = 400
    code = "tag-invalid"
    title = _("The tag cannot be used")
    detail = _("A tag has up to %(limit)s characters and no comma, and a document up to %(most)s tags.")


class DocumentNameMissing(AppError):
    """A document needs a name of 1 to 255 characters."""

    status = 400
    code = "document-name-missing"
    title = _("A name is needed")
    detail = _("Give the document a name of up to 255 characters.")


class ValidityInvalid(AppError):
    """A document would end before it begins, or a date is none."""

    status = 400
    code = "validity-invalid"
    title = _("The dates do not fit")
    detail = _("“Valid until” must be a date on or after “valid from”. Nothing was changed.")


class OwnerInvalid(AppError):
    """The owner of a document must be a member of its team."""

    status = 400
    code = "owner-invalid"
    title = _("This person cannot be the owner")
    detail = _("Choose a member of the team.")


class NothingSelected(AppError):
    """A bulk action without documents."""

    status = 400
    code = "nothing-selected"
    title = _("Nothing is selected")
    detail = _("Select documents first. Those that somebody else deleted meanwhile are not in the list any more.")


class ViewInvalid(AppError):
    """A saved view needs a name that is free."""

    status = 400
    code = "view-invalid"
    title = _("The view cannot be saved")
    detail = _("Give it a name of up to 100 characters that none of your views has.")


class AlreadyInLibrary(AppError):
    """The new bytes of a document are another document of the library."""

    status = 409
    code = "already-in-library"
    title = _("The file is in the library already")
    detail = _("“%(name)s” has exactly this content. Nothing was changed; delete one of the two first.")


class QuestionMissing(AppError):
    """A curated answer needs a question."""

    status = 400
    code = "question-missing"
    title = _("A question is needed")
    detail = _("Write the question as people would ask it.")


class AnswerMissing(AppError):
    """A curated answer needs a text."""

    status = 400
    code = "answer-missing"
    title = _("An answer is needed")
    detail = _("Write the answer that people get.")


class AnswerTooLong(AppError):
    """A curated answer is no document."""

    status = 400
    code = "answer-too-long"
    title = _("The answer is too long")
    detail = _("It has %(chars)s characters; at most %(limit)s are possible. Put long texts into a document.")


class TooManyWordings(AppError):
    """A question has only so many other wordings."""

    status = 400
    code = "too-many-wordings"
    title = _("There are too many wordings")
    detail = _("At most %(limit)s other ways to ask are possible.")


class QuestionTaken(AppError):
    """Another curated answer of the library has this wording."""

    status = 409
    code = "question-taken"
    title = _("This question has an answer already")
    detail = _("“%(question)s” is answered in this library. Change that answer instead.")


class PartsHidden(AppError):
    """A page that speaks of all of a library, asked for by somebody who may not read all of it."""

    status = 403
    code = "parts-hidden"
    title = _("Parts of this library are not shared with you")
    detail = _("This page shows something of every document, so it needs the right to read all of them.")


class GranteeUnknown(AppError):
    """Rights are given to members of the team and to its groups."""

    status = 400
    code = "grantee-unknown"
    title = _("Nobody by that name is in this team")
    detail = _("Rights can be given to members of the team and to its groups. Invite the person first.")


class FolderUnknown(AppError):
    """A folder is shared where documents are in it."""

    status = 404
    code = "folder-unknown"
    title = _("There is no such folder")
    detail = _("A folder exists as long as a document is in it.")


class SameFileThere(AppError):
    """The same bytes cannot stand twice where the same rights hold."""

    status = 409
    code = "same-file-there"
    title = _("The same file is there already")
    detail = _("A document with the same content is already where this would go. Delete one of the two first.")


class FolderHasRights(AppError):
    """Two folders with rights of their own cannot become one."""

    status = 409
    code = "folder-has-rights"
    title = _("Both folders have rights of their own")
    detail = _("Remove the rights of one of the two folders first, or move the documents themselves.")


class WiderPlace(AppError):
    """Moving a document out of a restricted place shows it to more people."""

    status = 403
    code = "wider-place"
    title = _("More people could read it there")
    detail = _("Only who may manage a restricted place can move documents out of it.")
