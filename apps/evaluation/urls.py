"""Addresses of evaluation: the search test, question sets and gaps of a library."""

from django.urls import path

from apps.evaluation.views import gaps, questions, runs, search_settings, sets, test_page, words

app_name = "evaluation"
urlpatterns = [
    path("libraries/<uuid:library_id>/test/", test_page.search_test, name="test"),
    path("libraries/<uuid:library_id>/test/run/", test_page.run, name="test-run"),
    path("libraries/<uuid:library_id>/test/asked/", test_page.asked, name="test-asked"),
    path("libraries/<uuid:library_id>/test/measure/", test_page.measure, name="test-measure"),
    path("libraries/<uuid:library_id>/test/add/", test_page.add, name="test-add"),
    path("libraries/<uuid:library_id>/test/<uuid:test_id>/", test_page.state, name="test-state"),
    path("libraries/<uuid:library_id>/search/", search_settings.page, name="settings"),
    path("libraries/<uuid:library_id>/search/changes/", search_settings.changes, name="settings-changes"),
    path("libraries/<uuid:library_id>/search/reset/", search_settings.reset, name="settings-reset"),
    path("libraries/<uuid:library_id>/sets/", sets.set_list, name="sets"),
    path("libraries/<uuid:library_id>/sets/new/", sets.create, name="set-create"),
    path("libraries/<uuid:library_id>/sets/template.csv", sets.template, name="set-template"),
    path("libraries/<uuid:library_id>/sets/passages/", questions.pick, name="pick"),
    path("libraries/<uuid:library_id>/sets/passages/<uuid:preview_id>/", questions.picked, name="picked"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/", sets.set_page, name="set"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/change/", sets.change, name="set-change"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/delete/", sets.delete, name="set-delete"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/restore/", sets.restore, name="set-restore"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/list/", sets.question_list, name="set-questions"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/add/", questions.add, name="question-add"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/drafts/", sets.drafts, name="set-drafts"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/import/", sets.import_page, name="set-import"),
    path(
        "libraries/<uuid:library_id>/sets/<uuid:set_id>/import/<uuid:preview_id>/", sets.import_go, name="set-import-go"
    ),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/export/", sets.export, name="set-export"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/draft/", questions.draft, name="set-draft"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/draft/stop/", questions.draft_stop, name="set-draft-stop"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/chats/", questions.chats, name="set-chats"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/runs/", runs.run_list, name="runs"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/compare/", runs.compare, name="compare"),
    path("libraries/<uuid:library_id>/sets/<uuid:set_id>/noted/", runs.noted, name="runs-noted"),
    path("libraries/<uuid:library_id>/questions/<uuid:question_id>/", questions.row, name="question"),
    path("libraries/<uuid:library_id>/questions/<uuid:question_id>/edit/", questions.edit, name="question-edit"),
    path("libraries/<uuid:library_id>/questions/<uuid:question_id>/accept/", questions.accept, name="question-accept"),
    path("libraries/<uuid:library_id>/questions/<uuid:question_id>/delete/", questions.delete, name="question-delete"),
    path(
        "libraries/<uuid:library_id>/questions/<uuid:question_id>/restore/", questions.restore, name="question-restore"
    ),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/", runs.run_page, name="run"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/state/", runs.run_state, name="run-state"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/stop/", runs.stop, name="run-stop"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/go-on/", runs.go_on, name="run-go-on"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/baseline/", runs.baseline, name="run-baseline"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/delete/", runs.delete, name="run-delete"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/export/", runs.export, name="run-export"),
    path("libraries/<uuid:library_id>/runs/<uuid:run_id>/results/<int:number>/", runs.result, name="result"),
    path("libraries/<uuid:library_id>/words/compare/", words.compare, name="words-compare"),
    path("libraries/<uuid:library_id>/words/report/", words.report, name="words-report"),
    path("libraries/<uuid:library_id>/gaps/", gaps.gap_list, name="gaps"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/", gaps.gap_page, name="gap"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/change/", gaps.gap_change, name="gap-change"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/move/", gaps.gap_move, name="gap-move"),
    path("libraries/<uuid:library_id>/gaps/<uuid:gap_id>/rerun/", gaps.gap_rerun, name="gap-rerun"),
]
