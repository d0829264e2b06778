"""The rows of the image studio for the table in `routes.py`, and the picture and board that its addresses name."""

from apps.images.models import Board, Picture
from apps.users.models import Team, User
from tests.route_rows import LOGIN, NF, Access, personal, protected

IMAGES: dict[str, list[Access]] = {
    # the image studio: pictures, boards and orders are their owner's alone, shared boards apart (tests/images/pages)
    "images:studio": [personal("GET", 200)],
    "images:gallery": [Access("GET", LOGIN, 200, 200, 404)],
    "images:boards": [Access("GET", LOGIN, 200, 200, 404)],
    "images:live": [personal("GET", 200)],
    "images:draw": [Access("POST", LOGIN, 422, 422, 404)],  # the form is no order
    "images:estimate": [Access("POST", LOGIN, 200, 200, 404)],
    "images:upload": [Access("POST", LOGIN, 422, 422, 404)],  # without a file
    "images:read-settings": [Access("POST", LOGIN, 422, 422, 404)],
    "images:edges": [protected("GET", NF, query=lambda things: {"picture": str(things.picture.pk)})],
    "images:run": [protected("GET", NF)],
    "images:cancel": [protected("POST", NF)],
    "images:retry": [protected("POST", NF)],
    "images:dismiss": [protected("POST", NF)],
    "images:picture": [protected("GET", NF)],
    "images:shown": [protected("GET", NF)],
    "images:download": [protected("GET", NF)],
    "images:file": [protected("GET", NF)],
    "images:zip": [protected("GET", NF, query=lambda things: {"picture": str(things.picture.pk)})],
    "images:star": [protected("POST", NF)],
    "images:move": [protected("POST", NF)],
    "images:delete": [protected("POST", NF)],
    "images:restore": [protected("POST", NF)],
    "images:restore-all": [protected("POST", NF, query=lambda things: {"picture": str(things.picture.pk)})],
    "images:report": [protected("POST", NF, lambda _: {"reason": "Mine?"})],
    "images:bulk": [protected("POST", NF, lambda things: {"act": "delete", "picture": str(things.picture.pk)})],
    "images:board-new": [Access("POST", LOGIN, 200, 200, 404, lambda _: {"name": "Mine"})],
    "images:board-rename": [protected("POST", NF, lambda things: {"board": str(things.board.pk), "name": "Mine"})],
    "images:board-delete": [protected("POST", NF, lambda things: {"board": str(things.board.pk)})],
    "images:board-share": [protected("POST", NF)],
    "images:trainings": [personal("GET", 200)],
    "images:training-new": [Access("POST", LOGIN, 400, 400, 404)],  # an empty form
    "images:training": [protected("GET", NF)],
    "images:training-cancel": [protected("POST", NF)],
    "images:training-resume": [protected("POST", NF)],
    "images:training-remove": [protected("POST", NF)],
}


def picture_of(team: Team, owner: User) -> Picture:
    """Return a picture that its owner alone sees; its file is not there."""
    return Picture.objects.create(
        team=team, owner=owner, file="images/none.png", sha256="0" * 64, size_bytes=1, width=64, height=64,
        prompt="CANARY-T1 prompt",
    )  # fmt: skip


def board_of(team: Team, owner: User) -> Board:
    """Return a board that its owner alone sees."""
    return Board.objects.create(team=team, owner=owner, name="CANARY-T1 board")
