"""What can be wrong with the models of the catalogue."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class NoModel(AppError):
    """No model of the kind asked for can be used."""

    status = 503
    code = "no-model"
    title = _("No model can be used")
    detail = _("The model %(model)s is not ready: %(reason)s")
