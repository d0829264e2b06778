"""Django's entry for this app."""

from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    """Names the app `evaluation`."""

    name = "apps.evaluation"
    label = "evaluation"
