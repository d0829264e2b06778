"""People with pictures for the tests of the gallery; run inside the installation."""

import numpy as np

from apps.images import files
from apps.images.models import Picture
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.images.provenance import Texts
from apps.users.models import Role, Team, User
from apps.users.services import add_member, create_user

PROMPTS = ("a red circle", "一只猫在窗边", "green square on black background")
SIDE = 64
PEOPLE = (  # name, mail, role, pictures
    ("林悦", "greta", Role.EDITOR, 150),
    ("Nora", "nora", Role.EDITOR, 150),
    ("Otto", "otto", Role.EDITOR, 0),
    ("Vera", "vera", Role.VIEWER, 0),
)


def fill(password: str) -> None:
    """Let there be editors of whom two have 150 pictures each, and a viewer; their mails are at example.org."""
    team = Team.objects.get(name="Zhiku")
    for name, mail, role, count in PEOPLE:
        person = create_user(email=f"{mail}@example.org", password=password, name=name)
        add_member(team=team, user=person, role=role)
        _draw(person, team, count)


def _draw(user: User, team: Team, count: int) -> None:
    """Give a person so many pictures, each of another colour."""
    for number in range(count):
        prompt = f"{PROMPTS[number % len(PROMPTS)]} {number}"
        pixels = np.full((SIDE, SIDE, 3), (number, 200, 120), np.uint8)
        order = Order(prompt=prompt, model="shapes-demo", width=SIDE, height=SIDE, steps=4, guidance=3.0, seed=number)
        texts = Texts(f"{prompt}\nSteps: 4, Sampler: DPM++ 2M, Seed: {number}, Size: 64x64")
        stored = files.write(team.pk, pixels, texts)
        Picture.objects.create(
            pk=stored.pk, team=team, owner=user, file=stored.file, thumbnail=stored.thumbnail, sha256=stored.sha256,
            size_bytes=stored.size_bytes, width=SIDE, height=SIDE, prompt=prompt, seed=number,
            settings=order_to_json(order), model_name="shapes-demo",
        )  # fmt: skip
