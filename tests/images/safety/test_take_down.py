"""Reports: anybody who sees a picture can say something; admins decide; what is taken down is gone for all at once."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.core.errors import Forbidden, NotFound
from apps.images import addresses, gallery, reports, services, tasks
from apps.images.access import access_picture
from apps.images.errors import ReasonMissing
from apps.images.models import Board, Picture, PictureReport
from apps.users.access import access_team
from apps.users.models import Membership, Team, User
from tests.images.conftest import Made, Place


@pytest.fixture
def shared(made: Made, ed: User, t1: Team) -> Picture:
    """Return a picture of the editor on a shared board."""
    return made(ed, t1, board=Board.objects.create(team=t1, owner=ed, name="All", is_shared=True))


@pytest.fixture
def report(shared: Picture, ann: User) -> PictureReport:
    """Return what the viewer says of it."""
    return reports.report(user=ann, picture=shared, reason="Not for us")


def test_a_member_reports_what_is_on_a_shared_board(ann_client: Client, bob_client: Client, shared: Picture) -> None:
    address = reverse("images:report", args=[shared.pk])

    assert ann_client.post(address, {"reason": "Not for us"}).status_code == 200
    assert ann_client.post(address, {"reason": "Really not"}).status_code == 200
    assert ann_client.post(address, {"reason": " "}).status_code == 422
    assert bob_client.post(address, {"reason": "x"}).status_code == 404
    assert [one.reason for one in PictureReport.objects.all()] == ["Really not"]
    assert AuditEvent.objects.filter(action="picture.reported").count() == 2


def test_what_is_taken_down_is_gone_for_everybody_at_once(
    shared: Picture, report: PictureReport, ada: User, ed: User, request: pytest.FixtureRequest
) -> None:
    clients = {name: request.getfixturevalue(f"{name}_client") for name in ("ed", "ann", "ada")}
    people = {name: request.getfixturevalue(name) for name in clients}
    routes = [
        reverse("images:picture", args=[shared.pk]),
        reverse("images:shown", args=[shared.pk, "full"]),
        *(reverse("images:download", args=[shared.pk, form]) for form in ("png", "jpeg", "webp")),
        f"{reverse('images:zip')}?picture={shared.pk}",
        reverse("api:image-picture", args=[shared.pk]),
        reverse("api:image-file", args=[shared.pk]),
    ]
    signed = {name: addresses.address_of(shared, people[name], "full") for name in clients}
    small = {name: addresses.address_of(shared, people[name], "thumb") for name in clients}
    assert [clients[name].get(signed[name]).status_code for name in clients] == [200] * 3

    reports.take_down(
        user=ada, access=access_team(ada, shared.team_id), report_id=report.pk, reason="Against the rules"
    )

    for name, client in clients.items():
        assert {client.get(path).status_code for path in (*routes, signed[name], small[name])} == {404}, name
    with pytest.raises(NotFound):
        access_picture(ed, shared.pk, deleted=True)
    assert gallery.page(ed, shared.team, gallery.Filters()).pictures == []
    with pytest.raises(NotFound):
        gallery.restore(user=ed, picture_ids=[shared.pk])


def test_nothing_is_drawn_from_what_was_taken_down(
    place: Place, shared: Picture, report: PictureReport, ada: User, ed: User, t1: Team
) -> None:
    job = place(ed, t1, kind="redraw", source=shared.pk)
    reports.take_down(user=ada, access=access_team(ada, t1.pk), report_id=report.pk, reason="x")

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-source-gone")
    with pytest.raises(NotFound):
        place(ed, t1, kind="redraw", source=shared.pk)
    assert services.cancel(user=ed, job=job) is False


def test_its_owner_is_told_why_until_they_have_seen_it(
    shared: Picture, report: PictureReport, ada_client: Client, ed_client: Client, ann_client: Client, ed: User
) -> None:
    address = reverse("team_images:decide", args=[shared.team_id, report.pk, "take-down"])

    assert ada_client.post(address, {"reason": " "}).status_code == 422
    assert ada_client.post(address, {"reason": "Against the rules"}).status_code == 302

    (notice,) = reports.notices_for(ed)
    assert notice.decision == "Against the rules"
    seen = reverse("team_images:notice-seen", args=[notice.pk])
    assert ann_client.post(seen).status_code == 404
    assert ed_client.post(seen).status_code == 200
    assert reports.notices_for(ed) == []
    event = AuditEvent.objects.get(action="picture.taken-down")
    assert event.detail == {"owner": ed.email, "reason": "Against the rules"}


def test_it_mails_the_owner(
    shared: Picture, report: PictureReport, ada: User, ed: User, settings: pytest.FixtureRequest,
    django_capture_on_commit_callbacks: object,
) -> None:  # fmt: skip
    settings.ENV = settings.ENV.model_copy(update={"smtp_host": "mail.test"})  # type: ignore[attr-defined]  # pytest-django's

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's
        reports.take_down(user=ada, access=access_team(ada, shared.team_id), report_id=report.pk, reason="The rules")

    (message,) = mail.outbox
    assert message.to == [ed.email]
    assert "The rules" in message.body


def test_admins_alone_decide_and_see_what_was_reported(
    shared: Picture, report: PictureReport, bob: User, ada_client: Client, ann_client: Client
) -> None:
    below = Membership.objects.filter(team=shared.team, role__in=["viewer", "editor"]).select_related("user")
    assert len(below) == 2
    for user in [membership.user for membership in below]:
        with pytest.raises(Forbidden):
            reports.take_down(user=user, access=access_team(user, shared.team_id), report_id=report.pk, reason="x")
    with pytest.raises(NotFound):
        reports.access_report(access_team(bob, bob.memberships.get().team_id), report.pk)
    thumbnail = reverse("team_images:reported", args=[shared.team_id, report.pk])
    assert ada_client.get(thumbnail).headers["Content-Type"] == "image/webp"
    assert ann_client.get(thumbnail).status_code == 403


def test_what_is_kept_settles_every_report_and_what_is_brought_back_is_there_again(
    shared: Picture, report: PictureReport, ada: User, alice: User, ed: User
) -> None:
    access = access_team(ada, shared.team_id)
    reports.report(user=alice, picture=shared, reason="I do not like it")

    reports.keep(user=ada, access=access, report_id=report.pk)

    assert {one.state for one in PictureReport.objects.all()} == {"kept"}
    with pytest.raises(NotFound):
        reports.reported_picture(access, report.pk)  # settled: an admin sees no more of it than others
    again = reports.report(user=alice, picture=shared, reason="Still")
    reports.take_down(user=ada, access=access, report_id=again.pk, reason="x")
    reports.bring_back(user=ada, access=access, report_id=again.pk)
    assert access_picture(ed, shared.pk).board_id == shared.board_id
    assert reports.notices_for(ed) == []
    with pytest.raises(ReasonMissing):
        reports.report(user=alice, picture=shared, reason="\x00 ")
