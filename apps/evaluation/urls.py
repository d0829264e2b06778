"""Addresses of evaluation: the search test, question sets and gaps of a library."""

from django.urls import path

from apps.evaluation.views import gaps, search_settings, test_page

app_name = "evaluation"
urlpatterns = [
    path("libraries/<uuid:library_id>/test/", test_page.search_test, name="test"),
    path("libraries/<uuid:library_id>/test/run/", test_page.run, name="test-run"),
    path("libraries/<uuid:library_id>/test/asked/", test_page.asked, name="test-asked"),
    path("libraries/<uuid:library_id>/test/add/", test_page.add, name="test-add"),
    path("libraries/<uuid:library_id>/test/<uuid:test_id>/", test_page.state, name="test-state"),
    path("libraries/<uuid:library_id>/search/", search_settings.page, name="settings"),
    path("libraries/<uuid:library_id>/search/changes/", search_settings.changes, name="settings-changes"),
    path("libraries/<uuid:library_id>/search/reset/", search_settings.reset, name="settings-reset"),
    path("libraries/<uuid:library_id>/gaps/", gaps.gap_list, name="gaps"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/", gaps.gap_page, name="gap"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/change/", gaps.gap_change, name="gap-change"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/move/", gaps.gap_move, name="gap-move"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/rerun/", gaps.gap_rerun, name="gap-rerun"),
]
