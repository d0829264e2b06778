"""Boards: made, renamed, shared, deleted. Their pictures stay."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.images import boards, gallery
from apps.images.access import access_board
from apps.images.api.asked import fields, query, switch, text
from apps.images.api.base import ImagesView
from apps.images.api.shown import board_json
from apps.users.api_auth import asked_team, person_of

FIELDS = {"name", "is_shared"}


class BoardsView(ImagesView):
    """The person's boards and the shared ones, in the key's team."""

    def get(self, request: Request) -> Response:
        """Return them by name."""
        query(request, ())
        rows = boards.boards_of(person_of(request), asked_team(request))
        return Response({"results": [board_json(row, person_of(request)) for row in rows]})

    def post(self, request: Request) -> Response:
        """Make one; a shared one needs an editor."""
        data, user = fields(request, FIELDS), person_of(request)
        made = boards.create(
            user=user, team=asked_team(request), name=text(data, "name", boards.NAME_MAX),
            is_shared=switch(data, "is_shared"),
        )  # fmt: skip
        return Response(board_json(made, user), status=201)


class BoardView(ImagesView):
    """One board."""

    def get(self, request: Request, board_id: UUID) -> Response:
        """Return it; its pictures are at /images/pictures?board=ID."""
        return Response(board_json(access_board(person_of(request), board_id), person_of(request)))

    def patch(self, request: Request, board_id: UUID) -> Response:
        """Rename it, share it or take it back."""
        data, user = fields(request, FIELDS), person_of(request)
        board = access_board(user, board_id, own=True)
        if "name" in data:
            board = boards.rename(user=user, board=board, name=text(data, "name", boards.NAME_MAX))
        if "is_shared" in data:
            board = boards.share(user=user, board=board, is_shared=switch(data, "is_shared"))
        return Response(board_json(board, user))

    def delete(self, request: Request, board_id: UUID) -> Response:
        """Delete it."""
        user = person_of(request)
        boards.delete(user=user, board=access_board(user, board_id, own=True))
        return Response(status=204)


class OnBoardView(ImagesView):
    """A picture on a shared board."""

    def delete(self, request: Request, board_id: UUID, picture_id: UUID) -> Response:
        """Take it off, whosever it is; its owner keeps it. For editors."""
        user = person_of(request)
        gallery.take_off(user=user, board=access_board(user, board_id), picture_ids=[picture_id])
        return Response(status=204)
