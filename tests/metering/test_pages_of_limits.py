"""What people see of limits and use: the console, a team's pages, their own; and what is refused."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.chat.models import Message
from apps.core.invariants import verify
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Price, Quota, Resource, Scope, UsageDay, Window
from apps.metering.services import reserve, settle
from apps.users.models import Team, User
from tests import factories
from tests.metering.test_limits import group_of, key_of


def use(user: User, team: Team, count: int = 1, model: str = "a-model") -> None:
    amounts = {Resource.QUESTIONS: count, Resource.OUTPUT_TOKENS: 100 * count}
    settle(reserve(user=user, team=team, amounts=amounts, model=model).pk, amounts)


def body(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def test_it_gives_a_team_a_budget_in_one_post(root_client: Client, t1: Team, alice: User) -> None:
    use(alice, t1, 3)
    sent = {"team": str(t1.pk), "amount": "5", "resource": "questions", "window": "month"}

    answer = root_client.post(reverse("console:budget"), sent, follow=True)

    quota = Quota.objects.get()
    assert (quota.scope, quota.team, quota.limit, quota.window) == ("team", t1, 5, "month")
    assert t1.name in body(answer)
    assert "3 · 60" in body(answer)
    assert verify() == []


def test_it_counts_money_and_storage_in_their_units(root_client: Client, t1: Team) -> None:
    for resource, amount in (("money", "12.50"), ("storage_bytes", "1.5")):
        sent = {"team": str(t1.pk), "amount": amount, "resource": resource, "window": "month"}
        root_client.post(reverse("console:budget"), sent)

    assert dict(Quota.objects.values_list("resource", "limit")) == {
        "money": 12_500_000,
        "storage_bytes": 3 * 2**29,
    }
    assert "12.50 EUR per month" in body(root_client.get(reverse("console:quotas")))


def test_it_makes_changes_and_removes_a_limit(root_client: Client, alice: User) -> None:
    sent = {"scope": "user", "subject": str(alice.pk), "amount": "20", "resource": "questions", "window": "day"}
    sent |= {"warn_percent": "70", "behaviour": "block", "is_enabled": "on"}
    root_client.post(reverse("console:new-quota"), sent)
    quota = Quota.objects.get()

    page = body(root_client.get(reverse("console:quota", args=[quota.pk])))
    root_client.post(
        reverse("console:quota", args=[quota.pk]),
        sent | {"amount": "9", "scope": "system", "resource": "pages", "window": "total"},
    )
    changed = Quota.objects.get()
    root_client.post(reverse("console:remove-quota", args=[quota.pk]))

    assert 'value="20"' in page
    assert (changed.pk, changed.user, changed.resource, changed.limit) == (quota.pk, alice, "questions", 9)
    assert not Quota.objects.exists()


def test_it_asks_for_the_smaller_model_where_one_shall_answer(root_client: Client) -> None:
    sent = {"scope": "system", "amount": "20", "resource": "questions", "window": "day", "warn_percent": "70"}

    answer = root_client.post(reverse("console:new-quota"), sent | {"behaviour": "degrade", "is_enabled": "on"})

    assert answer.status_code == 422
    assert not Quota.objects.exists()


def test_it_pages_through_many_limits_with_as_many_queries(root_client: Client, root: User) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert root_client.get(address).status_code == 200
        return len(found)

    Quota.objects.create(scope=Scope.TEAM, team=factories.TeamFactory(), resource="questions", window="day", limit=1)
    few = queries(reverse("console:quotas"))
    for _ in range(60):
        Quota.objects.create(
            scope=Scope.TEAM, team=factories.TeamFactory(), resource="questions", window="day", limit=1
        )

    assert queries(reverse("console:quotas")) == few
    page = body(root_client.get(reverse("console:quotas")))
    following = page.split("after=")[1].split('"')[0]
    assert body(root_client.get(reverse("console:quotas") + f"?after={following}")).count("data-main") == 11


def test_it_lets_a_teams_admin_give_parts_but_never_more_than_the_team_has(
    ada_client: Client, t1: Team, ann: User
) -> None:
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 50, team=t1))
    group = group_of(t1, ann)
    sent = {"scope": "group", "subject": str(group.pk), "resource": "questions", "window": "day", "warn_percent": "80"}
    address = reverse("metering:team_limits", args=[t1.pk])

    above = ada_client.post(address, sent | {"amount": "51", "is_enabled": "on"})
    within = ada_client.post(address, sent | {"amount": "50", "is_enabled": "on"})

    assert (above.status_code, within.status_code) == (422, 302)
    assert Quota.objects.get(group=group).limit == 50
    assert "Research" in body(ada_client.get(address))


@pytest.mark.parametrize("scope", ["system", "team", "user"])
def test_it_keeps_a_teams_admin_from_limits_beyond_members_groups_and_keys(
    scope: str, ada_client: Client, t1: Team
) -> None:
    sent = {"scope": scope, "subject": str(t1.pk), "amount": "5", "resource": "questions", "window": "day"}

    answer = ada_client.post(
        reverse("metering:team_limits", args=[t1.pk]), sent | {"warn_percent": "80", "is_enabled": "on"}
    )

    assert answer.status_code == 422
    assert not Quota.objects.exists()


def test_it_names_nobody_of_another_team(ada_client: Client, t1: Team, t2: Team, bob: User) -> None:
    """security case 1: a team's admin limits, lists and finds only what is the team's."""
    group, key = group_of(t2, bob, name="Theirs"), key_of(bob, t2, "theirs")
    others = set_limit(Limit(Scope.GROUP, Resource.QUESTIONS, Window.DAY, 5, group=group))
    address = reverse("metering:team_limits", args=[t1.pk])
    sent = {"amount": "1", "resource": "questions", "window": "day", "warn_percent": "80", "is_enabled": "on"}

    for scope, pk in (("group", group.pk), ("key", key.pk), ("member", bob.pk)):
        assert ada_client.post(address, sent | {"scope": scope, "subject": str(pk)}).status_code == 404
        found = ada_client.get(reverse("metering:team_subjects", args=[t1.pk]), {"scope": scope, "q": ""})
        assert "Theirs" not in body(found)
        assert "theirs" not in body(found)
        assert bob.email not in body(found)
    assert "Theirs" not in body(ada_client.get(address))
    assert ada_client.post(reverse("metering:remove_team_limit", args=[t1.pk, others.pk])).status_code == 404
    assert Quota.objects.count() == 1


def test_it_shows_a_team_only_its_own_use(ada_client: Client, t1: Team, t2: Team, ann: User, bob: User) -> None:
    """security case 1: neither another team's use nor its people, by any parameter."""
    use(ann, t1, 3, model="ours")
    use(bob, t2, 456, model="theirs")
    address = reverse("metering:team_usage", args=[t1.pk])

    for query in ("", "?period=all", "?period=24h", f"?team={t2.pk}", "?show=output_tokens"):
        page = body(ada_client.get(address + query))
        assert "ours" in page
        assert "theirs" not in page
        assert bob.name not in page.replace(ann.name, "")
    assert ada_client.get(f"{address}?person={bob.pk}").status_code == 404
    assert ann.name in body(ada_client.get(f"{address}?person={ann.pk}"))
    rows = b"".join(ada_client.get(f"{address}?export=csv&team={t2.pk}")).decode()
    assert ann.email in rows
    assert bob.email not in rows


def test_it_exports_nothing_that_runs_as_a_formula(root_client: Client, root: User) -> None:
    """security case 76."""
    team = Team.objects.create(name="=HYPERLINK(1)")
    user = factories.UserFactory(email="+evil@example.test")
    factories.MembershipFactory(team=team, user=user)
    use(user, team, 2, model="@SUM")

    answer = root_client.get(reverse("metering:usage") + "?export=csv&period=7")
    lines = b"".join(answer).decode()

    assert "'=HYPERLINK(1)" in lines
    assert "'+evil@example.test" in lines
    assert "'@SUM" in lines
    assert "attachment" in answer.headers["Content-Disposition"]


def test_it_compares_a_period_with_the_one_before(root_client: Client, alice: User, t1: Team) -> None:
    use(alice, t1, 3)
    before = timezone.now().date() - timedelta(days=8)
    UsageDay.objects.create(
        day=before, team_key=t1.pk, user_key=alice.pk, model="a-model", resource="questions", amount=2
    )

    page = body(root_client.get(reverse("metering:usage") + "?period=7"))

    assert "+50 %" in page
    assert "+50 %" not in body(root_client.get(reverse("metering:usage") + "?period=all"))


@pytest.mark.parametrize("period", ["24h", "7", "30", "90", "all"])
def test_it_asks_the_same_number_of_queries_however_much_was_used(
    period: str, root_client: Client, root: User, t1: Team
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert root_client.get(reverse("metering:usage") + f"?period={period}").status_code == 200
        return len(found)

    people = [factories.MembershipFactory().user for _ in range(20)]
    use(people[0], t1)
    few = queries()
    for number, user in enumerate(people):
        use(user, user.memberships.get().team, model=f"model-{number}")

    assert queries() == few


def test_it_says_what_is_left_before_the_question_that_is_refused(ann_client: Client, ann: User, t1: Team) -> None:
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 10, team=t1))
    use(ann, t1, 5)
    assert "questions" not in body(ann_client.get(reverse("metering:left", args=["ask"])))
    use(ann, t1, 4)

    page = body(ann_client.get(reverse("metering:left", args=["ask"])))

    assert "1 of 10 questions of your team left today" in page
    assert "again at" in page
    assert "1 of 10 questions" in body(ann_client.get("/"))
    assert "1 of 10 questions" in body(ann_client.get(reverse("metering:own_usage")))
    assert ann_client.get(reverse("metering:left", args=["nothing"])).status_code == 404


def test_it_refuses_a_question_with_the_reason_and_the_reset(
    ann_client: Client, ann: User, t1: Team, library: object
) -> None:
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 0, team=t1))

    answer = ann_client.post(reverse("chat:start"), {"text": "Why?"}, headers={"accept": "application/json"})

    said = json.loads(answer.content)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert (said["code"], said["scope"], said["window"]) == ("quota-exceeded", "team", "day")
    assert "of your team" in said["detail"]
    assert not Message.objects.exists()


def test_it_has_a_smaller_model_answer_and_says_so(
    ann_client: Client, ann: User, t1: Team, chunk: object, chat_models: None
) -> None:
    set_limit(
        Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 0, team=t1, behaviour="degrade", fallback_model="small")  # type: ignore[arg-type]
    )

    ann_client.post(reverse("chat:start"), {"text": "Why?", "mode": "generate"})

    answer = Message.objects.get(role="assistant")
    assert answer.model is not None
    assert answer.model.name == "small"
    Message.objects.filter(pk=answer.pk).update(state="done", text="So.")
    page = body(ann_client.get(reverse("chat:conversation", args=[answer.conversation_id])))
    assert "Small answered instead" in page


def test_it_sets_and_removes_prices(root_client: Client) -> None:
    sent = {"model": "", "resource": "output_tokens", "price": "0.60", "starts_on": "2026-01-01"}
    root_client.post(reverse("console:prices"), sent)
    again = root_client.post(reverse("console:prices"), sent)

    price = Price.objects.get()
    assert price.micros_per_million == 600_000
    assert "0.60 EUR" in body(root_client.get(reverse("console:prices")))
    assert again.status_code in {302, 422}
    root_client.post(reverse("console:remove-price", args=[price.pk]))
    assert not Price.objects.exists()


@pytest.fixture
def chat_models(db: None) -> None:
    from apps.catalog.models import AIModel  # noqa: PLC0415

    AIModel.objects.filter(kind="chat").delete()
    for name, default in (("big", True), ("small", False)):
        AIModel.objects.create(
            name=name, title=name.title(), kind="chat", runtime="fake", state="ready", is_default=default
        )
