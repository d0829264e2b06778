"""The pages on which rules for pictures are kept: a team's, and the installation's."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit import actions
from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel
from apps.images import reports, safety
from apps.images.models import Board, ImagePolicy, Style, WordList
from apps.users.models import Team, User
from tests import factories
from tests.images.conftest import Made, Place

RULES = {"is_enabled": "on", "is_watermarked": "on", "watermark": " 画室 \n A ", "blocked_words": "nude\n\nnude\n裸体"}


def page(team: Team) -> str:
    return reverse("team_images:page", args=[team.pk])


def test_an_admin_sets_the_rules_of_the_team(ada_client: Client, t1: Team, t2: Team) -> None:
    assert ada_client.post(page(t1), RULES).status_code == 302

    policy = ImagePolicy.objects.get(team=t1)
    assert (policy.is_enabled, policy.is_watermarked, policy.is_checked) == (True, True, False)
    assert (policy.watermark, policy.blocked_words) == ("画室 A", "nude\n裸体")
    assert safety.rules_of(t1.pk).watermark == "画室 A"
    assert safety.rules_of(t2.pk) == safety.Rules()
    event = AuditEvent.objects.get(action="image-policy.changed")
    assert event.detail == {"is_watermarked": "True", "watermark": "画室 A", "blocked_words": "2"}
    assert "裸体" in ada_client.get(page(t1)).content.decode()
    assert ada_client.post(page(t1), RULES | {"blocked_words": "x" * 81}).status_code == 422
    assert ada_client.post(page(t1), {}).status_code == 302
    assert not safety.is_open(t1)


def test_the_installations_rules_hold_for_every_team_and_its_words_are_not_shown(
    root_client: Client, ada_client: Client, t1: Team
) -> None:
    root_client.post(reverse("console:images"), RULES | {"is_checked": "on", "watermark": "Zhiku"})

    shown = ada_client.get(page(t1)).content.decode()
    assert "nude" not in shown
    assert "every picture is checked." in shown
    ada_client.post(page(t1), {"is_enabled": "on", "watermark": "", "blocked_words": ""})
    assert safety.rules_of(t1.pk) == safety.Rules(
        is_enabled=True, is_checked=True, watermark="Zhiku", blocked_words=("nude\n裸体",)
    )
    root_client.post(reverse("console:images"), {"watermark": "", "blocked_words": ""})
    assert not safety.is_open(t1)
    assert "switched the image studio off" in ada_client.get(page(t1)).content.decode()


def test_an_admin_keeps_styles(ada_client: Client, image_model: AIModel, t1: Team) -> None:
    new = reverse("team_images:style-new", args=[t1.pk])
    said = {"name": "Ink", "prompt": "{prompt}, ink", "negative": "colour", "steps": "12", "sampler": "euler_a"}

    assert ada_client.post(new, said).status_code == 302
    style = Style.objects.get(team=t1)
    assert style.settings == {"steps": 12, "sampler": "euler_a"}
    Style.objects.filter(pk=style.pk).update(settings=style.settings | {"loras": [{"name": "a"}]})
    address = reverse("team_images:style", args=[t1.pk, style.pk])
    assert ada_client.post(address, said | {"name": "Ink 2", "steps": "", "guidance": "3.5"}).status_code == 302
    style.refresh_from_db()
    assert (style.name, style.settings["guidance"], "steps" in style.settings) == ("Ink 2", 3.5, False)
    assert style.settings["loras"] == [{"name": "a"}]
    assert ada_client.post(new, said | {"name": "Ink 2"}).status_code == 422  # taken
    assert ada_client.post(new, said | {"name": "Odd", "width": "65"}).status_code == 422
    assert ada_client.post(new, said | {"name": "Odd", "sampler": "no such"}).status_code == 422
    assert "Ink 2" in ada_client.get(page(t1)).content.decode()
    assert ada_client.post(reverse("team_images:style-delete", args=[t1.pk, style.pk])).status_code == 302
    assert not Style.objects.exists()


def test_an_admin_keeps_word_lists_that_prompts_can_name(
    ada_client: Client, place: Place, alice: User, t1: Team
) -> None:
    new = reverse("team_images:words-new", args=[t1.pk])

    assert ada_client.post(new, {"name": "animals", "words": "cat"}).status_code == 302
    assert place(alice, t1, prompt="a __animals__").plan[0]["prompt"] == "a cat"
    rows = WordList.objects.get(team=t1)
    assert ada_client.post(new, {"name": "animals", "words": "dog"}).status_code == 422
    assert ada_client.post(new, {"name": "../x", "words": "dog"}).status_code == 422
    assert ada_client.post(new, {"name": "empty", "words": " "}).status_code == 422
    address = reverse("team_images:words", args=[t1.pk, rows.pk])
    assert ada_client.post(address, {"name": "animals", "words": "dog\nowl"}).status_code == 302
    assert ada_client.post(reverse("team_images:words-delete", args=[t1.pk, rows.pk])).status_code == 302
    assert not WordList.objects.exists()


def test_nobody_else_changes_a_teams_styles_and_lists(
    ann_client: Client, ed_client: Client, bob_client: Client, ada_client: Client, t1: Team, t2: Team
) -> None:
    style = Style.objects.create(team=t1, name="CANARY")
    words = WordList.objects.create(team=t1, name="canary", words="a")
    for name, row in (("style", style), ("words", words)):
        for action in (name, f"{name}-delete"):
            address = reverse(f"team_images:{action}", args=[t1.pk, row.pk])
            assert ann_client.post(address).status_code == ed_client.post(address).status_code == 403
            assert bob_client.post(address).status_code == 404
    foreign = Style.objects.create(team=t2, name="Theirs")
    assert ada_client.post(reverse("team_images:style-delete", args=[t1.pk, foreign.pk])).status_code == 404
    assert bob_client.get(page(t1)).status_code == 404
    assert ann_client.get(page(t1)).status_code == 403
    assert Style.objects.count() == 2


def test_the_console_shows_counts_and_no_picture(
    root_client: Client, alice_client: Client, place: Place, made: Made, alice: User, t2: Team
) -> None:
    t1 = alice.memberships.get().team
    place(alice, t1, prompt="CANARY-T1 prompt")
    made(alice, t1)
    ImagePolicy.objects.create(team=t2, is_enabled=False)

    shown = root_client.get(reverse("console:images")).content.decode()

    assert t1.name in shown
    assert t2.name in shown
    assert "Fake image" in shown
    assert "CANARY-T1" not in shown.replace(t1.name, "")
    assert "/images/" not in shown.split("image-teams")[1].split("image-rules")[0]
    assert alice_client.get(reverse("console:images")).status_code == 404


def test_the_pages_ask_the_database_as_often_for_many_rows(
    ada_client: Client, root_client: Client, made: Made, ed: User, ann: User, t1: Team
) -> None:
    board = Board.objects.create(team=t1, owner=ed, name="All", is_shared=True)
    counts = []
    for start in (0, 5):
        for number in range(start, start + 5):
            Style.objects.create(team=t1, name=f"S{number}")
            WordList.objects.create(team=t1, name=f"w{number}", words="a")
            reports.report(user=ann, picture=made(ed, t1, board=board), reason="x")
            made(ed, factories.TeamFactory())
        ada_client.get(page(t1))
        root_client.get(reverse("console:images"))
        with CaptureQueriesContext(connection) as queries:
            ada_client.get(page(t1))
            root_client.get(reverse("console:images"))
        counts.append(len(queries))

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "action",
    [
        *(f"picture.{name}" for name in ("refused", "reported", "kept", "taken-down", "brought-back")),
        *(f"{kind}.{name}" for kind in ("image-style", "word-list") for name in ("made", "changed", "deleted")),
        "image-policy.changed",
    ],
)
def test_the_log_has_words_for_each_action(action: str) -> None:
    assert actions.has_words(action)
    assert actions.family_of(action) is actions.FAMILIES["images"]


def test_words_are_tried_before_they_are_kept(ada_client: Client, root_client: Client, t1: Team) -> None:
    ImagePolicy.objects.create(team=None, blocked_words="hidden-word")
    address = reverse("team_images:words-try", args=[t1.pk])

    def said(prompt: str, words: str = "nude\n裸体") -> str:
        return ada_client.post(address, {"prompt": prompt, "blocked_words": words}).content.decode()

    assert "“nude”" in said("a n.u.d.e figure")
    assert "“裸体”" in said("裸 體")
    assert "may be drawn" in said("a tree")
    everywhere = said("a hidden-word in a tree")
    assert "installation" in everywhere
    assert "hidden-word" not in everywhere
    assert said("").strip() == ""
    assert "<b>" not in said("<b>", "<b>b")
    own = root_client.post(reverse("console:images-try"), {"prompt": "gore", "blocked_words": "gore"})
    assert "“gore”" in own.content.decode()
    assert ImagePolicy.objects.get().blocked_words == "hidden-word"


def test_a_mark_is_shown_before_it_is_kept(ada_client: Client, root_client: Client, t1: Team) -> None:
    def shown(words: str) -> str:
        return ada_client.get(reverse("team_images:mark", args=[t1.pk]), {"watermark": words}).content.decode()

    assert "data:image/webp;base64," in shown("画室")
    assert shown("画室") != shown("A")
    assert shown("") == shown(t1.name)
    assert shown(" 画室\n") == shown("画室")
    assert "data:image/webp" in root_client.get(reverse("console:images-mark")).content.decode()


def test_a_deleted_style_or_list_is_brought_back_once(ada_client: Client, t1: Team) -> None:
    style = Style.objects.create(team=t1, name="Ink", prompt="{prompt}, ink", settings={"steps": 12})
    words = WordList.objects.create(team=t1, name="pets", words="cat\ndog")
    undo = reverse("team_images:undo", args=[t1.pk])
    assert ada_client.post(undo).status_code == 404

    ada_client.post(reverse("team_images:style-delete", args=[t1.pk, style.pk]))
    assert undo in ada_client.get(page(t1)).content.decode()
    ada_client.post(undo)
    back = Style.objects.get()
    assert (back.team, back.name, back.prompt, back.settings) == (t1, "Ink", "{prompt}, ink", {"steps": 12})
    assert ada_client.post(undo).status_code == 404
    ada_client.post(reverse("team_images:words-delete", args=[t1.pk, words.pk]))
    WordList.objects.create(team=t1, name="pets", words="bird")
    ada_client.post(undo)
    assert WordList.objects.get().words == "bird"
    actions_told = list(AuditEvent.objects.filter(action__startswith="image-style").values_list("action", flat=True))
    assert sorted(actions_told) == ["image-style.deleted", "image-style.made"]
