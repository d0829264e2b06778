"""Lets API keys in, below `/api/` and `/v1/` alone."""

from collections.abc import Callable
from contextvars import Token

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from apps.core import tenancy
from apps.core.api import api_problem
from apps.core.errors import AppError
from apps.core.openai_shape import is_openai, openai_problem
from apps.users import keys
from apps.users.access import KeyLimits, acting_key
from apps.users.api_auth import limits_of, presented_key
from apps.users.errors import SecondFactorMissing
from apps.users.mfa import lacks_second_factor
from apps.users.models import ApiKey
from apps.users.signals import api_called, happened

API = ("/api/", "/v1/")
GetResponse = Callable[[HttpRequest], HttpResponse]


class ApiKeyMiddleware:
    """Lets a key act for one request below `/api/` and `/v1/`; whatever is wrong with it ends the request with 401."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request; the limits are set anew for each, so that none inherits another's."""
        token: Token[KeyLimits | None] = acting_key.set(None)
        try:
            if request.path.startswith(API):
                try:
                    _let_in(request)
                except AppError as error:
                    return openai_problem(error) if is_openai(request.path) else api_problem(error)
            return self.get_response(request)
        finally:
            acting_key.reset(token)


def _let_in(request: HttpRequest) -> None:
    secret = presented_key(request)
    if secret is None:
        return
    request.user = AnonymousUser()  # whatever session came along: a wrong key is nobody
    with tenancy.everything("the key itself says which team it is of"):
        key = keys.find_key(secret)
    with tenancy.acting_for(key.team_id):
        if lacks_second_factor(key.user, [key.team]):
            raise SecondFactorMissing
        acting_key.set(limits_of(key))
        api_called.send(ApiKey, key=key, user=key.user, team=key.team)  # counts the call; raises QuotaExceeded
        if keys.note_use(key):
            _tell_use(key)
    request.user = key.user
    request.api_key = key  # type: ignore[attr-defined]  # read by KeyAuthentication alone


def _tell_use(key: ApiKey) -> None:
    detail = {"name": key.name, "prefix": key.prefix}
    happened.send(ApiKey, action="key.used", actor=key.user, team=key.team, target=key, detail=detail)
