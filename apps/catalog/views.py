"""The console's pages about models: for administrators of the installation alone."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.catalog import adding_page, endpoints, importing, jobs, managing, overview
from apps.catalog.forms import EditForm, EntryForm, HubForm, ServiceForm
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.sharing import shares_of
from apps.catalog.tasks import ring_for
from apps.catalog.wording import figures, trial
from apps.core.errors import AppError, Invalid, NotFound, sentence_of
from apps.core.markdown import render as markdown
from apps.core.text import typed
from apps.users.access import require_system_admin
from apps.users.requests import PersonRequest

JOBS_SHOWN = 8


@login_required
@require_GET
def models(request: PersonRequest) -> HttpResponse:
    """Show the models as cards, by kind."""
    require_system_admin(request.user)
    filters = _filters(request)
    found = overview.cards(filters)
    context = {
        "section": "models",
        "sections": overview.by_kind(found),
        "filters": filters,
        "is_filtered": any((filters.kind, filters.text, filters.licence, filters.state)),
        "counts": overview.counts(),
        "kinds": [(kind.value, kind.label) for kind in AIModel.Kind],
        "licences": overview.licences(),
        "is_working": any(card.is_working for card in found),
    }
    return render(request, "catalog/models.html", context)


def _filters(request: PersonRequest) -> overview.Filters:
    asked = request.GET
    kind = asked.get("kind", "")
    state = asked.get("state", "")
    return overview.Filters(
        kind=kind if kind in AIModel.Kind.values else "",
        text=typed(asked.get("q", "")),
        licence=typed(asked.get("licence", ""), 80),
        state=state if state in {"ready", "problem"} else "",
    )


@login_required
@require_GET
def model(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Show one model: its card, its state, what was measured, who may use it.

    A page that watches work is drawn anew as a whole once the work is over: it may have changed all that is shown.
    """
    found = _model(request, model_id)
    card = overview.card_of(found)
    response = _page(request, found, card=card)
    is_watching = request.headers.get("HX-Target") == "model-live"
    if is_watching and not card.is_working:
        response.headers["HX-Refresh"] = "true"
    return response


def _model(request: PersonRequest, model_id: UUID) -> AIModel:
    require_system_admin(request.user)
    found = AIModel.objects.filter(pk=model_id).first()
    if found is None:
        raise NotFound
    return found


def _page(
    request: PersonRequest,
    found: AIModel,
    *,
    card: overview.Card | None = None,
    form: EditForm | None = None,
    service_form: ServiceForm | None = None,
    error: AppError | None = None,
) -> HttpResponse:
    history = list(ModelJob.objects.filter(model=found).select_related("started_by")[:JOBS_SHOWN])
    context = {
        "section": "models",
        "card": card or overview.card_of(found),
        "model": found,
        "card_html": markdown(found.card) if found.card else "",
        "history": [(job, _outcome(job)) for job in history],
        "form": form or EditForm(instance=found),
        "service_form": service_form or _service_form(found),
        "shares": shares_of(found, request.GET.get("find", "")),
        "error": error,
    }
    is_wrong = form is not None or service_form is not None
    return render(request, "catalog/model.html", context, status=error.status if error else 400 if is_wrong else 200)


def _service_form(found: AIModel) -> ServiceForm | None:
    """Return the form of a service as it is stored; the key stays out of every page (security case 38)."""
    if found.source != AIModel.Source.ENDPOINT:
        return None
    names = ("kind", "base_url", "remote_name", "title", "max_tokens")
    return ServiceForm(initial={name: getattr(found, name) for name in names})


def _outcome(job: ModelJob) -> str:
    """Return one sentence on how a job ended."""
    if job.error_code:
        return sentence_of(job.error_code, job.error_params)
    if job.kind == ModelJob.Kind.BENCHMARK:
        return " · ".join(figures(job.result))
    return trial(job.result)


@login_required
@require_POST
def work(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Test, measure, load or unload a model."""
    found = _model(request, model_id)
    try:
        managing.work(user=request.user, model=found, action=request.POST.get("action", ""))
    except AppError as error:
        return _page(request, found, error=error)
    return redirect("catalog:model", model_id)


@login_required
@require_POST
def again(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Try an import or a download once more."""
    found = _model(request, model_id)
    try:
        managing.import_again(user=request.user, model=found)
    except AppError as error:
        return _page(request, found, error=error)
    return redirect("catalog:model", model_id)


@login_required
@require_POST
def cancel(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Ask the work on a model to stop."""
    found = _model(request, model_id)
    for job in ModelJob.objects.filter(model=found, state__in=ModelJob.LIVE):
        jobs.cancel(job.pk)
    return redirect("catalog:model", model_id)


@login_required
@require_POST
def edit(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Change what people see of a model."""
    found = _model(request, model_id)
    form = EditForm(request.POST, instance=found)
    if not form.is_valid():
        return _page(request, _model(request, model_id), form=form)
    changed = {name: form.cleaned_data[name] for name in form.changed_data}
    try:
        managing.describe(user=request.user, model=found, **changed)
    except AppError as error:
        return _page(request, _model(request, model_id), error=error)
    return redirect("catalog:model", model_id)


@login_required
@require_POST
def share(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Say who may use a model."""
    found = _model(request, model_id)
    try:
        managing.share(
            user=request.user,
            model=found,
            is_open=request.POST.get("who") == "all",
            teams=_ids(request.POST.getlist("team")),
            groups=_ids(request.POST.getlist("group")),
        )
    except AppError as error:
        return _page(request, found, error=error)
    return redirect("catalog:model", model_id)


def _ids(values: list[str]) -> list[UUID]:
    try:
        return [UUID(value) for value in values]
    except ValueError:
        raise Invalid from None


@login_required
@require_POST
def remove(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Take a model out of the catalogue."""
    found = _model(request, model_id)
    try:
        managing.remove(user=request.user, model=found, with_files="files" in request.POST)
    except AppError as error:
        return _page(request, found, error=error)
    return redirect("catalog:models")


@login_required
@require_POST
def add_file(request: PersonRequest) -> HttpResponse:
    """Take a file or folder of the models folder into use."""
    require_system_admin(request.user)
    form = EntryForm(request.POST)
    if not form.is_valid():
        raise Invalid
    given = form.cleaned_data
    try:
        with transaction.atomic():
            job = importing.take(user=request.user, entry=given["entry"], title=given["title"])
            ring_for(job)
    except AppError as error:
        return add_page(request, error=error)
    return redirect("catalog:model", job.model_id)


@login_required
@require_POST
def add_service(request: PersonRequest) -> HttpResponse:
    """Enter a model that a service runs."""
    require_system_admin(request.user)
    form = ServiceForm(request.POST)
    if not form.is_valid():
        return add_page(request, service_form=form)
    try:
        job = endpoints.add(user=request.user, service=_service(form))
    except AppError as error:
        return add_page(request, error=error, service_form=form)
    return redirect("catalog:model", job.model_id)


def _service(form: ServiceForm) -> endpoints.Service:
    given = form.cleaned_data
    return endpoints.Service(
        kind=given["kind"],
        base_url=given["base_url"],
        remote_name=given["remote_name"],
        title=given["title"],
        key=given["key"] or None,
        max_tokens=given["max_tokens"] or ServiceForm.TOKENS[given["kind"]],
    )


@login_required
@require_POST
def add_hub(request: PersonRequest) -> HttpResponse:
    """Fetch a model from the hub."""
    require_system_admin(request.user)
    form = HubForm(request.POST, auto_id="hub_%s")
    if not form.is_valid():
        return add_page(request, hub_form=form)
    given = form.cleaned_data
    try:
        job = managing.fetch(
            user=request.user, hub_id=given["hub_id"], kind=given["kind"], file=given["file"], title=given["title"]
        )
    except AppError as error:
        return add_page(request, error=error, hub_form=form)
    return redirect("catalog:model", job.model_id)


@login_required
@require_POST
def edit_service(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Change the address, the name or the key of a service."""
    found = _model(request, model_id)
    if found.source != AIModel.Source.ENDPOINT:
        raise NotFound
    form = ServiceForm({**request.POST.dict(), "kind": found.kind})
    if not form.is_valid():
        return _page(request, found, service_form=form)
    try:
        endpoints.change(user=request.user, model=found, service=_service(form))
    except AppError as error:
        return _page(request, found, error=error)
    return redirect("catalog:model", model_id)


@login_required
@require_GET
def add(request: PersonRequest) -> HttpResponse:
    """Show what can be added: what lies in the models folder, services, a hub."""
    require_system_admin(request.user)
    return add_page(request)


def add_page(request: PersonRequest, *, error: AppError | None = None, **forms: Any) -> HttpResponse:
    """Return the page on which models are added, with the form that was refused."""
    found = adding_page.context(**forms) | {"error": error, "section": "models"}
    status = error.status if error else 400 if forms else 200
    return render(request, "catalog/add.html", found, status=status)
