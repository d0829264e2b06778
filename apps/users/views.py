"""The account page, language and theme, and signing out everywhere."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import i18n
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.forms import cleaned
from apps.users.forms import AccountForm, ThemeForm
from apps.users.models import Membership, User
from apps.users.requests import PersonRequest

THEME_COOKIE = "kb_theme"
YEAR_S = 365 * 24 * 3600


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: PersonRequest) -> HttpResponse:
    """Show and save the person's name, language and theme."""
    form = AccountForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        return _remember_theme(redirect("account"), request.user.theme)
    memberships = Membership.objects.filter(user=request.user).select_related("team").order_by("team__name")
    return render(
        request,
        "users/account.html",
        {"form": form, "memberships": memberships, "section": "profile"},
        status=400 if form.errors else 200,
    )


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme: in a cookie, so that the next page starts with it, and on the account."""
    chosen = cleaned(ThemeForm(request.POST))["theme"]
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=chosen)
    return _remember_theme(HttpResponse(status=204), chosen)


def _remember_theme(response: HttpResponse, chosen: str) -> HttpResponse:
    response.set_cookie(
        THEME_COOKIE, chosen, max_age=YEAR_S, samesite="Lax", secure=settings.ENV.behind_tls, httponly=True
    )
    return response


def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in the cookie, and on the account of a signed-in person."""
    code = request.POST.get("language", "")
    if request.method == "POST" and request.user.is_authenticated and code in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=code)
    return i18n.set_language(request)
