"""Addresses below /teams/."""

from django.urls import path

from apps.users import group_views, invitation_views, member_views, signin_views, team_views

TEAM = "<uuid:team_id>/"
MEMBER = TEAM + "members/<uuid:membership_id>/"
INVITATION = TEAM + "invitations/<uuid:invitation_id>/"
GROUP = TEAM + "groups/<uuid:group_id>/"

app_name = "users"
urlpatterns = [
    path("", team_views.teams, name="teams"),
    path("switch/", team_views.switch, name="switch"),
    path("join/<str:token>/", invitation_views.invitation, name="invitation"),
    path(TEAM, member_views.team, name="team"),
    path(TEAM + "leave/", member_views.leave, name="leave"),
    path(MEMBER, member_views.member, name="member"),
    path(MEMBER + "groups/", member_views.choose_groups, name="member-groups"),
    path(MEMBER + "role/", member_views.change_role, name="role"),
    path(MEMBER + "suspend/", member_views.suspend, name="suspend"),
    path(MEMBER + "resume/", member_views.resume, name="resume"),
    path(MEMBER + "remove/", member_views.remove, name="remove"),
    path(MEMBER + "hand-over/", member_views.hand_over, name="hand-over"),
    path(TEAM + "invitations/", invitation_views.invite, name="invitations"),
    path(INVITATION + "revoke/", invitation_views.revoke, name="revoke"),
    path(INVITATION + "resend/", invitation_views.resend, name="resend"),
    path(TEAM + "groups/", group_views.group_list, name="groups"),
    path(GROUP, group_views.group, name="group"),
    path(GROUP + "find/", group_views.find, name="group-find"),
    path(GROUP + "change/", group_views.change, name="group-change"),
    path(GROUP + "delete/", group_views.delete, name="group-delete"),
    path(GROUP + "add/", group_views.add, name="group-add"),
    path(GROUP + "members/<uuid:membership_id>/take-out/", group_views.take_out, name="group-take-out"),
    path(TEAM + "settings/", team_views.team_settings, name="team_settings"),
    path(TEAM + "rename/", team_views.rename, name="rename"),
    path(TEAM + "second-factor/", team_views.second_factor, name="second-factor"),
    path(TEAM + "domains/", team_views.add_domain, name="domain-add"),
    path(TEAM + "domains/<uuid:domain_id>/remove/", team_views.remove_domain, name="domain-remove"),
    path(TEAM + "delete/", team_views.delete, name="delete"),
    path(TEAM + "call-back/", team_views.call_back, name="call-back"),
    path("<uuid:team_id>/sign-in/", signin_views.team_signin, name="team_signin"),
    path("<uuid:team_id>/sign-in/<uuid:mapping_id>/remove/", signin_views.mapping_remove, name="mapping_remove"),
]
