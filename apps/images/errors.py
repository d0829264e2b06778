"""Expected failures of the image studio: one class per stable code."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, Forbidden, Invalid
from apps.images.setting_names import setting_name


class OfSetting(Invalid):
    """Something is wrong with one setting: people read its name on the page, programs its path. Param: field."""

    status = 422

    def sentence(self) -> str:
        """Return the detail with the setting's name."""
        return str(self.detail) % {**self.params, "field": setting_name(str(self.params.get("field", "")))}


class BadSetting(OfSetting):
    """A setting of an order is missing, unknown or of the wrong kind. Param: field."""

    code = "image-setting"
    title = _("A setting cannot be used")
    detail = _("The setting “%(field)s” has a value that cannot be used.")


class OutOfRange(OfSetting):
    """A number is too small or too large. Params: field, least, most."""

    code = "image-range"
    title = _("A setting is out of its range")
    detail = _("“%(field)s” has to be from %(least)s to %(most)s.")


class NotMultiple(OfSetting):
    """A side is no multiple of 8. Param: field."""

    code = "image-multiple"
    title = _("A setting cannot be used")
    detail = _("“%(field)s” has to be a multiple of 8.")


class TooLarge(Invalid):
    """The picture, or what is made of it in a second pass, has too many pixels. Params: width, height, megapixels."""

    status = 422
    code = "image-size"
    title = _("The picture would be too large")
    detail = _("%(width)s × %(height)s is more than this installation draws: at most %(megapixels)s million pixels.")


class TooManyPictures(Invalid):
    """Count, grid and variants of the prompt together. Params: pictures, limit."""

    status = 422
    code = "image-count"
    title = _("These are too many pictures at once")
    detail = _("This would be %(pictures)s pictures; one order can have at most %(limit)s.")


class EmptyPrompt(Invalid):
    """Nothing is said about the picture."""

    status = 422
    code = "image-prompt-empty"
    title = _("The prompt is empty")
    detail = _("Say in a few words what the picture shows.")


class PromptsTooLong(Invalid):
    """All prompts of an order, step by step, are too long together. Param: limit, in characters."""

    status = 422
    code = "image-prompts-long"
    title = _("The prompts are too long together")
    detail = _("All that these prompts say, step by step, is more than %(limit)s characters. Order fewer pictures.")


class SourceNeeded(OfSetting):
    """An order draws over a picture and names none. Param: field."""

    code = "image-source-needed"
    title = _("A picture is missing")
    detail = _("“%(field)s” is missing: choose a picture, or paint what is drawn anew.")


class UnknownImageModel(AppError):
    """No such model, or none that this person may use: the two look the same. Param: name."""

    status = 422
    code = "image-model-unknown"
    title = _("There is no such model")
    detail = _("The model “%(name)s” is not here, is not ready, or is not open to you.")


class UnknownAdapter(AppError):
    """No such LoRA, ControlNet, IP-Adapter or upscaler, or none that this person may use. Param: name."""

    status = 422
    code = "image-adapter-unknown"
    title = _("There is no such adapter")
    detail = _("The adapter “%(name)s” is not here, is not ready, or is not open to you.")


class AdapterMismatch(AppError):
    """An adapter was made for another family of models. Params: name, model."""

    status = 422
    code = "image-adapter-mismatch"
    title = _("This adapter does not go with the model")
    detail = _("“%(name)s” was made for other models than %(model)s. Choose another one of the two.")


class UnknownStyle(AppError):
    """No such style in the team. Param: name."""

    status = 422
    code = "image-style-unknown"
    title = _("There is no such style")
    detail = _("Your team has no style “%(name)s”.")


class QueueFull(AppError):
    """Too many jobs wait already. Params: limit, retry_after."""

    status = 429
    code = "image-queue-full"
    title = _("Too many jobs are waiting")
    detail = _("At most %(limit)s can wait at the same time. Wait until one is done, or cancel one.")

    def headers(self) -> dict[str, str]:
        """Return Retry-After in seconds."""
        return {"Retry-After": str(self.params.get("retry_after", 30))}


class NotRepeatable(AppError):
    """Only a job that failed or was cancelled can be tried again."""

    status = 409
    code = "image-not-repeatable"
    title = _("This cannot be tried again now")


class PictureRefused(AppError):
    """An uploaded file is no picture that can be used."""

    status = 422
    code = "image-file"
    title = _("This is not a picture that can be used")
    detail = _("PNG, JPEG and WebP can be used. The file may be damaged, or something else than its name says.")


class PictureTooHeavy(AppError):
    """An uploaded file has too many bytes. Param: limit, in MB."""

    status = 413
    code = "image-file-size"
    title = _("The file is too large")
    detail = _("A picture can have at most %(limit)s MB.")


class PictureTooWide(AppError):
    """An uploaded picture has too many pixels. Param: megapixels."""

    status = 422
    code = "image-file-pixels"
    title = _("The picture has too many pixels")
    detail = _("A picture can have at most %(megapixels)s million pixels. Make it smaller first.")


class BoardNameEmpty(Invalid):
    """A board needs a name."""

    status = 422
    code = "board-name"
    title = _("The board has no name")
    detail = _("Give the board a name of at most 100 characters.")


class JobCancelled(AppError):
    """Its owner cancelled it."""

    status = 409
    code = "image-cancelled"
    title = _("Cancelled")
    detail = _("You cancelled this.")


class WorkerLost(AppError):
    """The worker ended more often than a job is tried."""

    status = 500
    code = "image-worker-lost"
    title = _("The worker stopped")
    detail = _("The worker ended several times while it drew this. The model may need more memory than there is.")


class DrawingFailed(AppError):
    """The model broke while it drew."""

    status = 500
    code = "image-failed"
    title = _("The picture could not be drawn")
    detail = _("The model failed. Try again; if it happens once more, choose other settings or tell an administrator.")


class ModelGone(AppError):
    """The model was removed, switched off or closed to the person after the order."""

    status = 409
    code = "image-model-gone"
    title = _("The model is not there any more")
    detail = _("The model of this order was removed, or you may not use it any more.")


class SourceGone(AppError):
    """A picture that the order draws from was deleted, or is not shared any more."""

    status = 409
    code = "image-source-gone"
    title = _("The source picture is not there any more")
    detail = _("A picture that this order draws from was deleted, or is no longer shared with you.")


class RightLost(AppError):
    """Whoever ordered it is not in the team any more."""

    status = 403
    code = "image-right-lost"
    title = _("You are no longer in this team")
    detail = _("Whoever ordered this is not in the team any more, so it was not drawn.")


class NoSpace(AppError):
    """The disk is full."""

    status = 507
    code = "image-disk"
    title = _("The disk is full")
    detail = _("The picture could not be stored. What it would have cost was given back.")


class DrawingOff(AppError):
    """The team, or the installation, has switched the studio off."""

    status = 403
    code = "image-off"
    title = _("The image studio is switched off")
    detail = _("An administrator switched the image studio off for your team.")


class WordBlocked(AppError):
    """A prompt holds a word that may not be drawn; which one is not said."""

    status = 422
    code = "image-word-blocked"
    title = _("This prompt is not allowed here")
    detail = _("The prompt holds a word that an administrator does not allow.")


class ReasonMissing(Invalid):
    """A report says nothing."""

    status = 422
    code = "image-report-empty"
    title = _("The report says nothing")
    detail = _("Say in a few words what is wrong with the picture.")


class PictureFlagged(AppError):
    """The safety checker held pictures back; they were drawn and not kept. Param: pictures."""

    status = 422
    code = "image-flagged"
    title = _("A picture was held back")
    detail = _("The safety check held back %(pictures)s of the pictures; they were not kept. They count as drawn.")


class CheckerMissing(AppError):
    """The team's pictures are to be checked, and there is nothing that checks."""

    status = 503
    code = "image-checker-missing"
    title = _("The safety check is not there")
    detail = _("Pictures are to be checked before they are kept, but no checker is installed. Tell an administrator.")


class AnothersPicture(Forbidden):
    """The picture is seen on a shared board; its owner alone changes it."""

    code = "image-of-another"
    title = _("This is another person's picture")
    detail = _("Only who made a picture stars, moves or deletes it. Editors can take it off a shared board.")


class TooManyChosen(Invalid):
    """More pictures were chosen than one act may have. Param: limit."""

    code = "image-chosen"
    title = _("These are too many pictures at once")
    detail = _("Choose at most %(limit)s pictures at once.")
