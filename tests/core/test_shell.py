"""What the shell's tags write, and that strangers' pages ask the database nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone, translation

from apps.core.templatetags import shell
from kb_project.context import shell as shell_context


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KB"),
        (348_160, "340 KB"),
        (1_258_291, "1.2 MB"),
        (5 * 1024**4, "5.0 TB"),
    ],
)
def test_it_writes_sizes(size: int | None, text: str) -> None:
    assert shell.filesize(size) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=6), "6 days ago"),
    ],
)
def test_it_writes_ages(age: timedelta, text: str) -> None:
    with translation.override("en"):
        assert shell.ago(timezone.now() - age) == text


def test_it_keeps_a_bar_inside_its_frame() -> None:
    assert [shell.percent(*pair) for pair in ((1, 4), (9, 4), (1, 0), (None, 3))] == [25, 100, 0, 0]


def test_it_names_an_icon_only_where_it_stands_alone() -> None:
    assert 'aria-hidden="true"' in shell.icon("copy")
    assert 'aria-label="a &lt;b&gt;"' in shell.icon("copy", "a <b>")


def test_it_asks_nothing_for_a_stranger(django_assert_num_queries: Any, db: None) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    request.COOKIES["kb_theme"] = "neon"
    with django_assert_num_queries(0):
        context = shell_context(request)
    assert context["theme"] == "system"
    assert "team" not in context
