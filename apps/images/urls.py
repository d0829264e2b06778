"""Addresses of the image studio."""

from django.urls import path

from apps.images import assistant_urls, file_views, training_urls
from apps.images.views import boards, estimates, orders, pictures, sources, studio

app_name = "images"
urlpatterns = [
    path("", studio.studio, name="studio"),
    path("gallery/", studio.gallery, name="gallery"),
    path("draw/", orders.draw, name="draw"),
    path("estimate/", estimates.estimate, name="estimate"),
    path("live/", orders.live, name="live"),
    path("jobs/", orders.runs, name="runs"),
    path("jobs/cancel/", orders.cancel_all, name="cancel-all"),
    path("jobs/dismiss/", orders.dismiss_all, name="dismiss-all"),
    path("jobs/bring-back/", orders.bring_back, name="bring-back"),
    path("jobs/<uuid:job_id>/", orders.run, name="run"),
    path("jobs/<uuid:job_id>/grid/", orders.sheet, name="run-sheet"),
    path("jobs/<uuid:job_id>/cancel/", orders.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/retry/", orders.retry, name="retry"),
    path("jobs/<uuid:job_id>/dismiss/", orders.dismiss, name="dismiss"),
    path("pictures/zip/", pictures.archive, name="zip"),
    path("pictures/bulk/", pictures.bulk, name="bulk"),
    path("pictures/restore/", pictures.restore_all, name="restore-all"),
    path("pictures/<uuid:picture_id>/", pictures.picture, name="picture"),
    path("pictures/<uuid:picture_id>/star/", pictures.star, name="star"),
    path("pictures/<uuid:picture_id>/move/", pictures.move, name="move"),
    path("pictures/<uuid:picture_id>/delete/", pictures.delete, name="delete"),
    path("pictures/<uuid:picture_id>/restore/", pictures.restore, name="restore"),
    path("pictures/<uuid:picture_id>/report/", pictures.report, name="report"),
    path("pictures/<uuid:picture_id>/download/<slug:form>/", pictures.download, name="download"),
    path("pictures/<uuid:picture_id>/<slug:variant>/", pictures.shown, name="shown"),
    path("boards/", studio.boards, name="boards"),
    path("boards/new/", boards.new, name="board-new"),
    path("boards/rename/", boards.rename, name="board-rename"),
    path("boards/delete/", boards.delete, name="board-delete"),
    path("boards/<uuid:board_id>/share/", boards.share, name="board-share"),
    path("upload/", sources.upload, name="upload"),
    path("read-settings/", sources.read_settings, name="read-settings"),
    path("edges/", sources.edges, name="edges"),
    path("files/<str:token>/", file_views.file, name="file"),
    *training_urls.urlpatterns,
    *assistant_urls.urlpatterns,
]
