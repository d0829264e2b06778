"""Addresses of the prompt assistant and of stories, below the studio's."""

from django.urls import path

from apps.images import assistant_views, story_views

urlpatterns = [
    path("assist/form/", assistant_views.panel, name="assist-form"),
    path("assist/", assistant_views.ask, name="assist"),
    path("assist/<uuid:wish_id>/", assistant_views.letter, name="assist-letter"),
    path("assist/<uuid:wish_id>/stop/", assistant_views.stop, name="assist-stop"),
    path("stories/", story_views.stories, name="stories"),
    path("stories/<uuid:story_id>/", story_views.story, name="story"),
    path("stories/<uuid:story_id>/print/", story_views.printed, name="story-print"),
    path("stories/<uuid:story_id>/draw/", story_views.draw_all, name="story-draw"),
    path("stories/<uuid:story_id>/settings/", story_views.change_order, name="story-settings"),
    path("stories/<uuid:story_id>/stop/", story_views.stop, name="story-stop"),
    path("stories/<uuid:story_id>/again/", story_views.again, name="story-again"),
    path("stories/<uuid:story_id>/delete/", story_views.delete, name="story-delete"),
    path("stories/scenes/<uuid:scene_id>/", story_views.scene, name="scene"),
    path("stories/scenes/<uuid:scene_id>/draw/", story_views.draw_scene, name="scene-draw"),
]
