"""Addresses of uploads and jobs."""

from django.urls import path

from apps.ingestion import chunking_views, document_views, job_views, lock_views, page_views, switch_views, views
from apps.ingestion.web import views as web

app_name = "ingestion"
urlpatterns = [
    path("libraries/<uuid:library_id>/upload/", views.upload, name="upload"),
    path("documents/<uuid:document_id>/upload/", document_views.replace, name="replace"),
    path("documents/<uuid:document_id>/rename/", document_views.rename, name="rename"),
    path(
        "documents/<uuid:document_id>/versions/<uuid:version_id>/restore/",
        document_views.version_restore,
        name="version-restore",
    ),
    path("libraries/<uuid:library_id>/reread/", document_views.reread, name="reread"),
    path("documents/<uuid:document_id>/pages/", page_views.reread, name="reread-pages"),
    path("documents/<uuid:document_id>/unlock/", lock_views.unlock, name="unlock"),
    path("libraries/documents/<uuid:document_id>/password/", lock_views.password, name="password"),  # beside the file
    path("documents/<uuid:document_id>/retry/", views.retry, name="retry"),
    path("documents/<uuid:document_id>/cancel/", views.cancel, name="cancel"),
    path("libraries/<uuid:library_id>/jobs/", job_views.jobs, name="jobs"),
    path("libraries/<uuid:library_id>/jobs/pause/", job_views.pause, name="pause"),
    path("libraries/<uuid:library_id>/jobs/resume/", job_views.resume, name="resume"),
    path("libraries/<uuid:library_id>/jobs/retry/", job_views.retry_failed, name="retry-failed"),
    path("libraries/<uuid:library_id>/chunking/", chunking_views.rule, name="chunking"),
    path("libraries/<uuid:library_id>/chunking/preview/", chunking_views.preview, name="preview"),
    path(
        "libraries/<uuid:library_id>/chunking/preview/<uuid:preview_id>/",
        chunking_views.preview_state,
        name="preview-state",
    ),
    path("libraries/<uuid:library_id>/chunking/standing/", chunking_views.standing, name="standing"),
    path("libraries/<uuid:library_id>/chunking/stop/", chunking_views.stop, name="chunking-stop"),
    path("documents/<uuid:document_id>/log/", job_views.log, name="log"),
    path("jobs/<uuid:job_id>/", job_views.job, name="job"),
    path("jobs/bell/", job_views.bell, name="bell"),
    path("jobs/list/", job_views.bell_list, name="bell-list"),
    path("jobs/clear/", job_views.clear, name="clear"),
    path("system/embedding/", switch_views.page, name="switch"),
    path("system/embedding/start/", switch_views.start, name="switch-start"),
    path("system/embedding/cancel/", switch_views.cancel, name="switch-cancel"),
    path("libraries/<uuid:library_id>/web/", web.sources, name="web"),
    path("libraries/<uuid:library_id>/web/new/", web.create, name="web-create"),
    path("web/<uuid:source_id>/", web.source, name="web-source"),
    path("web/<uuid:source_id>/change/", web.change, name="web-change"),
    path("web/<uuid:source_id>/visit/", web.visit, name="web-visit"),
    path("web/<uuid:source_id>/stop/", web.stop, name="web-stop"),
    path("web/<uuid:source_id>/remove/", web.remove, name="web-remove"),
]
