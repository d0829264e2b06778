"""Addresses of evaluation: the search test, question sets and gaps of a library."""

from django.urls import path

from apps.evaluation.views import test_page

app_name = "evaluation"
urlpatterns = [
    path("libraries/<uuid:library_id>/test/", test_page.search_test, name="test"),
]
