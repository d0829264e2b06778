"""The installation's limits and prices."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.catalog.models import AIModel
from apps.console.lists import cut
from apps.core.errors import Invalid, NotFound
from apps.core.text import uuid_or_none
from apps.metering import overview, subjects
from apps.metering.forms import BudgetForm, LimitForm, PriceForm, initial_of
from apps.metering.limits import remove_limit, set_limit
from apps.metering.models import Price, Quota, Scope
from apps.users.access import require_system_admin
from apps.users.models import Team
from apps.users.requests import PersonRequest
from apps.users.signals import tell

SCOPES = tuple(one for one in Scope if one != Scope.MEMBER)  # members are for the admins of their team
EVERYBODY = {
    Scope.SYSTEM: gettext_lazy("The whole installation"),
    Scope.TEAM: gettext_lazy("Each team"),
    Scope.GROUP: gettext_lazy("Each group"),
    Scope.USER: gettext_lazy("Each person"),
    Scope.KEY: gettext_lazy("Each API key"),
}


@login_required
@require_GET
def quotas(request: PersonRequest) -> HttpResponse:
    """List the limits of the installation; by scope, a page at a time."""
    require_system_admin(request.user)
    scope = request.GET.get("scope", "")
    found = overview.named().order_by("scope", "pk")
    if scope in Scope.values:
        found = found.filter(scope=scope)
    if after := uuid_or_none(request.GET.get("after", "")):
        last = Quota.objects.filter(pk=after).first()
        found = found.filter(pk__gt=after, scope=last.scope) | found.filter(scope__gt=last.scope) if last else found
    page, following = cut(found)
    context = {
        "section": "quotas",
        "rows": overview.rows(page),
        "settings_rows": overview.from_settings() if not scope and not after else [],
        "following": page[-1].pk if following else None,
        "scope": scope,
        "scopes": Scope.choices,
        "budget": BudgetForm(),
        "has_prices": Price.objects.exists(),
    }
    return render(request, "metering/quotas.html", context)


@login_required
@require_POST
def budget(request: PersonRequest) -> HttpResponse:
    """Give a team a budget."""
    require_system_admin(request.user)
    form = BudgetForm(request.POST)
    if not form.is_valid():
        raise Invalid
    team = Team.objects.filter(pk=form.cleaned_data["team"]).first()
    if team is None:
        raise NotFound
    quota = set_limit(form.limit(team), actor=request.user)
    told = {"team": team.name, "limit": overview.limit_text(quota)}
    messages.success(request, _("%(team)s now has %(limit)s. What was used so far counts.") % told)
    return redirect("console:quotas")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def quota(request: PersonRequest, quota_id: UUID | None = None) -> HttpResponse:
    """Make a limit or change one; whose it is cannot be changed afterwards."""
    require_system_admin(request.user)
    before = None
    if quota_id is not None:
        before = overview.named().filter(pk=quota_id).first()
        if before is None:
            raise NotFound
    form = LimitForm(
        _posted(request, before),
        scopes=tuple(Scope) if before else SCOPES,
        models=_chat_models(),
        initial=initial_of(before) if before else {"scope": Scope.TEAM},
    )
    if request.method == "POST" and form.is_valid():
        set_limit(form.limit(_named(form, before)), actor=request.user)
        messages.success(request, _("The limit holds from now on. What was used so far counts."))
        return redirect("console:quotas")
    context = {"section": "quotas", "form": form, "quota": before, "owner": overview.owner_of(before) if before else ()}
    return render(request, "metering/quota.html", context, status=422 if form.errors else 200)


def _posted(request: PersonRequest, before: Quota | None) -> Any:
    """Return what was posted; of a limit that there is, subject, resource and window stay."""
    if request.method != "POST":
        return None
    posted = request.POST.copy()
    if before is not None:
        posted.update({"scope": before.scope, "resource": before.resource, "window": before.window})
        for name in ("scope", "resource", "window"):
            posted.setlist(name, [getattr(before, name)])
    return posted


def _named(form: LimitForm, before: Quota | None) -> dict[str, Any]:
    if before is not None:
        return {"team": before.team, "user": before.user, "group": before.group, "key": before.key}
    return dict(subjects.named(form.cleaned_data["scope"], form.cleaned_data["subject"]))


@login_required
@require_POST
def remove_quota(request: PersonRequest, quota_id: UUID) -> HttpResponse:
    """Remove a limit."""
    require_system_admin(request.user)
    found = overview.named().filter(pk=quota_id).first()
    if found is None:
        raise NotFound
    remove_limit(found, actor=request.user)
    messages.success(request, _("The limit is gone."))
    return redirect("console:quotas")


@login_required
@require_GET
def quota_subjects(request: PersonRequest) -> HttpResponse:
    """List the teams, people, groups or keys that a limit can name."""
    require_system_admin(request.user)
    scope = request.GET.get("scope", "")
    if scope not in Scope.values:
        raise Invalid
    found = subjects.find(scope, request.GET.get("q", ""))
    everybody = "" if request.GET.get("one") else str(EVERYBODY.get(Scope(scope), ""))
    field = "team" if request.GET.get("one") else "subject"
    return render(request, "metering/subjects.html", {"subjects": found, "everybody": everybody, "field": field})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prices(request: PersonRequest) -> HttpResponse:
    """List what use costs, and set a price from a day on."""
    require_system_admin(request.user)
    form = PriceForm(request.POST if request.method == "POST" else None, models=_chat_models())
    if request.method == "POST" and form.is_valid():
        _save_price(request, form)
        return redirect("console:prices")
    context = {"section": "prices", "prices": Price.objects.all()[:500], "form": form}
    return render(request, "metering/prices.html", context, status=422 if form.errors else 200)


def _save_price(request: PersonRequest, form: PriceForm) -> None:
    said = form.cleaned_data
    detail = {"model": said["model"], "resource": said["resource"], "price": str(said["price"])}
    try:
        with transaction.atomic():
            price = form.save()
            tell("price.set", actor=request.user, target=price, detail=detail)
    except IntegrityError:
        messages.error(request, _("There is a price for this from that day already. Remove it first."))


@login_required
@require_POST
def remove_price(request: PersonRequest, price_id: UUID) -> HttpResponse:
    """Remove a price; what was counted by it stays."""
    require_system_admin(request.user)
    with transaction.atomic():
        price = Price.objects.filter(pk=price_id).first()
        if price is None:
            raise NotFound
        tell(
            "price.removed", actor=request.user, target=price, detail={"model": price.model, "resource": price.resource}
        )
        price.delete()
    return redirect("console:prices")


def _chat_models() -> list[str]:
    models = AIModel.objects.filter(kind=AIModel.Kind.CHAT, is_enabled=True).order_by("-is_default", "name")
    return list(models.values_list("name", flat=True))
