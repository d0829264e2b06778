"""Expected failures of edits to passages."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class PassageEmpty(AppError):
    """A passage needs text."""

    status = 400
    code = "passage-empty"
    title = _("The passage has no text")
    detail = _("Write what the passage should say, or disable it. Nothing was changed.")


class PassageTooLong(AppError):
    """A passage, a keyword or a question is longer than allowed, or there are too many of them."""

    status = 400
    code = "passage-too-long"
    title = _("This is too long")
    detail = _(
        "A passage may have %(text)s characters, %(keywords)s keywords and %(questions)s questions. "
        "Nothing was changed."
    )


class PassageChanged(AppError):
    """Somebody else saved the passage after this person began."""

    status = 409
    code = "passage-changed"
    title = _("The passage was changed meanwhile")
    detail = _("Somebody else saved it after you began. Your text is still in the field; copy it, then open it again.")


class NothingToSplit(AppError):
    """The caret is at the start or the end."""

    status = 400
    code = "nothing-to-split"
    title = _("There is nothing to split here")
    detail = _("Put the caret between the words where the second passage should begin.")


class NoNextPassage(AppError):
    """The last passage cannot be merged with a next one."""

    status = 409
    code = "no-next-passage"
    title = _("There is no next passage")
    detail = _("This is the last passage of the document.")


class LastPassage(AppError):
    """The only passage of a document is not deleted."""

    status = 409
    code = "last-passage"
    title = _("This is the document's only passage")
    detail = _("A document keeps at least one. Disable the passage, or delete the document.")


class NotReadYet(AppError):
    """A document that was never read takes no passages."""

    status = 409
    code = "not-read-yet"
    title = _("The document has not been read yet")
    detail = _("Passages can be added once it has been read.")


class NotUndoable(AppError):
    """The change was undone already, or what it was made of is gone."""

    status = 409
    code = "not-undoable"
    title = _("This cannot be brought back")
    detail = _("It was brought back already, or the document was read again since.")
