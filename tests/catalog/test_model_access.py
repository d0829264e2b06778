"""Who may use which model, from the composer to the worker."""

import uuid
from typing import Any

import pytest
from django.test import Client

from apps.catalog.access import team_default, usable_models
from apps.catalog.models import AIModel, ModelAccess, TeamDefault
from apps.chat.models import Message
from apps.chat.pipeline import _model_of
from apps.users.models import Group, GroupMember, Membership, Team, User
from tests import factories

pytestmark = pytest.mark.django_db


def model(**fields: Any) -> AIModel:
    name = uuid.uuid4().hex[:8]
    given = {"name": name, "title": name, "kind": "chat", "runtime": "fake", "path": name, "state": "ready"}
    return AIModel.objects.create(**given | fields)


def test_it_opens_a_model_to_a_team_a_group_or_all(t1: Team, t2: Team, ann: User, ed: User) -> None:
    open_one, of_team, of_group, off = model(), model(is_open=False), model(is_open=False), model(is_enabled=False)
    group = Group.objects.create(team=t1, name="Writers")
    GroupMember.objects.create(group=group, membership=Membership.objects.get(user=ed, team=t1))
    ModelAccess.objects.create(model=of_team, team=t1)
    ModelAccess.objects.create(model=of_group, team=t1, group=group)

    assert set(usable_models("chat", team_id=t1.pk, user=ed)) == {open_one, of_team, of_group}
    assert set(usable_models("chat", team_id=t1.pk, user=ann)) == {open_one, of_team}
    assert set(usable_models("chat", team_id=t2.pk, user=ed)) == {open_one}
    assert off not in usable_models("chat", team_id=t1.pk)


def test_it_forgets_a_team_default_that_is_no_longer_open(t1: Team) -> None:
    chosen = model()
    TeamDefault.objects.create(team=t1, kind="chat", model=chosen)
    assert team_default("chat", team_id=t1.pk) == chosen

    AIModel.objects.filter(pk=chosen.pk).update(is_open=False)

    assert team_default("chat", team_id=t1.pk) is None


def test_security_case_28_a_model_that_is_not_open_is_refused_before_anything_is_asked(
    alice_client: Client, t1: Team
) -> None:
    factories.ChunkFactory(document__library__team=t1)
    closed = model(is_open=False)

    for chosen in (str(closed.pk), str(uuid.uuid4())):
        answer = alice_client.post("/chat/", {"text": "When?", "model": chosen})
        assert answer.status_code == 403
    assert not Message.objects.exists()


def test_security_case_9_a_model_of_another_team_answers_nobody_else(
    alice_client: Client, alice: User, t1: Team, t2: Team
) -> None:
    """A team's own model is neither offered to nor used for another team, and one closed later gives way."""
    factories.ChunkFactory(document__library__team=t1)
    theirs = model(is_open=False)
    access = ModelAccess.objects.create(model=theirs, team=t1)
    alice_client.post("/chat/", {"text": "When?", "model": str(theirs.pk)})
    message = Message.objects.get(role="assistant")
    assert _model_of(message) == theirs

    access.team = t2
    access.save()

    assert _model_of(Message.objects.get(pk=message.pk)) is None
    assert Message.objects.get(pk=message.pk).model is None
    assert theirs.title not in alice_client.get("/").content.decode()
