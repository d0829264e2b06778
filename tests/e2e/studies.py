"""What people ask of the library of `shelf`, and what its editors make of it; run inside the installation."""

import time
from collections.abc import Callable

from django.urls import reverse

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.chat import feedback, services
from apps.chat.models import Message
from apps.evaluation import gaps, runs, set_services
from apps.evaluation.models import Gap, QuestionSet, Run, SetQuestion
from apps.evaluation.tasks import work_runs
from apps.ingestion.tasks import ring
from apps.libraries import asked, curated, word_changes
from apps.libraries.models import Chunk, Document, Library
from apps.libraries.tasks import embed_questions
from apps.libraries.wording import Wording
from apps.users.models import User

WAIT_S = 120.0
CURATED = "员工怎样修改密码？"
TALK = ["货到多少日内付款？", "它违约怎么办？", "付款和违约有什么区别？", "谁维修无人机？ 标签:合同", CURATED]
ASKED = [
    ("货到多少日内付款？", "三十日", "text", SetQuestion.State.ACCEPTED),
    ("满一年的员工有多少天年假？", "十五天", "rules", SetQuestion.State.ACCEPTED),
    ("谁维修无人机？", "", "", SetQuestion.State.ACCEPTED),
    ("逾期每日付多少违约金？", "", "text", SetQuestion.State.DRAFT),
]


def study(admin: User, library: Library, documents: dict[str, Document]) -> dict[str, str]:
    """Have questions asked, answered by an editor, gathered and measured; returns the addresses of what came of it."""
    draft = curated.Draft(CURATED, "打开**账户**，点“修改密码”。", ("忘了密码怎么办？",))
    curated.create(user=admin, library=library, draft=draft)
    off = curated.create(user=admin, library=library, draft=curated.Draft("食堂几点开门？", "十一点半。"))
    curated.switch(user=admin, curated=off, is_enabled=False)
    gather()
    talk = _talk(admin, library)
    gather()
    questions = _questions(admin, library, documents)
    before, after = (_run(admin, questions, kind) for kind in (Run.Kind.RETRIEVAL, Run.Kind.ANSWERS))
    word_changes.save_draft(user=admin, library=library, wording=Wording(("弹性工作",), (("年假", "带薪假"),)))
    at = [library.pk, questions.pk]
    return {
        "talk": reverse("chat:conversation", args=[talk]),
        "gap": reverse("evaluation:gap", args=[library.pk, Gap.objects.filter(library=library)[0].pk]),
        "set": reverse("evaluation:set", args=at),
        "run": reverse("evaluation:run", args=[library.pk, after.pk]),
        "compare": f"{reverse('evaluation:compare', args=at)}?run={before.pk}&run={after.pk}&show=all",
    }


def gather() -> None:
    """Do now what beat does every few minutes: vectors of questions and of curated answers, then gaps."""
    model = default_model(AIModel.Kind.EMBEDDING)
    embed_questions.delay()
    until(lambda: not asked.waiting(model).exists() and not curated.waiting(model, 1))
    gaps.collect()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    last = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.2)


def _talk(admin: User, library: Library) -> object:
    """Ask one question after the other in one chat; the last but one is voted down. Returns the chat's id."""
    choice = services.Choice(library_ids=(library.pk,), mode="quote")
    answer = services.start(user=admin, team=library.team, text=TALK[0], choice=choice)
    answers = [_settled(answer)]
    answers += [_settled(services.ask(user=admin, conversation=answer.conversation, text=text)) for text in TALK[1:]]
    feedback.give(user=admin, message=answers[-2], vote=-1, reasons=["incomplete"], comment="没有说是谁。")
    return answer.conversation_id


def _settled(answer: Message) -> Message:
    until(lambda: not Message.objects.get(pk=answer.pk).is_live)
    return Message.objects.get(pk=answer.pk)


def _questions(admin: User, library: Library, documents: dict[str, Document]) -> QuestionSet:
    questions = set_services.create_set(user=admin, library=library, name="常问问题", description="每月看一次。")
    for text, answer, name, state in ASKED:
        gold = Chunk.objects.filter(document=documents[name], is_enabled=True)[:1] if name else []
        answers = [answer] if answer else []
        set_services.add_question(
            user=admin, questions=questions, text=text, gold=gold, answers=answers, state=state, note="财务问的"
        )
    return questions


def _run(admin: User, questions: QuestionSet, kind: str) -> Run:
    chosen = runs.Settings.of_library(questions.library, "quote")
    run = runs.start(user=admin, questions=questions, kind=kind, chosen=chosen)
    ring(work_runs)
    until(lambda: Run.objects.get(pk=run.pk).state not in Run.LIVE)
    return run
