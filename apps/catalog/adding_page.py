"""What the page shows on which models are added."""

from typing import Any

from django.conf import settings

from apps.catalog.forms import HubForm, ServiceForm
from apps.catalog.found import found
from apps.catalog.recommended import suggestions
from apps.core.netfetch import listed_hosts


def context(*, service_form: ServiceForm | None = None, hub_form: HubForm | None = None) -> dict[str, Any]:
    """Return what lies in the models folder, what is suggested, and the forms."""
    listed = found()
    return {
        "found": [each for each in listed if each.form != "unknown" or each.problem],
        "models_dir": settings.MODELS_DIR,
        "service_form": service_form or ServiceForm(),
        "hub_form": hub_form or HubForm(auto_id="hub_%s"),
        "model_hosts": sorted(listed_hosts(settings.ENV.model_hosts)),
        "hub_url": settings.ENV.hub_url,
        "suggestions": suggestions(),
    }
