"""Addresses of the pages about models."""

from django.urls import path

from apps.catalog import team_views, views

app_name = "catalog"
urlpatterns = [
    path("system/models/", views.models, name="models"),
    path("system/models/add/", views.add, name="add"),
    path("system/models/add/file/", views.add_file, name="add-file"),
    path("system/models/add/hub/", views.add_hub, name="add-hub"),
    path("system/models/add/service/", views.add_service, name="add-service"),
    path("system/models/<uuid:model_id>/service/", views.edit_service, name="edit-service"),
    path("system/models/<uuid:model_id>/", views.model, name="model"),
    path("system/models/<uuid:model_id>/jobs/", views.work, name="work"),
    path("system/models/<uuid:model_id>/again/", views.again, name="again"),
    path("system/models/<uuid:model_id>/cancel/", views.cancel, name="cancel"),
    path("system/models/<uuid:model_id>/edit/", views.edit, name="edit"),
    path("system/models/<uuid:model_id>/access/", views.share, name="share"),
    path("system/models/<uuid:model_id>/remove/", views.remove, name="remove"),
    path("teams/<uuid:team_id>/models/", team_views.team, name="team"),
    path("teams/<uuid:team_id>/models/default/", team_views.choose, name="team-default"),
]
