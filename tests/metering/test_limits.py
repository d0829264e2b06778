"""Limits of groups, members and keys; those that begin late; money; a smaller model at a limit."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import override_settings
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.core.invariants import verify
from apps.metering.errors import QuotaExceeded
from apps.metering.limits import Limit, forget_team, member_key, recount_settings, remove_limit, set_limit
from apps.metering.models import Counter, Price, Quota, Resource, Scope, UsageDay, UsageEvent, Window
from apps.metering.services import Held, add_use, release, remaining, reserve, settle, spend
from apps.users.access import KeyLimits, acting_key
from apps.users.models import ApiKey, Group, GroupMember, Membership, Role, Team, User
from tests import factories

QUESTION = {Resource.QUESTIONS: 1}


def limit(scope: Scope, amount: int, **fields: object) -> Quota:
    values = {"resource": Resource.QUESTIONS, "window": Window.DAY} | fields
    return set_limit(Limit(scope=scope, limit=amount, **values))


def ask(user: User, team: Team, count: int = 1, **amounts: int) -> Held:
    held = reserve(user=user, team=team, amounts={Resource.QUESTIONS: count, **amounts})
    settle(held.pk, {Resource.QUESTIONS: count, **amounts})
    return held


def group_of(team: Team, *people: User, name: str = "Research") -> Group:
    group = Group.objects.create(team=team, name=name)
    for user in people:
        GroupMember.objects.create(group=group, membership=Membership.objects.get(team=team, user=user))
    return group


def key_of(user: User, team: Team, name: str = "script") -> ApiKey:
    return ApiKey.objects.create(team=team, user=user, name=name, prefix=f"zk_{name}"[:16], secret_hash="0" * 64)


@pytest.fixture
def acting() -> Iterator[Callable[[ApiKey], None]]:
    tokens = []

    def act(key: ApiKey) -> None:
        tokens.append(acting_key.set(KeyLimits(key.pk, key.team_id, frozenset(), None)))

    yield act
    for token in reversed(tokens):
        acting_key.reset(token)


def test_it_counts_the_members_of_a_group_together(alice: User, ann: User, ed: User, t1: Team) -> None:
    group = group_of(t1, alice, ann)
    limit(Scope.GROUP, 2, group=group)

    ask(alice, t1)
    ask(ann, t1)
    with pytest.raises(QuotaExceeded) as refused:
        ask(alice, t1)
    ask(ed, t1)

    assert refused.value.params["scope"] == "group"
    assert verify() == []


def test_it_binds_a_person_by_each_of_their_groups(alice: User, ann: User, t1: Team) -> None:
    limit(Scope.GROUP, 5, group=group_of(t1, alice))
    limit(Scope.GROUP, 1, group=group_of(t1, alice, ann, name="Few"))

    ask(alice, t1)

    with pytest.raises(QuotaExceeded):
        ask(alice, t1)


def test_it_gives_back_to_the_group_somebody_was_in_when_they_asked(alice: User, t1: Team) -> None:
    group = group_of(t1, alice)
    limit(Scope.GROUP, 2, group=group)
    held = reserve(user=alice, team=t1, amounts=QUESTION)
    GroupMember.objects.all().delete()

    release(held.pk)

    assert Counter.objects.get(scope=Scope.GROUP).held == 0
    assert verify() == []


def test_it_leaves_a_member_alone_in_their_other_teams(alice: User, t1: Team, t2: Team) -> None:
    factories.MembershipFactory(team=t2, user=alice, role=Role.VIEWER)
    limit(Scope.MEMBER, 1, team=t1, user=alice)

    ask(alice, t1)
    ask(alice, t2, 5)

    with pytest.raises(QuotaExceeded):
        ask(alice, t1)
    assert verify() == []


def test_it_limits_each_member_of_a_team_and_lets_a_named_row_decide(alice: User, ann: User, t1: Team) -> None:
    limit(Scope.MEMBER, 9)
    limit(Scope.MEMBER, 1, team=t1)
    limit(Scope.MEMBER, 3, team=t1, user=ann)

    ask(alice, t1)
    ask(ann, t1, 3)

    for person in (alice, ann):
        with pytest.raises(QuotaExceeded):
            ask(person, t1)
    assert verify() == []


def test_it_counts_a_key_beside_its_person(alice: User, t1: Team, acting: Callable[[ApiKey], None]) -> None:
    key = key_of(alice, t1)
    limit(Scope.KEY, 1, key=key)
    ask(alice, t1, 3)

    acting(key)
    ask(alice, t1)

    with pytest.raises(QuotaExceeded) as refused:
        ask(alice, t1)
    assert refused.value.params["scope"] == "key"
    assert set(UsageDay.objects.values_list("api_key", "amount")) == {(None, 3), (key.pk, 1)}
    assert verify() == []


@pytest.mark.parametrize("window", [Window.MINUTE, Window.DAY, Window.MONTH, Window.TOTAL])
@pytest.mark.parametrize("scope", list(Scope))
def test_it_counts_what_was_used_before_the_limit_was_made(
    scope: Scope, window: Window, alice: User, t1: Team, acting: Callable[[ApiKey], None]
) -> None:
    group, key = group_of(t1, alice), key_of(alice, t1)
    acting(key)
    ask(alice, t1, 3)
    reserve(user=alice, team=t1, amounts={Resource.QUESTIONS: 2})

    limit(scope, 10, window=window)

    (left,) = [one for one in remaining(alice, t1) if (one.scope, one.window, one.limit) == (scope, window, 10)]
    subjects = {
        Scope.TEAM: t1.pk, Scope.USER: alice.pk, Scope.GROUP: group.pk, Scope.KEY: key.pk, Scope.SYSTEM: UUID(int=0),
        Scope.MEMBER: member_key(t1.pk, alice.pk),
    }  # fmt: skip
    assert (left.used, left.subject) == (5, subjects[scope])
    assert verify() == []


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, id=one) for one in ("team", "user", "group", "key")],
)
def test_it_counts_before_a_named_limit_too(name: str, alice: User, t1: Team, acting: Callable[[ApiKey], None]) -> None:
    key = key_of(alice, t1)
    named = {"team": t1, "user": alice, "group": group_of(t1, alice), "key": key}
    acting(key)
    ask(alice, t1, 4)

    limit(Scope(name), 4, window=Window.TOTAL, **{name: named[name]})

    with pytest.raises(QuotaExceeded):
        ask(alice, t1)
    assert verify() == []


def test_it_forgets_the_counter_of_a_limit_that_is_gone_and_finds_it_again(alice: User, t1: Team) -> None:
    quota = limit(Scope.TEAM, 5, window=Window.TOTAL)
    ask(alice, t1, 2)

    remove_limit(quota)
    ask(alice, t1, 2)
    assert not Counter.objects.filter(scope=Scope.TEAM).exists()
    limit(Scope.TEAM, 5, window=Window.TOTAL)

    assert Counter.objects.get(scope=Scope.TEAM).used == 4
    assert verify() == []


def test_it_counts_on_while_a_named_row_lifts_the_limit_and_then_does_not(alice: User, t1: Team) -> None:
    limit(Scope.TEAM, 3, window=Window.TOTAL)
    ask(alice, t1, 2)
    limit(Scope.TEAM, 3, window=Window.TOTAL, team=t1, is_enabled=False)
    ask(alice, t1, 7)

    limit(Scope.TEAM, 12, window=Window.TOTAL, team=t1)
    ask(alice, t1, 3)

    with pytest.raises(QuotaExceeded):
        ask(alice, t1)
    assert verify() == []


def test_it_sees_that_the_settings_make_another_limit(alice: User, t1: Team) -> None:
    add_use(user=alice, team=t1, amounts={Resource.STORAGE_BYTES: 2**20})
    from django.conf import settings  # noqa: PLC0415

    with override_settings(ENV=settings.ENV.model_copy(update={"team_storage_mib": 2})):
        recount_settings()
        assert verify() == []
        with pytest.raises(QuotaExceeded):
            reserve(user=alice, team=t1, amounts={Resource.STORAGE_BYTES: 2**20 + 1})


def test_it_drops_the_counters_of_a_team_that_goes(alice: User, bob: User, t1: Team, t2: Team) -> None:
    for scope in (Scope.TEAM, Scope.MEMBER, Scope.SYSTEM):
        limit(scope, 50)
    limit(Scope.TEAM, 5, team=t1, window=Window.MONTH)
    ask(alice, t1)
    ask(bob, t2)

    forget_team(t1.pk)

    assert set(Counter.objects.exclude(scope=Scope.USER).values_list("subject", flat=True)) == {
        t2.pk,
        member_key(t2.pk, bob.pk),
        UUID(int=0),
    }
    assert not Quota.objects.filter(team=t1).exists()


def test_it_costs_what_the_newest_price_says(alice: User, t1: Team) -> None:
    today = timezone.now().date()
    prices = [("", "output_tokens", 1_000_000, 0), ("big", "output_tokens", 9_000_000, 30),
              ("big", "output_tokens", 8_000_000, 1), ("big", "output_tokens", 1, -1),
              ("big", "questions", 2_000_000_000, 9)]  # fmt: skip
    for model, resource, micros, days in prices:
        Price.objects.create(
            model=model, resource=resource, micros_per_million=micros, starts_on=today - timedelta(days=days)
        )
    limit(Scope.TEAM, 10_000, resource=Resource.MONEY, window=Window.MONTH)

    held = reserve(user=alice, team=t1, amounts={Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 100}, model="big")
    assert Counter.objects.get(resource="money").held == 2_000 + 800
    settle(held.pk, {Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 10})
    spend(user=alice, team=t1, amounts={Resource.OUTPUT_TOKENS: 7}, model="small")

    assert list(UsageEvent.objects.filter(resource="money").values_list("model", "amount").order_by("amount")) == [
        ("small", 7),
        ("big", 2_080),
    ]
    assert Counter.objects.get(resource="money").used == 2_087
    with pytest.raises(QuotaExceeded):
        reserve(user=alice, team=t1, amounts={Resource.OUTPUT_TOKENS: 1_000}, model="big")
    assert verify() == []


def test_it_falls_back_to_a_smaller_model_at_the_limit(alice: User, t1: Team) -> None:
    limit(Scope.TEAM, 2, behaviour="degrade", fallback_model="small")
    limit(Scope.USER, 4, user=alice)

    models = [reserve(user=alice, team=t1, amounts=QUESTION, model="big") for _ in range(4)]

    assert [held.model for held in models] == ["big", "big", "small", "small"]
    assert models[1].degraded is None
    assert models[2].degraded is not None
    with pytest.raises(QuotaExceeded):
        reserve(user=alice, team=t1, amounts=QUESTION, model="big")
    assert verify() == []


def test_it_warns_before_the_limit(alice: User, t1: Team) -> None:
    limit(Scope.TEAM, 5, warn_percent=60)

    near = [ask(alice, t1).warnings for _ in range(3)]

    assert [len(one) for one in near] == [0, 0, 1]
    assert (near[2][0].used, near[2][0].limit) == (3, 5)
    assert [one.is_warning for one in remaining(alice, t1) if one.scope == Scope.TEAM] == [True]


def test_it_holds_answers_under_way_and_never_counts_them(alice: User, t1: Team) -> None:
    limit(Scope.TEAM, 1, resource=Resource.GENERATIONS, window=Window.TOTAL)
    held = reserve(user=alice, team=t1, amounts=QUESTION | {Resource.GENERATIONS: 1})
    with pytest.raises(QuotaExceeded) as refused:
        reserve(user=alice, team=t1, amounts=QUESTION | {Resource.GENERATIONS: 1})

    settle(held.pk, QUESTION)

    assert refused.value.headers() == {"Retry-After": "5"}
    reserve(user=alice, team=t1, amounts=QUESTION | {Resource.GENERATIONS: 1})
    assert verify() == []


def test_it_settles_a_reservation_of_a_window_that_ended(alice: User, t1: Team) -> None:
    limit(Scope.TEAM, 5, window=Window.MINUTE)
    from apps.metering.models import Reservation  # noqa: PLC0415

    held = reserve(user=alice, team=t1, amounts=QUESTION)
    then = timezone.now() - timedelta(hours=2)
    Reservation.objects.filter(pk=held.pk).update(created_at=then)
    Counter.objects.filter(window=Window.MINUTE).update(starts_at=then.replace(second=0, microsecond=0))
    Counter.objects.exclude(window=Window.MINUTE).delete()

    settle(held.pk, QUESTION | {Resource.PROMPT_TOKENS: 5})

    assert set(Counter.objects.filter(window=Window.MINUTE).values_list("used", "held")) == {(1, 0)}


def test_it_records_who_changed_a_limit(root: User, t1: Team) -> None:
    quota = set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 5, team=t1), actor=root)
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, 7, team=t1), actor=root)
    remove_limit(quota, actor=root)

    events = AuditEvent.objects.order_by("sequence").values_list("action", "detail")
    assert [(action, detail["limit"]) for action, detail in events] == [
        ("quota.set", "5"),
        ("quota.set", "7"),
        ("quota.removed", "5"),
    ]
