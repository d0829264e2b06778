"""What can be wrong with the models of the catalogue."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class NoModel(AppError):
    """No model of the kind asked for can be used."""

    status = 503
    code = "no-model"
    title = _("No model can be used")
    detail = _("The model %(model)s is not ready: %(reason)s")


class ModelRefused(AppError):
    """A file or folder is not taken as a model. Params: file."""

    status = 422
    code = "model-refused"
    title = _("This cannot be added as a model")
    detail = _("%(file)s cannot be used as a model.")


class HoldsCode(ModelRefused):
    """A pickle, a program, a script."""

    code = "model-code"
    title = _("It can hold code")
    detail = _(
        "%(file)s can run code when it is opened, so nothing was loaded. Remove it: a model needs only safetensors or "
        "GGUF, JSON and text."
    )


class IsLink(ModelRefused):
    """A link, or a path that leads out of the folder."""

    code = "model-link"
    title = _("It leads out of the folder")
    detail = _("%(file)s points elsewhere. A model holds plain files only: put the file itself there.")


class ForeignFile(ModelRefused):
    """A kind of file that models do not hold."""

    code = "model-file"
    title = _("It holds a foreign file")
    detail = _("%(file)s is not a kind of file that models hold. Remove it and try again.")


class Garbled(ModelRefused):
    """Not what the name says, or cut short."""

    code = "model-content"
    title = _("A file is damaged")
    detail = _("%(file)s is not what its name says, or was not copied to its end. Copy it again.")


class AsksForCode(ModelRefused):
    """auto_map, custom_pipeline, modules of its own."""

    code = "model-config"
    title = _("It wants to bring its own code")
    detail = _("%(file)s asks to run code that comes with the model. Such models are not loaded.")


class TemplateRefused(ModelRefused):
    """The chat template breaks out, never ends or cannot be read."""

    code = "model-template"
    title = _("Its chat template cannot be used")
    detail = _("The chat template in %(file)s did something a template has no need of, so the model was not added.")


class NotAModel(ModelRefused):
    """No weights, no configuration."""

    code = "model-unknown"
    title = _("No model was found there")
    detail = _(
        "%(file)s is none of what can be run: a GGUF file, a folder of sentence-transformers or of diffusers, an "
        "adapter or a checkpoint of an image model."
    )


class CannotRun(ModelRefused):
    """A real model that this version has no runtime for. Param: what."""

    code = "model-architecture"
    title = _("This kind of model cannot be run")
    detail = _("%(file)s is a model of the kind %(what)s, which this version cannot run.")


class ImageEncoderMissing(ModelRefused):
    """An IP-Adapter alone cannot read a picture."""

    code = "model-image-encoder"
    title = _("Its image encoder is missing")
    detail = _(
        "%(file)s is an IP-Adapter. Put it into a folder together with the folder image_encoder (config.json and "
        "model.safetensors of the CLIP vision model that it was trained with), and add that folder."
    )


class ImageEncoderOther(ModelRefused):
    """The encoder beside an IP-Adapter is not the one that it reads. Params: wanted, found."""

    code = "model-image-encoder-other"
    title = _("This is another image encoder")
    detail = _(
        "%(file)s was trained with an image encoder of width %(wanted)s; the one in the folder image_encoder has "
        "%(found)s."
    )


class NameTaken(AppError):
    """Another model has the name."""

    status = 409
    code = "model-name-taken"
    title = _("There is a model of this name")
    detail = _("Choose another name than %(name)s.")


class DoesNotFit(AppError):
    """More memory is needed than is free."""

    status = 422
    code = "model-memory"
    title = _("The model does not fit into memory")
    detail = _("It needs about %(needed)s MB and %(free)s MB are free. Unload another model, or take a smaller one.")


class ModelBroken(AppError):
    """The runtime could not load or run it. Param: reason, made by us."""

    status = 422
    code = "model-broken"
    title = _("The model does not run")
    detail = _("%(reason)s")


class ModelInUse(AppError):
    """It cannot be removed or closed. Param: reason."""

    status = 409
    code = "model-in-use"
    title = _("The model is in use")
    detail = _("%(reason)s")


class JobRunning(AppError):
    """Work on the model is under way."""

    status = 409
    code = "model-busy"
    title = _("Work on this model is under way")
    detail = _("Wait until it is done, or cancel it.")


class NoRoomForModel(AppError):
    """The disk is too full. Param: needed, in MB."""

    status = 507
    code = "model-disk"
    title = _("The disk is too full")
    detail = _("About %(needed)s MB are needed for this model. Nothing was kept that you did not have before.")


class FolderUnwritable(AppError):
    """The models folder cannot be written."""

    status = 500
    code = "model-folder"
    title = _("The models folder cannot be written")
    detail = _("The product must be allowed to write into the models folder to take a model there into use.")


class HubUnset(AppError):
    """KB_HUB_URL is empty."""

    status = 422
    code = "hub-unset"
    title = _("No hub is set")
    detail = _("Whoever runs this installation names a hub in KB_HUB_URL and its hosts in KB_HUB_HOSTS.")


class HubUnreachable(AppError):
    """No network, or the hub does not answer. Param: reason."""

    status = 502
    code = "hub-unreachable"
    title = _("The hub cannot be reached")
    detail = _("There is no way to the hub from here (%(reason)s). What was fetched is kept: try again later.")


class HubUnknown(AppError):
    """The hub has no such model, or hides it. Param: hub_id."""

    status = 422
    code = "hub-unknown"
    title = _("The hub does not know this model")
    detail = _("%(hub_id)s was not found there. It may be misspelt, or may need an account.")


class HubDamaged(AppError):
    """What came is not what the hub announced. Param: file."""

    status = 502
    code = "hub-damaged"
    title = _("A file arrived damaged")
    detail = _("%(file)s does not have the checksum that the hub announced. It was thrown away: try again.")


class ServiceNotAllowed(AppError):
    """The host is not on the operator's list. Param: host."""

    status = 422
    code = "service-not-allowed"
    title = _("This address is not allowed")
    detail = _(
        "%(host)s is not among the hosts that whoever runs this installation allows for models (KB_MODEL_HOSTS)."
    )


class KeyNeeded(AppError):
    """The address changed, so the key has to be typed again."""

    status = 422
    code = "service-key-needed"
    title = _("Enter the key again")
    detail = _("The address was changed. A stored key is only ever sent where it was entered for: type it once more.")


class JobCancelled(AppError):
    """Somebody cancelled the work."""

    status = 409
    code = "model-job-cancelled"
    title = _("Cancelled")
    detail = _("It was cancelled.")


class JobLost(AppError):
    """The worker ended more often than a job is tried."""

    status = 500
    code = "model-job-lost"
    title = _("The worker stopped")
    detail = _("The worker ended while it worked at this, several times. The model may need more memory than there is.")
