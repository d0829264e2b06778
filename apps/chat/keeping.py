"""Makes a curated answer of an answer in a chat: what the form begins with, and where it may go."""

import re
from collections.abc import Sequence
from uuid import UUID

from apps.chat.models import Message
from apps.chat.thread import question_of
from apps.libraries.curated import Draft
from apps.libraries.models import Level, Library
from apps.users.models import User

_MARKS = re.compile(r"[ \u00a0]*\[\d{1,3}\](?!\()")


def libraries_for(user: User, message: Message) -> Sequence[Library]:
    """Return the libraries that the person may write answers for: those of the chat's question first."""
    found = Library.objects.allowing(user, Level.WRITE).filter(team=message.conversation.team_id).order_by("name")
    searched = {str(each) for each in message.library_ids}
    cited = {str(library) for library in message.citations.values_list("document__library", flat=True)}
    return sorted(found, key=lambda each: (str(each.pk) not in cited, str(each.pk) not in searched, each.name))


def may_keep(user: User, team_id: UUID) -> bool:
    """Return whether the person may write answers for any library of the team."""
    return Library.objects.allowing(user, Level.WRITE).filter(team=team_id).exists()


def draft_of(message: Message) -> Draft:
    """Return the question as it was searched for, and the answer without its marks; a refusal is none."""
    asked = question_of(message).text
    searched = str(message.steps.get("question") or asked)
    is_own = not message.steps.get("was_rewritten") and not message.steps.get("operators")
    variants = (asked,) if searched != asked and is_own else ()
    answer = "" if message.is_refusal else _MARKS.sub("", message.text).strip()
    return Draft(" ".join(searched.split()), answer, variants)
