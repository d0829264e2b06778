"""Expected failures of uploads and of the jobs that read them. Those of the parsers are in `parse_errors`."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class UploadTooLarge(AppError):
    """The file exceeds KB_UPLOAD_MAX_MIB."""

    status = 413
    code = "upload-too-large"
    title = _("The file is too large")
    detail = _(
        "Files may have up to %(limit_mib)s MiB. Nothing of this one was kept; split it or ask for a higher limit."
    )


class NoSuchModel(AppError):
    """The model is no embedding model, or its files are not in order."""

    status = 422
    code = "no-such-embedding-model"
    title = _("This model cannot be used for search")
    detail = _("%(model)s is not an embedding model that is installed and in order.")


class ModelServes(AppError):
    """The model is the one that serves already."""

    status = 409
    code = "embedding-model-serves"
    title = _("This model is in use already")
    detail = _("%(model)s is the embedding model of this installation. Nothing was changed.")


class SwitchRunning(AppError):
    """Another change of the embedding model is under way."""

    status = 409
    code = "embedding-model-switch-running"
    title = _("A change of the model is under way")
    detail = _("Wait until it is done, or cancel it first.")


class EmptyUpload(AppError):
    """The file has no bytes."""

    status = 400
    code = "empty-file"
    title = _("The file is empty")
    detail = _("It has no bytes. Check that it was saved and copied completely, then upload it again.")


class NoFile(AppError):
    """The request carries no file."""

    status = 400
    code = "no-file"
    title = _("No file arrived")
    detail = _("Choose a file and upload it again.")


class StorageFull(AppError):
    """The disk of the files has no space left."""

    status = 507
    code = "storage-full"
    title = _("There is no space left for files")
    detail = _("Nothing of this file was kept. Ask an admin to free space, then upload it again.")


class FileLost(AppError):
    """The bytes of a version are not in the storage."""

    status = 500
    code = "file-lost"
    title = _("The stored file is missing")
    detail = _("The original could not be found in the storage. Upload it again; an admin can see more in the log.")


class WorkerLost(AppError):
    """Every try of a job ended with a dead worker."""

    status = 500
    code = "worker-lost"
    title = _("Reading stopped unexpectedly")
    detail = _(
        "The reading process died %(attempts)s times, perhaps for lack of memory. The original is kept; try again."
    )


class ReadFailed(AppError):
    """An unexpected failure; the traceback is in the job's log for operators."""

    status = 500
    code = "read-failed"
    title = _("Reading failed")
    detail = _("Something unexpected happened. The original is kept; try again, or ask an admin to look at the log.")


class EmbeddingFailed(AppError):
    """The embedding model is absent or broke; tried again before it counts."""

    status = 503
    code = "embedding-failed"
    title = _("The embedding model is not available")
    detail = _("The text was read, but its vectors could not be computed. The original is kept; try again later.")


class StillReading(AppError):
    """A retry of a document that is being read or is ready."""

    status = 409
    code = "still-reading"
    title = _("There is nothing to try again")
    detail = _("The document is being read or is ready already.")


class JobStopped(Exception):
    """Internal: the job was cancelled, its document deleted, or its lease lost; the work ends silently."""


class NotLocked(AppError):
    """A password was given for a document that does not wait for one."""

    status = 409
    code = "not-locked"
    title = _("This document does not wait for a password")
    detail = _("It opened without one, or is being read just now.")


class PreviewGone(AppError):
    """The sample of a preview is not there any more."""

    status = 410
    code = "preview-gone"
    title = _("The sample is not there any more")
    detail = _("Choose a document or a file again.")


class NoSuchPages(AppError):
    """None of the pages that the form names exists."""

    status = 400
    code = "no-such-pages"
    title = _("There are no such pages")
    detail = _("Name pages from 1 to %(pages)s, for example 3, 7-9.")
