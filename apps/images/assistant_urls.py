"""Addresses of the prompt assistant and of stories, below the studio's."""

from django.urls import path

from apps.images import assistant_views, scene_views, story_views

urlpatterns = [
    path("assist/form/", assistant_views.panel, name="assist-form"),
    path("assist/", assistant_views.ask, name="assist"),
    path("assist/<uuid:wish_id>/", assistant_views.letter, name="assist-letter"),
    path("assist/<uuid:wish_id>/stop/", assistant_views.stop, name="assist-stop"),
    path("stories/", story_views.stories, name="stories"),
    path("stories/<uuid:story_id>/", story_views.story, name="story"),
    path("stories/<uuid:story_id>/live/", story_views.live, name="story-live"),
    path("stories/<uuid:story_id>/print/", story_views.printed, name="story-print"),
    path("stories/<uuid:story_id>/save/<slug:form>/", story_views.exported, name="story-export"),
    path("stories/<uuid:story_id>/draw/", story_views.draw_all, name="story-draw"),
    path("stories/<uuid:story_id>/settings/", story_views.change_order, name="story-settings"),
    path("stories/<uuid:story_id>/stop/", story_views.stop, name="story-stop"),
    path("stories/<uuid:story_id>/again/", story_views.again, name="story-again"),
    path("stories/<uuid:story_id>/delete/", story_views.delete, name="story-delete"),
    path("stories/<uuid:story_id>/restore/", story_views.restore, name="story-restore"),
    path("stories/scenes/<uuid:scene_id>/", scene_views.scene, name="scene"),
    path("stories/scenes/<uuid:scene_id>/draw/", scene_views.draw, name="scene-draw"),
    path("stories/scenes/<uuid:scene_id>/move/", scene_views.move, name="scene-move"),
    path("stories/scenes/<uuid:scene_id>/delete/", scene_views.delete, name="scene-delete"),
    path("stories/scenes/<uuid:scene_id>/restore/", scene_views.restore, name="scene-restore"),
]
