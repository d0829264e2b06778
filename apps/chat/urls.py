"""Addresses of the chat pages."""

from django.urls import path

from apps.chat import answer_views, opening_views, views

app_name = "chat"
urlpatterns = [
    path("", views.home, name="home"),
    path("chat/", views.start, name="start"),
    path("chat/<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("chat/<uuid:conversation_id>/ask/", views.ask, name="ask"),
    path("chat/<uuid:conversation_id>/rename/", views.rename, name="rename"),
    path("chat/<uuid:conversation_id>/delete/", views.delete, name="delete"),
    path("chat/<uuid:conversation_id>/restore/", views.restore, name="restore"),
    path("chat/answers/<uuid:message_id>/", views.answer, name="answer"),
    path("chat/answers/<uuid:message_id>/stop/", views.stop, name="stop"),
    path("chat/answers/<uuid:message_id>/again/", views.again, name="again"),
    path("chat/answers/<uuid:message_id>/correct/", views.correct, name="correct"),
    path("chat/answers/<uuid:message_id>/retry/", views.retry, name="retry"),
    path("chat/answers/<uuid:message_id>/vote/", answer_views.vote, name="vote"),
    path("chat/answers/<uuid:message_id>/trace/", answer_views.trace, name="trace"),
    path("chat/answers/<uuid:message_id>/keep/", answer_views.keep, name="keep"),
    path("system/people/<uuid:user_id>/conversations/", opening_views.conversations, name="conversations-of"),
    path("system/conversations/<uuid:conversation_id>/ask/", opening_views.ask, name="opening-ask"),
    path("system/openings/", opening_views.listing, name="openings"),
    path("system/openings/<uuid:opening_id>/", opening_views.reading, name="opening"),
    path("system/openings/<uuid:opening_id>/decide/", opening_views.decide, name="opening-decide"),
    path("system/openings/<uuid:opening_id>/end/", opening_views.end, name="opening-end"),
    path("chat/openings/<uuid:opening_id>/seen/", opening_views.acknowledge, name="opening-seen"),
    path("chat/answers/<uuid:message_id>/citations/<int:number>/", views.citation, name="citation"),
]
