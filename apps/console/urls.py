"""Addresses below /system/ that belong to no other app."""

from django.urls import path

from apps.console import image_views, model_default, people_views, quota_views, team_views, views

app_name = "console"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("people/", people_views.people, name="users"),
    path("people/new/", people_views.create, name="create-user"),
    path("people/<uuid:user_id>/", people_views.person, name="person"),
    path("people/<uuid:user_id>/suspend/", people_views.suspend, name="suspend"),
    path("people/<uuid:user_id>/resume/", people_views.resume, name="resume"),
    path("people/<uuid:user_id>/sign-out/", people_views.sign_out, name="sign-out"),
    path("people/<uuid:user_id>/unlock/", people_views.unlock, name="unlock"),
    path("people/<uuid:user_id>/reset-mfa/", people_views.reset_mfa, name="reset-mfa"),
    path("people/<uuid:user_id>/admin/", people_views.admin, name="admin"),
    path("teams/", team_views.teams, name="teams"),
    path("teams/new/", team_views.create, name="create-team"),
    path("teams/<uuid:team_id>/state/", team_views.state, name="team-state"),
    path("teams/<uuid:team_id>/delete/", team_views.delete, name="delete-team"),
    path("models/<uuid:model_id>/default/", model_default.model_default, name="model-default"),
    path("quotas/", quota_views.quotas, name="quotas"),
    path("quotas/new/", quota_views.quota, name="new-quota"),
    path("quotas/budget/", quota_views.budget, name="budget"),
    path("quotas/subjects/", quota_views.quota_subjects, name="quota-subjects"),
    path("quotas/<uuid:quota_id>/", quota_views.quota, name="quota"),
    path("quotas/<uuid:quota_id>/remove/", quota_views.remove_quota, name="remove-quota"),
    path("prices/", quota_views.prices, name="prices"),
    path("prices/<uuid:price_id>/remove/", quota_views.remove_price, name="remove-price"),
    path("images/", image_views.images, name="images"),
    path("images/try/", image_views.try_words, name="images-try"),
    path("images/mark/", image_views.mark, name="images-mark"),
    path("jobs/", team_views.jobs, name="jobs"),
    path("jobs/<uuid:job_id>/", team_views.job, name="job"),
]
