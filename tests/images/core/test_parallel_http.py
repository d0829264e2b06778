"""Security case 39 over HTTP: of 50 requests at once, the product's own server takes what the budget holds, no more."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter as Count
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import settings
from django.db import connection

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.images import services, tasks
from apps.images.models import ImageJob, Picture
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Counter, Reservation, Resource, Scope, UsageEvent, Window
from apps.users import keys
from apps.users.access import access_team
from apps.users.models import KeyScope, Team
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
CALLS, BUDGET = 50, 5
START_S = 60.0
STEPS = 17  # thousands of pixel-steps of one of these orders: 64 x 64 x 4, rounded up
ORDER = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4}
SERVER = """
import sys
import django
django.setup()
import uvicorn
uvicorn.run("kb_project.asgi:application", fd=int(sys.argv[1]), log_level="warning", lifespan="off")
"""


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    """Run the product's web process on the test's database; yield its port."""
    setup = (
        "from django.conf import settings\n"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r}\n"
        f"settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}\nsettings.ALLOWED_HOSTS = ['127.0.0.1']\n"
        "settings.CELERY_BROKER_URL = 'memory://'\n"
    )
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2 * CALLS)
        number: int = listening.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-c", setup + SERVER, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
            cwd=Path(__file__).resolve().parents[3],
            start_new_session=True,
        )
        try:
            _wait_for(number)
            yield number
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if asked(port, "GET", "/healthz", {})[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not start")


def asked(port: int, method: str, path: str, headers: dict[str, str], body: object = None) -> tuple[int, str]:
    """Return the status and the header Retry-After of an answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as wire:
        wire.request(method, path, json.dumps(body), {"Content-Type": "application/json"} | headers)
        answer = wire.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After", "")


@pytest.mark.parametrize(("resource", "limit"), [(Resource.PICTURES, BUDGET), (Resource.PIXEL_STEPS, BUDGET * STEPS)])
def test_case_39_exactly_as_many_orders_as_the_budget_holds(
    port: int, image_model: AIModel, resource: Resource, limit: int
) -> None:
    team: Team = factories.TeamFactory()
    secrets = [_key(team) for _ in range(3)]
    set_limit(Limit(Scope.TEAM, resource, Window.DAY, limit, team=team), actor=None)
    barrier = Barrier(CALLS)

    def order(number: int) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {secrets[number % 3]}"}
        barrier.wait()
        return asked(port, "POST", "/api/v1/images/jobs", headers, ORDER)

    with ThreadPoolExecutor(CALLS) as pool:
        answers = list(pool.map(order, range(CALLS)))

    assert Count(status for status, _after in answers) == {202: BUDGET, 429: CALLS - BUDGET}
    assert all(int(after) > 0 for status, after in answers if status == 429)
    assert ImageJob.objects.count() == Reservation.objects.filter(state="open").count() == BUDGET
    _drawn_and_one_cancelled(team, resource, limit)


def _drawn_and_one_cancelled(team: Team, resource: Resource, limit: int) -> None:
    """Cancel one, draw the others: what was cancelled is given back, the sums are those of what was drawn."""
    job = ImageJob.objects.order_by("created_at").last()
    assert job is not None
    assert services.cancel(user=job.owner, job=job)
    tasks.draw_pictures()
    used = sum(UsageEvent.objects.filter(resource=resource).values_list("amount", flat=True))
    counter = Counter.objects.get(scope=Scope.TEAM, resource=resource)
    assert used == counter.used == limit * (BUDGET - 1) // BUDGET
    assert (counter.held, Picture.objects.count()) == (0, BUDGET - 1)
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def _key(team: Team) -> str:
    member = factories.MembershipFactory(team=team)
    wish = keys.KeyWish(name="Robot", scopes=frozenset({KeyScope.IMAGES}))
    return keys.create_key(user=member.user, access=access_team(member.user, team.pk), wish=wish)[1]
