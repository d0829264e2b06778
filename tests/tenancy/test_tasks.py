"""Entry points without a browser: every task, socket command and admin action is known, and ids there are only hints.

A new one fails a test here until it is listed with what keeps it inside its team.
"""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from celery import current_app

import kb_project.celery  # noqa: F401 -- tells Celery where tasks are
from apps.chat.consumers import ConversationConsumer
from apps.chat.models import Conversation, Message
from apps.console.admin_site import site
from apps.core import tenancy
from apps.libraries.models import AskedQuestion, Chunk, Library
from apps.users.models import Team, User
from tests import factories
from tests.tenancy.canaries import Canaries
from tests.tenancy.conftest import as_role

SYSTEM = "takes nothing: works through what its own tables say, for all teams"
HINT = "takes an id of a row that says whose it is; works for that row's team alone"
TOKEN = "takes a random name of something in the cache that a gate put there, with the person to search for"
TASKS = {
    "apps.catalog.tasks.fetch_models": SYSTEM,
    "apps.catalog.tasks.poll": SYSTEM,
    "apps.catalog.tasks.run_models": SYSTEM,
    "apps.chat.tasks.answer_message": HINT,
    "apps.chat.tasks.purge": SYSTEM,
    "apps.chat.tasks.reap": SYSTEM,
    "apps.chat.tasks.search_for_program": TOKEN,
    "apps.console.tasks.check": SYSTEM,
    "apps.console.tasks.pulse": SYSTEM,
    "apps.console.tasks.sample": SYSTEM,
    "apps.evaluation.gap_tasks.collect_gaps": SYSTEM,
    "apps.evaluation.gap_tasks.rerun_gap": HINT,
    "apps.evaluation.tasks.compare_words": HINT,
    "apps.evaluation.tasks.draft_questions": HINT,
    "apps.evaluation.tasks.find_passages": TOKEN,
    "apps.evaluation.tasks.poll_runs": SYSTEM,
    "apps.evaluation.tasks.run_search_test": TOKEN,
    "apps.evaluation.tasks.start_nightly": SYSTEM,
    "apps.evaluation.tasks.work_runs": SYSTEM,
    "apps.images.assistant_tasks.find_scenes": SYSTEM,
    "apps.images.assistant_tasks.poll_stories": SYSTEM,
    "apps.images.assistant_tasks.write_prompt": TOKEN,
    "apps.images.tasks.draw_pictures": SYSTEM,
    "apps.images.tasks.poll": SYSTEM,
    "apps.images.tasks.purge": SYSTEM,
    "apps.ingestion.tasks.clean_vectors": SYSTEM,
    "apps.ingestion.tasks.embed_changed": SYSTEM,
    "apps.ingestion.tasks.embed_pending": SYSTEM,
    "apps.ingestion.tasks.index_document": HINT,
    "apps.ingestion.tasks.poll": SYSTEM,
    "apps.ingestion.tasks.preview_chunks": TOKEN,
    "apps.ingestion.tasks.read_document": HINT,
    "apps.ingestion.tasks.sweep": SYSTEM,
    "apps.ingestion.tasks.switch_model": SYSTEM,
    "apps.ingestion.web.tasks.poll_sources": SYSTEM,
    "apps.ingestion.web.tasks.visit_source": HINT,
    "apps.libraries.tasks.apply_words": HINT,
    "apps.libraries.tasks.embed_questions": SYSTEM,
    "apps.libraries.tasks.poll_questions": SYSTEM,
    "apps.libraries.tasks.poll_words": SYSTEM,
    "apps.libraries.tasks.purge": SYSTEM,
    "apps.libraries.tasks.remind": SYSTEM,
    "apps.metering.tasks.reap": SYSTEM,
    "apps.metering.tasks.sum_up_days": SYSTEM,
    "apps.users.tasks.remove_teams": SYSTEM,
    "apps.users.tasks.send_invitations": SYSTEM,
}
COMMANDS = {"follow", "stop"}  # of the conversation's socket; tests/chat/test_socket.py speaks for each
ADMIN_ACTIONS: set[str] = set()  # Django's admin is for reading


def _tasks() -> dict[str, object]:
    current_app.loader.import_default_modules()
    return {name: task for name, task in current_app.tasks.items() if name.startswith("apps.")}


def test_it_lists_every_task_and_no_other() -> None:
    assert set(_tasks()) == set(TASKS)


def test_it_says_of_tasks_that_take_nothing_that_they_do() -> None:
    for name, task in _tasks().items():
        takes = bool(task.run.__code__.co_argcount)  # type: ignore[attr-defined]
        assert takes == (TASKS[name] != SYSTEM), name


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(name for name, kind in TASKS.items() if kind == HINT))
def test_it_does_nothing_for_an_id_that_is_not_there(name: str) -> None:
    task = _tasks()[name]
    arguments = [str(uuid4())] * task.run.__code__.co_argcount  # type: ignore[attr-defined]

    task.run(*arguments)  # type: ignore[attr-defined]


def test_it_lists_every_command_of_a_socket() -> None:
    source = Path(__file__).parents[2] / "apps/chat/consumers.py"
    assert ConversationConsumer.__module__ == "apps.chat.consumers"
    assert set(re.findall(r'case "(\w+)":', source.read_text())) == COMMANDS


def test_it_lists_every_action_of_the_admin() -> None:
    found = {action for admin in site._registry.values() for action in (admin.actions or ())}
    assert found | set(dict(site.actions)) - {"delete_selected"} == ADMIN_ACTIONS


def test_it_answers_by_the_rights_of_the_moment(t1: Team, t2: Team, alice: User, embedding_model: object) -> None:
    """Security case 20 for a queued task: a question that waits when its asker leaves is answered from nothing."""
    filled = Canaries(t1, alice, "CANARY-T1")
    library = filled.rows[Library]
    conversation = factories.ConversationFactory(team=t1, owner=alice)
    conversation.libraries.add(library)
    question = factories.MessageFactory(conversation=conversation, text="When does water boil?")
    answer = Message.objects.create(
        conversation=conversation, role=Message.Role.ASSISTANT, parent=question, state=Message.State.PENDING
    )
    alice.memberships.all().delete()

    _tasks()["apps.chat.tasks.answer_message"].run(str(answer.pk))  # type: ignore[attr-defined]

    answer.refresh_from_db()
    assert answer.state != Message.State.PENDING
    assert "CANARY-T1" not in answer.text
    assert not answer.citations.exists()


def test_it_narrows_a_task_to_the_team_of_its_row(t1: Team, t2: Team, alice: User, bob: User) -> None:
    """What the context of a task says is what its statements see, in this thread and no other."""
    Canaries(t1, alice, "CANARY-T1")
    Canaries(t2, bob, "CANARY-T2")
    with as_role(), tenancy.acting_for(t1.pk):
        assert not Chunk.objects.exclude(team=t1).exists()
        assert not Conversation.objects.exclude(team=t1).exists()
        assert not AskedQuestion.objects.exclude(team=t1).exists()
        assert Chunk.objects.exists()
