"""Expected failures of question sets and their runs."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class SetNameMissing(AppError):
    """A set needs a name of 1 to 100 characters."""

    status = 400
    code = "set-name-missing"
    title = _("A name is needed")
    detail = _("Give the question set a name of up to 100 characters.")


class SetNameTaken(AppError):
    """Another set of the library has this name."""

    status = 409
    code = "set-name-taken"
    title = _("The name is taken")
    detail = _("This library has a question set named “%(name)s” already. Choose another name.")


class QuestionMissing(AppError):
    """A question without words, or with too many."""

    status = 400
    code = "set-question-missing"
    title = _("The question is missing")
    detail = _("Write a question of up to %(limit)s characters.")


class QuestionTaken(AppError):
    """The set has this question already."""

    status = 409
    code = "set-question-taken"
    title = _("The set has this question already")
    detail = _("“%(text)s” is in this set already. Change that one instead.")


class AnswersInvalid(AppError):
    """Too many right answers, or one that is too long."""

    status = 400
    code = "answers-invalid"
    title = _("The answers cannot be like this")
    detail = _("A question has up to %(limit)s right answers, one on each line, of up to 2,000 characters.")


class GoldInvalid(AppError):
    """Too many gold passages, or one of a document that is not in the library."""

    status = 400
    code = "gold-invalid"
    title = _("The passages cannot be like this")
    detail = _("A question has up to %(limit)s passages, each from a document of this library.")


class SetFull(AppError):
    """A set holds as many questions as it may."""

    status = 400
    code = "set-full"
    title = _("The set is full")
    detail = _("A set holds up to %(limit)s questions. Put more of them into another set.")


class NothingToRun(AppError):
    """A run needs at least one accepted question."""

    status = 409
    code = "nothing-to-run"
    title = _("There is nothing to run")
    detail = _("Add a question, or accept a draft, first.")


class RunUnderWay(AppError):
    """One run of a set at a time."""

    status = 409
    code = "run-under-way"
    title = _("A run is under way")
    detail = _("Wait until it is done, or stop it.")


class RunFailed(AppError):
    """Something unexpected ended a run; the log has it."""

    status = 500
    code = "run-failed"
    title = _("The run failed")
    detail = _("Something unexpected happened. What was measured is kept; start the run again to go on with it.")


class RunLost(AppError):
    """Several workers died with a run."""

    status = 500
    code = "run-lost"
    title = _("The run was given up")
    detail = _("Several workers ended while they were at it. What was measured is kept; start the run again to go on.")


class RunsDiffer(AppError):
    """Two runs of different sets cannot be compared."""

    status = 400
    code = "runs-differ"
    title = _("These runs cannot be compared")
    detail = _("Choose two finished runs of the same question set.")


class ImportUnreadable(AppError):
    """The file is no CSV or JSONL with questions."""

    status = 400
    code = "import-unreadable"
    title = _("The file cannot be read")
    detail = _("A CSV or JSONL file in UTF-8 with a column “question” is needed. The template shows the columns.")


class ImportTooLarge(AppError):
    """The file has too many bytes or lines."""

    status = 413
    code = "import-too-large"
    title = _("The file is too large")
    detail = _("A file of up to %(limit_mib)s MiB with up to %(limit)s questions can be imported at once.")


class ImportGone(AppError):
    """The preview of an import is kept for half an hour."""

    status = 410
    code = "import-gone"
    title = _("The preview is too old")
    detail = _("Choose the file again. Nothing was imported.")


class LineInvalid(AppError):
    """One line of an import cannot become a question."""

    status = 400
    code = "line-invalid"
    title = _("The line cannot be read")
    detail = _("The line is no question of the form that the template shows.")


class DocumentUnknown(AppError):
    """A line names a document that the library does not have."""

    status = 400
    code = "document-unknown"
    title = _("The document is not in the library")
    detail = _("No document of this library is named “%(name)s”.")


class DocumentAmbiguous(AppError):
    """A line names several documents."""

    status = 400
    code = "document-ambiguous"
    title = _("Several documents have this name")
    detail = _("%(n)s documents of this library are named “%(name)s”. Put the folder before the name.")


class QuoteUnknown(AppError):
    """The quote of a line stands nowhere in its document."""

    status = 400
    code = "quote-unknown"
    title = _("The quote is not in the document")
    detail = _("No passage of “%(name)s” has the words of the quote.")


class DraftingUnderWay(AppError):
    """One drafting of a set at a time."""

    status = 409
    code = "drafting-under-way"
    title = _("Questions are being drafted")
    detail = _("Wait until that is done, or stop it.")


class DraftingFailed(AppError):
    """Something unexpected ended the drafting; the log has it."""

    status = 500
    code = "drafting-failed"
    title = _("Drafting failed")
    detail = _("Something unexpected happened. The drafts that are made are kept.")
