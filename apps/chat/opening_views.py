"""Break-glass pages: asking to read a conversation, deciding on it, reading it, and the owner's notice."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.chat import openings
from apps.chat.errors import NoSecondAdmin, OpeningWithoutReason
from apps.chat.thread import rounds_of
from apps.users.access import require_system_admin
from apps.users.accounts import account_of
from apps.users.requests import PersonRequest


@login_required
@require_GET
def conversations(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Show when a person talked and how long, never about what."""
    require_system_admin(request.user)
    person = account_of(user_id)
    context = {
        "section": "users",
        "person": person,
        "outlines": openings.outlines_of(admin=request.user, person=person),
        "has_second": openings.has_second_admin(request.user),
        "shortest": openings.SHORTEST_REASON,
        "longest": openings.LONGEST_REASON,
    }
    return render(request, "chat/outlines.html", context)


@login_required
@require_POST
def ask(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Ask to read one conversation."""
    reason = request.POST.get("reason", "")
    try:
        opening = openings.ask(admin=request.user, conversation_id=conversation_id, reason=reason)
    except (OpeningWithoutReason, NoSecondAdmin) as error:
        messages.error(request, error.sentence())
        return redirect("chat:openings")
    messages.success(request, _("Another administrator must allow it now. The owner will be told when it is opened."))
    return redirect("chat:conversations-of", opening.conversation.owner_id)


@login_required
@require_GET
def listing(request: PersonRequest) -> HttpResponse:
    """Show what was asked for, by whom, and what came of it."""
    context = {
        "section": "openings",
        "openings": openings.listed(admin=request.user),
        "has_second": openings.has_second_admin(request.user),
    }
    return render(request, "chat/openings.html", context)


@login_required
@require_POST
def decide(request: PersonRequest, opening_id: UUID) -> HttpResponse:
    """Allow or refuse another administrator's wish."""
    openings.decide(admin=request.user, opening_id=opening_id, allow=request.POST.get("allow") == "yes")
    return redirect("chat:openings")


@login_required
@require_POST
def end(request: PersonRequest, opening_id: UUID) -> HttpResponse:
    """Close an opening before its time."""
    openings.end(admin=request.user, opening_id=opening_id)
    return redirect("chat:openings")


@login_required
@require_GET
def reading(request: PersonRequest, opening_id: UUID) -> HttpResponse:
    """Show the conversation, to read alone; the sources of its answers stay closed."""
    opening = openings.read(admin=request.user, opening_id=opening_id)
    context = {
        "section": "openings",
        "opening": opening,
        "rounds": rounds_of(opening.conversation, opening.conversation.owner),
    }
    response = render(request, "chat/opened.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def acknowledge(request: PersonRequest, opening_id: UUID) -> HttpResponse:
    """Keep that the owner saw that their conversation was opened."""
    openings.acknowledge(user=request.user, opening_id=opening_id)
    return HttpResponse(status=200)
