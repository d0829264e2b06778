"""What every table shares: an unguessable id and the two times."""

import uuid

from django.db import models


class Record(models.Model):
    """A row with a random UUID (122 random bits, so an id cannot be guessed) and its times."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
