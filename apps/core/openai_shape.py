"""Errors as OpenAI's clients read them: {"error": {"message", "type", "param", "code"}}."""

from django.http import HttpResponse, JsonResponse

from apps.core.errors import AppError

PREFIXES = ("/v1/", "/api/v1/images/generations", "/api/v1/images/edits")
NAMES = {  # our codes that OpenAI has a name for
    "key-refused": "invalid_api_key",
    "key-ambiguous": "invalid_api_key",
    "not-authenticated": "invalid_api_key",
    "image-word-blocked": "content_policy_violation",
    "image-flagged": "content_policy_violation",
    "image-model-unknown": "model_not_found",
    "quota-exceeded": "rate_limit_exceeded",
    "image-queue-full": "rate_limit_exceeded",
}
STATUS = {"image-model-unknown": 404}
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
UNPROCESSABLE = 422  # what we say of a field, OpenAI says with 400
SERVER = 500


def is_openai(path: str) -> bool:
    """Return whether an address speaks OpenAI's language."""
    return path.startswith(PREFIXES)


def status_of(error: AppError) -> int:
    """Return the status that OpenAI's clients expect for a failure."""
    return STATUS.get(error.code, 400 if error.status == UNPROCESSABLE else error.status)


def body_of(*, message: str, status: int, code: str, param: str | None = None) -> dict[str, object]:
    """Return an error's body."""
    kind = TYPES.get(status, "server_error" if status >= SERVER else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": NAMES.get(code, code)}}


def openai_body(error: AppError) -> dict[str, object]:
    """Return an expected failure as a body."""
    field = error.params.get("field")
    message = error.sentence()
    if field and str(field) not in message:
        message = f"{message}: {field}"
    return body_of(message=message, status=status_of(error), code=error.code, param=str(field) if field else None)


def openai_problem(error: AppError) -> HttpResponse:
    """Return the answer for an expected failure outside of a view."""
    return JsonResponse(openai_body(error), status=status_of(error), headers=error.headers())
