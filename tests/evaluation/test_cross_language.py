"""The parallel set and the command that measures it."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from apps.evaluation.cross_language import load_rules
from apps.rag.fusion import language_of
from apps.users.models import Team
from tests.factories import AIModelFactory


def test_it_has_each_rule_and_question_in_both_languages() -> None:
    rules = load_rules()

    assert len(rules) >= 60
    assert len({rule.id for rule in rules}) == len(rules)
    for texts in [rule.text for rule in rules] + [rule.question for rule in rules]:
        assert {language: language_of(text) for language, text in texts.items()} == {"zh": "zh", "en": "en"}


@pytest.mark.django_db(transaction=True)
def test_it_measures_each_language_against_each(monkeypatch: pytest.MonkeyPatch) -> None:
    AIModelFactory()
    command = "apps.evaluation.management.commands.evaluate_cross_language"
    few = load_rules()[:3]
    monkeypatch.setattr(f"{command}.load_rules", lambda: few)
    out = StringIO()

    call_command("evaluate_cross_language", "--json", stdout=out)

    rows = json.loads(out.getvalue())["rows"]
    assert [(row["documents"], row["asked"]) for row in rows] == [
        ("en", "zh"), ("en", "en"), ("zh", "zh"), ("zh", "en"), ("both", "zh"), ("both", "en"),
    ]  # fmt: skip
    assert all(row["queries"] == 3 for row in rows)
    assert all(0 <= row["ndcg"] <= 1 for row in rows)
    assert not Team.objects.exists()
