"""Models that a service runs: added, changed, and their key kept where it belongs."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db import transaction

from apps.catalog import jobs
from apps.catalog.errors import KeyNeeded, ServiceNotAllowed
from apps.catalog.found import short_name
from apps.catalog.importing import enter
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.specs import credential_place
from apps.catalog.tasks import ring_for
from apps.core import crypto
from apps.core.errors import AppError
from apps.core.netfetch import vet_url
from apps.runtimes.openai_wire import policy
from apps.users.models import User
from apps.users.signals import tell

RUNTIME = "openai_http"


@dataclass(frozen=True, slots=True)
class Service:
    """What somebody typed about a service. `key` None: the stored one stays."""

    kind: str
    base_url: str
    remote_name: str
    title: str = ""
    key: str | None = field(default=None, repr=False)
    max_tokens: int = 8_192


def checked_url(text: str) -> str:
    """Return the address as it is asked. Raises ServiceNotAllowed for a host that is not on the operator's list."""
    try:
        url = str(vet_url(text.strip(), policy()))
    except AppError as error:
        raise ServiceNotAllowed(host=urlsplit(text.strip()).netloc[:100] or text.strip()[:100]) from error
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


@transaction.atomic
def add(*, user: User, service: Service) -> ModelJob:
    """Enter a model of a service in the catalogue and queue its test: it is ready once that went well."""
    model = AIModel(
        name=short_name(f"{urlsplit(service.base_url).hostname or ''}-{service.remote_name}"),
        title=(service.title or service.remote_name)[:120],
        kind=service.kind,
        runtime=RUNTIME,
        source=AIModel.Source.ENDPOINT,
        base_url=checked_url(service.base_url),
        remote_name=service.remote_name,
        max_tokens=service.max_tokens,
    )
    model.credential = crypto.seal(service.key, place=credential_place(model)) if service.key else ""
    enter(model)
    tell("model.added", actor=user, target=model, detail={"from": "service", "address": model.base_url})
    job = jobs.start(model, ModelJob.Kind.TEST, user=user)
    ring_for(job)
    return job


@transaction.atomic
def change(*, user: User, model: AIModel, service: Service) -> ModelJob:
    """Change address, name or key and test again. Raises KeyNeeded where a stored key would go to a new address.

    The key is sealed for the address it was entered for (`credential_place`), so that no way leads around this.
    """
    row = AIModel.objects.select_for_update().get(pk=model.pk)
    url = checked_url(service.base_url)
    is_moved = url != row.base_url
    if is_moved and row.credential and not service.key:
        raise KeyNeeded
    row.base_url, row.remote_name = url, service.remote_name
    row.title, row.max_tokens = (service.title or row.title)[:120], service.max_tokens
    if service.key:
        row.credential = crypto.seal(service.key, place=credential_place(row))
    if is_moved and not row.is_default:
        row.state = AIModel.State.MISSING
    row.save()
    detail = {"address": row.base_url, "key": "new" if service.key else "kept"}
    tell("model.service-changed", actor=user, target=row, detail=detail)
    job = jobs.start(row, ModelJob.Kind.TEST, user=user)
    ring_for(job)
    return job
