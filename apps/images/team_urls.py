"""Addresses of a team's rules for pictures."""

from django.urls import path

from apps.images.views import team

app_name = "team_images"
urlpatterns = [
    path("teams/<uuid:team_id>/images/", team.page, name="page"),
    path("teams/<uuid:team_id>/images/try/", team.try_words, name="words-try"),
    path("teams/<uuid:team_id>/images/mark/", team.mark, name="mark"),
    path("teams/<uuid:team_id>/images/undo/", team.undelete, name="undo"),
    path("teams/<uuid:team_id>/images/styles/", team.style, name="style-new"),
    path("teams/<uuid:team_id>/images/styles/<uuid:style_id>/", team.style, name="style"),
    path("teams/<uuid:team_id>/images/styles/<uuid:style_id>/delete/", team.style_delete, name="style-delete"),
    path("teams/<uuid:team_id>/images/words/", team.word_list, name="words-new"),
    path("teams/<uuid:team_id>/images/words/<uuid:list_id>/", team.word_list, name="words"),
    path("teams/<uuid:team_id>/images/words/<uuid:list_id>/delete/", team.word_list_delete, name="words-delete"),
    path("teams/<uuid:team_id>/images/reports/<uuid:report_id>/", team.reported, name="reported"),
    path("teams/<uuid:team_id>/images/reports/<uuid:report_id>/<slug:verdict>/", team.decide, name="decide"),
    path("images/notices/<uuid:report_id>/", team.acknowledge, name="notice-seen"),
]
