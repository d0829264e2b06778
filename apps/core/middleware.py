"""Request ids, and expected failures turned into pages."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from apps.core.errors import PROBLEM_PREFIX, AppError, NotFound
from apps.core.logging import current_id
from apps.core.openai_shape import is_openai, openai_problem

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id that its log lines carry."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        token = current_id.set(uuid.uuid4().hex[:12])
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = current_id.get()
            return response
        finally:
            current_id.reset(token)


class ProblemMiddleware:
    """Turns an AppError of a page into a problem page, or into problem+json where JSON is asked for."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the page of an expected failure; unexpected ones stay Django's."""
        return problem(request, error) if isinstance(error, AppError) else None


def problem(request: HttpRequest, error: AppError) -> HttpResponse:
    """Return the answer for an expected failure: an RFC 9457 object, a fragment for htmx, or a page."""
    if is_openai(request.path):
        return openai_problem(error)
    body = problem_body(error)
    is_page = request.accepts("text/html") and not request.path.startswith("/api/")
    if is_page and not request.headers.get("Accept", "").startswith("application/json"):
        template = "core/problem.html#fragment" if getattr(request, "htmx", False) else "core/problem.html"
        response = render(request, template, {"problem": body}, status=error.status)
        for name, value in error.headers().items():
            response.headers[name] = value
        return response
    return JsonResponse(body, status=error.status, content_type="application/problem+json", headers=error.headers())


def problem_body(error: AppError) -> dict[str, object]:
    """Return the members of problem+json."""
    return {
        "type": PROBLEM_PREFIX + error.code,
        "title": str(error.title),
        "status": error.status,
        "code": error.code,
        "detail": error.sentence(),
        **error.params,
    }


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address without a route exactly like an object that is not there."""
    return problem(request, NotFound())
