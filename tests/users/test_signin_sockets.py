"""Case 42: an open socket follows the end of its session, and a second factor that is asked for now."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from apps.chat import consumers
from apps.chat.models import Conversation
from apps.users import sessions
from apps.users.models import Team, User
from tests.sockets import ORIGIN, Socket

pytestmark = pytest.mark.django_db(transaction=True)
End = Callable[[User], object]
ENDS: dict[str, End] = {
    "one session": lambda user: sessions.forget_others(user=user, current_key=None),
    "everywhere": lambda user: sessions.end_all(user=user, actor=user),
    "factor required": lambda user: Team.objects.filter(memberships__user=user).update(requires_mfa=True),
}


@pytest.mark.parametrize("end", ENDS)
async def test_case_42_it_closes(
    end: str, conversation: Conversation, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 0.05)
    form = {"login": alice.email, "password": "correct horse battery"}
    await sync_to_async(client.post)("/accounts/login/", form)
    opened = Socket(f"/ws/chat/{conversation.pk}/", client, ORIGIN)
    assert (await opened.connect())[0]

    await sync_to_async(ENDS[end])(alice)

    assert await opened.code_of_close() == consumers.SIGNED_OUT
