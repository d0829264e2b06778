"""The rows of the image studio for the table in `routes.py`, and the picture and board that its addresses name."""

import itertools

from apps.images.models import Board, Picture, Scene, Story
from apps.libraries.models import Document
from apps.users.models import Team, User
from tests.route_rows import LOGIN, NF, Access, api, personal, protected

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
    "images:runs": [Access("GET", LOGIN, 200, 200, 404)],
    "images:cancel-all": [Access("POST", LOGIN, 200, 200, 404)],
    "images:dismiss-all": [Access("POST", LOGIN, 200, 200, 404)],
    "images:bring-back": [personal("POST", 200)],
    "images:run": [protected("GET", NF)],
    "images:run-sheet": [protected("GET", NF)],
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
    # the prompt assistant and stories: their owner's alone (tests/images/assistant)
    "images:assist-form": [Access("GET", LOGIN, 200, 200, 404)],
    "images:assist": [Access("POST", LOGIN, 422, 422, 404)],  # without a theme
    "images:assist-letter": [protected("GET", NF)],
    "images:assist-stop": [protected("POST", NF)],
    "images:stories": [personal("GET", 200), Access("POST", LOGIN, 422, 422, 200)],  # without a document
    "images:story": [protected("GET", NF)],
    "images:story-live": [protected("GET", NF)],
    "images:story-print": [protected("GET", NF)],
    "images:story-export": [protected("GET", NF)],
    "images:story-draw": [protected("POST", NF)],
    "images:story-settings": [protected("POST", NF)],
    "images:story-stop": [protected("POST", NF)],
    "images:story-again": [protected("POST", NF)],
    "images:story-delete": [protected("POST", NF)],
    "images:story-restore": [protected("POST", NF)],
    "images:scene": [protected("POST", NF)],
    "images:scene-draw": [protected("POST", NF)],
    "images:scene-move": [protected("POST", NF)],
    "images:scene-delete": [protected("POST", NF)],
    "images:scene-restore": [protected("POST", NF)],
    # a team's rules for pictures: admins alone (tests/images/safety)
    "team_images:page": [protected("GET", 403), protected("POST", 403)],
    "team_images:words-try": [protected("POST", 403)],
    "team_images:mark": [protected("GET", 403)],
    "team_images:undo": [protected("POST", 403)],
    "team_images:style-new": [protected("POST", 403, lambda _: {"name": "Mine"})],
    "team_images:style": [protected("POST", 403, lambda _: {"name": "Mine"})],
    "team_images:style-delete": [protected("POST", 403)],
    "team_images:words-new": [protected("POST", 403, lambda _: {"name": "mine", "words": "a"})],
    "team_images:words": [protected("POST", 403, lambda _: {"name": "mine", "words": "a"})],
    "team_images:words-delete": [protected("POST", 403)],
    "team_images:reported": [protected("GET", 403)],
    "team_images:decide": [protected("POST", 403, lambda _: {"reason": "Mine"})],
    "team_images:notice-seen": [personal("POST", 404)],  # nobody took a picture of theirs down
    "console:images": [personal("GET", 404), personal("POST", 404)],
    "console:images-try": [personal("POST", 404)],
    "console:images-mark": [personal("GET", 404)],
    # the studio's REST API asked by sessions; without one: 401
    **{
        f"api:image-{name}": [Access("GET", 401, 200, 200, NF)]
        for name in ("models", "adapters", "samplers", "limits", "notices")
    },
    "api:image-jobs": [
        Access("GET", 401, 200, 200, NF),
        api("POST", 415, 415),
        Access("DELETE", 401, 200, 200, NF),  # one's own
    ],
    "api:image-jobs-dismissed": [api("POST", 415, 415)],
    "api:image-job-preview": [api("GET", NF, NF)],
    "api:image-estimates": [api("POST", 415, 415)],
    "api:image-job": [api("GET", NF, NF), api("DELETE", NF, NF)],
    "api:image-job-retry": [api("POST", 415, 415)],
    "api:image-pictures": [Access("GET", 401, 200, 200, NF)],
    "api:image-picture": [api(method, NF, NF) for method in ("GET", "PATCH", "DELETE")],
    "api:image-file": [api("GET", NF, NF)],
    "api:image-restore": [api("POST", 415, 415)],
    "api:image-report": [api("POST", 415, 415)],
    "api:image-uploads": [api("POST", 422, 422)],
    "api:image-read-settings": [Access("POST", 401, 422, 422, NF)],
    "api:image-boards": [Access("GET", 401, 200, 200, NF), api("POST", 415, 415)],
    "api:image-board": [api(method, NF, NF) for method in ("GET", "PATCH", "DELETE")],
    "api:image-trainings": [Access("GET", 401, 200, 200, NF), api("POST", 415, 415)],
    "api:image-training": [api("GET", NF, NF), api("DELETE", NF, NF)],
    "api:image-training-resume": [api("POST", 415, 415)],
    "api:image-training-result": [api("DELETE", NF, NF)],
    "api:image-many": [api("POST", 415, 415)],
    "api:image-edges": [api("GET", NF, NF)],
    "api:image-on-board": [api("DELETE", NF, NF)],
    "api:image-themes": [Access("GET", 401, 200, 200, NF), api("POST", 415, 415)],
    "api:image-own-words": [Access("GET", 401, 200, 200, NF), Access("PUT", 401, 200, 200, NF)],
    "api:image-theme": [api("GET", NF, NF), api("DELETE", NF, NF)],
    "api:image-stories": [Access("GET", 401, 200, 200, NF), api("POST", 415, 415)],
    "api:image-story": [api(method, NF, NF) for method in ("GET", "PATCH", "DELETE")],
    "api:image-story-file": [api("GET", NF, NF)],
    "api:image-story-act": [api("POST", 415, 415)],
    "api:image-scene": [api(method, NF, NF) for method in ("GET", "PATCH", "DELETE")],
    "api:image-scene-act": [api("POST", 415, 415)],
    # what a team's admins keep: bob is one, of his own team
    "api:image-rules": [Access("GET", 401, 200, 403, NF), Access("PATCH", 401, 200, 403, NF)],
    "api:image-styles": [Access("GET", 401, 200, 200, NF), Access("POST", 401, 415, 403, NF)],
    "api:image-style": [api("PATCH", NF, 403), api("DELETE", NF, 403)],
    "api:image-word-lists": [Access("GET", 401, 200, 200, NF), Access("POST", 401, 415, 403, NF)],
    "api:image-word-list": [api("PATCH", NF, 403), api("DELETE", NF, 403)],
    "api:image-reports": [Access("GET", 401, 200, 403, NF)],
    "api:image-reported": [api("GET", NF, 403), api("POST", 415, 415)],
    "api:image-notice": [api("DELETE", NF, NF)],
    # OpenAI's routes take keys alone (tests/images/api)
    **{
        f"{place}:openai-{name}": [api("POST", 401, 401)]
        for place, name in itertools.product(("api", "openai"), ("generations", "edits"))
    },
    # what they hand out is opened by whoever has the address
    **{f"{place}:openai-file": [Access("GET", 404, 404, 404, 404)] for place in ("api", "openai")},
    "openai:nothing": [api(method, 401, 401) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")],
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


def scene_of(team: Team, owner: User, document: Document) -> Scene:
    """Return a scene of a story that its owner alone sees."""
    story = Story.objects.create(team=team, owner=owner, document=document)
    return Scene.objects.create(story=story, number=1, text="CANARY-T1 scene", prompt="CANARY-T1 scene prompt")
