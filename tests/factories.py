"""Rows for tests, each with a unique canary in every text a stranger must never see."""

import hashlib
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.utils import timezone
from factory.django import DjangoModelFactory

from apps.catalog.models import AIModel
from apps.chat.models import Citation, Conversation, Message
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Chunk, ChunkEmbedding, CuratedAnswer, Document, DocumentVersion, Figure, Library
from apps.users.models import Membership, Role, Team, User

PASSWORD = "correct horse battery"
DIMENSIONS = 384


class UserFactory(DjangoModelFactory):
    """A person; the password is PASSWORD."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.test")
    name = factory.Sequence(lambda n: f"Person {n}")
    password = factory.LazyFunction(lambda: make_password(PASSWORD))
    last_active_at = factory.LazyFunction(timezone.now)  # so that a first request writes nothing down


class TeamFactory(DjangoModelFactory):
    """A team without members."""

    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class MembershipFactory(DjangoModelFactory):
    """A member, an owner unless told otherwise."""

    class Meta:
        model = Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER
    last_active_at = factory.LazyFunction(timezone.now)


class LibraryFactory(DjangoModelFactory):
    """An empty library."""

    class Meta:
        model = Library

    team = factory.SubFactory(TeamFactory)
    name = factory.Sequence(lambda n: f"Library {n}")


class AIModelFactory(DjangoModelFactory):
    """An embedding model that is ready."""

    class Meta:
        model = AIModel
        django_get_or_create = ("name",)

    name = "fake-embedder"
    title = "Fake embedder"
    kind = AIModel.Kind.EMBEDDING
    runtime = "fake"
    path = "fake"  # never opened
    dimensions = DIMENSIONS
    is_default = True
    state = AIModel.State.READY


class ChatModelFactory(AIModelFactory):
    """A chat model that is ready."""

    name = "fake-chat"
    title = "Fake chat"
    kind = AIModel.Kind.CHAT
    dimensions = None
    max_tokens = 2048


class DocumentFactory(DjangoModelFactory):
    """A document that is ready, with one version; `content` are its bytes."""

    class Meta:
        model = Document

    content = factory.Sequence(lambda n: f"Document {n}: water boils at 100 degrees.".encode())
    library = factory.SubFactory(LibraryFactory)
    name = factory.Sequence(lambda n: f"document-{n}.txt")
    media_type = "text/plain"
    sha256 = factory.LazyAttribute(lambda o: hashlib.sha256(o.content).hexdigest())
    size_bytes = factory.LazyAttribute(lambda o: len(o.content))
    status = Document.Status.READY

    @classmethod
    def _create(cls, model_class: type[Document], *args: Any, **kwargs: Any) -> Document:
        content = kwargs.pop("content")
        document = super()._create(model_class, *args, **kwargs)
        version = DocumentVersion(
            document=document, sha256=document.sha256, size_bytes=document.size_bytes, media_type=document.media_type
        )
        version.file.save("ignored", ContentFile(content), save=True)
        document.current_version = version
        document.save(update_fields=["current_version"])
        return document


class ChunkFactory(DjangoModelFactory):
    """A chunk of a document's current version, without vector and terms."""

    class Meta:
        model = Chunk

    document = factory.SubFactory(DocumentFactory)
    version = factory.LazyAttribute(lambda o: o.document.current_version)
    library = factory.LazyAttribute(lambda o: o.document.library)
    team = factory.LazyAttribute(lambda o: o.document.library.team)
    ordinal = factory.LazyAttribute(lambda o: Chunk.objects.filter(version=o.version).count())
    text = factory.Sequence(lambda n: f"Passage {n}: water boils at 100 degrees.")
    tokens = 12
    char_to = factory.LazyAttribute(lambda o: len(o.text))


class FigureFactory(DjangoModelFactory):
    """A picture of a document's current version; `content` are its bytes."""

    class Meta:
        model = Figure

    content = b"\x89PNG\r\n\x1a\n"
    version = factory.LazyAttribute(lambda _: DocumentFactory().current_version)
    ordinal = factory.LazyAttribute(lambda o: Figure.objects.filter(version=o.version).count())
    media_type = "image/png"
    width = 40
    height = 30

    @classmethod
    def _create(cls, model_class: type[Figure], *args: Any, **kwargs: Any) -> Figure:
        content = kwargs.pop("content")
        row = model_class(**kwargs)
        row.file.save(f"figures/{row.pk.hex[:2]}/{row.pk.hex}", ContentFile(content), save=True)
        return row


class ChunkEmbeddingFactory(DjangoModelFactory):
    """A unit vector along the first axis."""

    class Meta:
        model = ChunkEmbedding

    chunk = factory.SubFactory(ChunkFactory)
    library = factory.LazyAttribute(lambda o: o.chunk.library)
    model = factory.SubFactory(AIModelFactory)
    vector = [1.0] + [0.0] * (DIMENSIONS - 1)


class IngestionJobFactory(DjangoModelFactory):
    """A finished job of a document's current version."""

    class Meta:
        model = IngestionJob

    document = factory.SubFactory(DocumentFactory)
    version = factory.LazyAttribute(lambda o: o.document.current_version)
    team = factory.LazyAttribute(lambda o: o.document.library.team)
    state = IngestionJob.State.DONE


class ConversationFactory(DjangoModelFactory):
    """An empty conversation; its owner is made a member of its team where they are not."""

    class Meta:
        model = Conversation

    owner = factory.SubFactory(UserFactory)
    team = factory.SubFactory(TeamFactory)
    title = factory.Sequence(lambda n: f"Conversation {n}")

    @classmethod
    def _create(cls, model_class: type[Conversation], *args: Any, **kwargs: Any) -> Conversation:
        Membership.objects.get_or_create(team=kwargs["team"], user=kwargs["owner"], defaults={"role": Role.VIEWER})
        return super()._create(model_class, *args, **kwargs)


class MessageFactory(DjangoModelFactory):
    """A question."""

    class Meta:
        model = Message

    conversation = factory.SubFactory(ConversationFactory)
    role = Message.Role.USER
    text = "When does water boil?"


class AnswerFactory(MessageFactory):
    """A finished answer to a question."""

    role = Message.Role.ASSISTANT
    text = "Water boils at 100 degrees. [1]"
    parent = factory.LazyAttribute(lambda o: MessageFactory(conversation=o.conversation))


class CuratedAnswerFactory(DjangoModelFactory):
    """An editor's answer, without vectors: no question meets it yet."""

    class Meta:
        model = CuratedAnswer

    library = factory.SubFactory(LibraryFactory)
    team = factory.LazyAttribute(lambda o: o.library.team)
    question = "How do I reset my password?"
    answer = "Open the profile and press **Reset password**."


class CitationFactory(DjangoModelFactory):
    """A citation of an answer."""

    class Meta:
        model = Citation

    message = factory.SubFactory(AnswerFactory)
    number = 1
    chunk = factory.SubFactory(ChunkFactory)
    document = factory.LazyAttribute(lambda o: o.chunk.document)
    version = factory.LazyAttribute(lambda o: o.chunk.version)
    document_name = factory.LazyAttribute(lambda o: o.chunk.document.name)
    passage = factory.LazyAttribute(lambda o: o.chunk.text)
