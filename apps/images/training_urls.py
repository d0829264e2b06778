"""Addresses of the pages about training, below those of the studio."""

from django.urls import path

from apps.images import training_views

urlpatterns = [
    path("training/", training_views.trainings, name="trainings"),
    path("training/new/", training_views.begin, name="training-new"),
    path("training/adapters/<uuid:adapter_id>/remove/", training_views.remove, name="training-remove"),
    path("training/<uuid:training_id>/", training_views.training, name="training"),
    path("training/<uuid:training_id>/cancel/", training_views.cancel, name="training-cancel"),
    path("training/<uuid:training_id>/resume/", training_views.resume, name="training-resume"),
]
