"""Words that may not be drawn, however they are written."""

import pytest
from django.db import transaction

from apps.audit.models import AuditEvent
from apps.images import blocking, services, tasks
from apps.images.errors import DrawingOff, PromptsTooLong, WordBlocked
from apps.images.models import ImageJob, Picture, Style, WordList
from apps.images.orders import Order
from apps.metering.models import Reservation
from apps.users.models import Team, User
from tests.images.conftest import Place, order
from tests.images.core.test_drawing import lora
from tests.images.safety.conftest import Rule

WORDS = "nude\nass\n裸体\nchild porn\nпорно\npenis"


@pytest.mark.parametrize(
    "prompt",
    [
        "a nude man", "A NUDE", "a n.u.d.e man", "n u d e", "nu\u200bde", "n\u00adude", "ｎｕｄｅ", "red,n-u-d-e",
        "(nude:1.2)", "nu(de:1.3)", "núde", "_nude_", "裸體", "裸 . 体", "一个裸体的人", "裸\u200d体", "child, porn",
        "Child  Porn", "ПОРНО", "<lora:nude-style:1>",
    ],
)  # fmt: skip
def test_it_finds_a_word_however_it_is_written(prompt: str) -> None:
    assert blocking.holds_any(["a red circle", prompt], WORDS)


@pytest.mark.parametrize(
    "prompt", ["denuded hills", "an assistant", "glass", "the pen is red", "as she", "a child", "体操", "裸麦", ""]
)
def test_it_leaves_other_words_alone(prompt: str) -> None:
    assert not blocking.holds_any([prompt], WORDS)


def test_it_reads_a_list_line_by_line() -> None:
    assert blocking.words_in(" nude \n\n...\nnude\n裸体") == ("nude", "裸体")
    assert not blocking.holds_any(["anything"], "\n . \n")


def test_it_refuses_before_anything_is_held(place: Place, rule: Rule, alice: User, t1: Team) -> None:
    rule(t1, blocked_words="nude")

    with pytest.raises(WordBlocked) as refused:
        place(alice, t1, prompt="a nude circle")

    assert "nude" not in refused.value.sentence()
    assert not ImageJob.objects.exists()
    assert not Reservation.objects.exists()
    event = AuditEvent.objects.get(action="picture.refused")
    assert (event.actor_id, event.team_id, event.detail) == (alice.pk, t1.pk, {})


@pytest.mark.parametrize(
    "prompt",
    ["[nu::0.9]de", "nu<lora:pink:1>de", "[nu|x]de", "a [cat:nu:0.5]de", "red AND [nu:x:3]de", "[[nu::2]:x:3]de"],
)
def test_it_looks_at_what_a_prompt_says_at_each_step(
    prompt: str, place: Place, rule: Rule, alice: User, t1: Team
) -> None:
    lora("pink")
    place(alice, t1, prompt=prompt)
    rule(t1, blocked_words="nude")

    with pytest.raises(WordBlocked):
        place(alice, t1, prompt=prompt)

    tasks.draw_pictures()
    assert ImageJob.objects.get().error_code == "image-word-blocked"  # the rule reaches what waited already
    assert not Picture.objects.exists()


def test_it_refuses_more_prompts_than_can_be_looked_through(
    place: Place, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_SAID", 50)
    place(alice, t1, prompt="[one|two|three]")

    with pytest.raises(PromptsTooLong):
        place(alice, t1, prompt="[one|two|three|four|five|six] and some more words")


def test_it_looks_at_what_styles_and_word_lists_make_of_a_prompt(
    place: Place, rule: Rule, alice: User, t1: Team
) -> None:
    rule(None, blocked_words="nude")
    Style.objects.create(team=t1, name="Bare", prompt="{prompt}, nude")
    WordList.objects.create(team=t1, name="kinds", words="n.u.d.e")

    for fields in ({"styles": ("Bare",)}, {"prompt": "a __kinds__ circle"}, {"prompt": "a {nude|nude} circle"}):
        with pytest.raises(WordBlocked):
            place(alice, t1, **fields)


def test_it_lets_people_name_in_the_negative_prompt_what_they_do_not_want(
    place: Place, rule: Rule, alice: User, t1: Team
) -> None:
    rule(t1, blocked_words="nude")

    assert place(alice, t1, negative="nude").state == "queued"


def test_it_knows_no_words_of_another_team(place: Place, rule: Rule, alice: User, t1: Team, t2: Team) -> None:
    rule(t2, blocked_words="circle", is_enabled=False)

    assert place(alice, t1).state == "queued"


def test_it_records_no_refusal_of_an_estimate(image_model: object, rule: Rule, alice: User, t1: Team) -> None:
    rule(t1, blocked_words="nude")

    with pytest.raises(WordBlocked), transaction.atomic():
        services.estimate(user=alice, team=t1, order=order(prompt="nude"))

    assert not AuditEvent.objects.filter(action="picture.refused").exists()


@pytest.mark.parametrize("whose", ["team", "installation"])
def test_it_draws_nothing_where_the_studio_is_off(whose: str, place: Place, rule: Rule, alice: User, t1: Team) -> None:
    rule(t1 if whose == "team" else None, is_enabled=False)

    with pytest.raises(DrawingOff):
        services.place_order(user=alice, team=t1, order=Order(prompt="a circle", width=64, height=64))
