"""The gates of this app: no job, picture or board is loaded for a person in any other way.

A job is its owner's alone. A picture is seen by its owner and, on a shared board, by the team; only its owner changes
it. A private board is its owner's; on a shared one editors put and take pictures, and its owner and the team's admins
rename, close and delete it. What somebody may not see is NotFound, what they see and may not change is Forbidden.
"""

from collections.abc import Sequence
from uuid import UUID

from apps.core.errors import Forbidden, NotFound
from apps.images.errors import AnothersPicture
from apps.images.models import Board, ImageJob, Picture, PictureQuerySet, Scene, Story
from apps.users.access import role_in
from apps.users.models import Role, User


def access_job(user: User, job_id: UUID) -> ImageJob:
    """Return the person's own job. Raises NotFound."""
    job = ImageJob.objects.owned_by(user).select_related("team", "model").filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job


def access_picture(user: User, picture_id: UUID, *, own: bool = False, deleted: bool = False) -> Picture:
    """Return a picture that the person may see; with `own`, one that they may change.

    With `deleted`, one of their own, also from the trash. Raises NotFound, or Forbidden where `own` is asked for and
    it is another's.
    """
    return access_pictures(user, [picture_id], own=own, deleted=deleted)[0]


def access_pictures(
    user: User, picture_ids: Sequence[UUID], *, own: bool = False, deleted: bool = False
) -> list[Picture]:
    """Return all of these pictures, in the order asked for, or raise as `access_picture` does for any one of them."""
    found = _within(user, deleted=deleted).select_related("team", "board").in_bulk(picture_ids)
    if len(found) < len(set(picture_ids)):
        raise NotFound
    if own and any(picture.owner_id != user.pk for picture in found.values()):
        raise AnothersPicture
    return [found[picture_id] for picture_id in picture_ids]


def _within(user: User, *, deleted: bool) -> PictureQuerySet:
    return Picture.objects.owned_by(user) if deleted else Picture.objects.visible_to(user)


def access_board(user: User, board_id: UUID, *, own: bool = False, at_least: Role = Role.VIEWER) -> Board:
    """Return a board that the person may see. Their own one they may do everything with.

    A shared one of somebody else asks for the role `at_least` (EDITOR: to put pictures on it and take them off), and
    with `own` for an admin. Raises NotFound or Forbidden.
    """
    board = Board.objects.visible_to(user).select_related("team").filter(pk=board_id).first()
    if board is None:
        raise NotFound
    if board.owner_id != user.pk:
        role = role_in(user, board.team_id)
        if role is None or not role.covers(Role.ADMIN if own else at_least):
            raise Forbidden
    return board


def board_still(job: ImageJob) -> Board | None:
    """Return the board that a job's pictures go to, as long as its owner may put pictures there; else None."""
    if job.board_id is None:
        return None
    try:
        return access_board(job.owner, job.board_id, at_least=Role.EDITOR)
    except (NotFound, Forbidden):
        return None


def access_story(user: User, story_id: UUID, *, deleted: bool = False) -> Story:
    """Return the person's own story, with `deleted` also one to be brought back. Raises NotFound.

    Its text is another matter (`scenes.is_readable`).
    """
    mine = Story.objects.owned_by(user).select_related("team", "document").filter(pk=story_id)
    story = (mine if deleted else mine.filter(deleted_at=None)).first()
    if story is None:
        raise NotFound
    return story


def access_scene(user: User, scene_id: UUID, *, deleted: bool = False) -> Scene:
    """Return a scene of the person's own story, with `deleted` also one to be brought back. Raises NotFound."""
    mine = Scene.objects.filter(story__in=Story.objects.owned_by(user).filter(deleted_at=None).values("pk"))
    mine = mine.filter(pk=scene_id).select_related("story__team", "story__document", "job")
    scene = (mine if deleted else mine.filter(deleted_at=None)).first()
    if scene is None:
        raise NotFound
    return scene
