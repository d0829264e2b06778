"""Leads people who need a second factor to where it is set up; until then nothing else answers."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.core.middleware import problem
from apps.users.errors import SecondFactorMissing
from apps.users.mfa import lacks_second_factor
from apps.users.requests import PersonRequest

GetResponse = Callable[[HttpRequest], HttpResponse]
OPEN = ("/accounts/", "/i18n/", "/static/", "/healthz", "/readyz")


class SecondFactorMiddleware:
    """A person of a team that requires a second factor, and staff after the days of grace, must set one up first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if request.user.is_authenticated and not request.path.startswith(OPEN):
            person = cast("PersonRequest", request)
            if lacks_second_factor(person.user, person.teams):
                return _lead(request)
        return self.get_response(request)


def _lead(request: HttpRequest) -> HttpResponse:
    """A page is led to the set-up; a fragment, a program and a form are told why not."""
    is_page = (
        request.method in {"GET", "HEAD"} and request.accepts("text/html") and not request.headers.get("Hx-Request")
    )
    if is_page and not request.path.startswith(("/api/", "/v1/")):
        return redirect(reverse("account_security") + "?needed=1")
    return problem(request, SecondFactorMissing())
