"""The Celery application of beat: it sends names of tasks by the clock, without Django and a quarter of its memory.

`celery -A kb_project.beat beat`; the settings module is read as plain Python, and no task is imported.
"""

from celery import Celery

from kb_project.schedule import ROUTES, SCHEDULE

app = Celery("zhiku-beat", fixups=[])  # without the fix-ups of Celery, which would set Django up
app.config_from_object("kb_project.settings", namespace="CELERY")
app.conf.task_routes = ROUTES
app.conf.beat_schedule = SCHEDULE
