"""Addresses of the studio's API, below /api/v1/images/."""

from django.urls import path

from apps.images.api import boards, jobs, lists, pictures, trainings

urlpatterns = [
    path("images/models", lists.ModelsView.as_view(), name="image-models"),
    path("images/adapters", lists.AdaptersView.as_view(), name="image-adapters"),
    path("images/samplers", lists.SamplersView.as_view(), name="image-samplers"),
    path("images/styles", lists.StylesView.as_view(), name="image-styles"),
    path("images/limits", lists.LimitsView.as_view(), name="image-limits"),
    path("images/jobs", jobs.JobsView.as_view(), name="image-jobs"),
    path("images/estimates", jobs.EstimateView.as_view(), name="image-estimates"),
    path("images/jobs/<uuid:job_id>", jobs.JobView.as_view(), name="image-job"),
    path("images/jobs/<uuid:job_id>/retry", jobs.RetryView.as_view(), name="image-job-retry"),
    path("images/pictures", pictures.PicturesView.as_view(), name="image-pictures"),
    path("images/pictures/<uuid:picture_id>", pictures.PictureView.as_view(), name="image-picture"),
    path("images/pictures/<uuid:picture_id>/file", pictures.FileView.as_view(), name="image-file"),
    path("images/pictures/<uuid:picture_id>/restore", pictures.RestoreView.as_view(), name="image-restore"),
    path("images/pictures/<uuid:picture_id>/report", pictures.ReportView.as_view(), name="image-report"),
    path("images/uploads", pictures.UploadsView.as_view(), name="image-uploads"),
    path("images/read-settings", pictures.ReadSettingsView.as_view(), name="image-read-settings"),
    path("images/boards", boards.BoardsView.as_view(), name="image-boards"),
    path("images/boards/<uuid:board_id>", boards.BoardView.as_view(), name="image-board"),
    path("images/trainings", trainings.TrainingsView.as_view(), name="image-trainings"),
    path("images/trainings/<uuid:job_id>", trainings.TrainingView.as_view(), name="image-training"),
    path("images/trainings/<uuid:job_id>/resume", trainings.ResumeView.as_view(), name="image-training-resume"),
]
