"""Libraries, their documents in versions, and the chunks that are searched."""

from apps.libraries.models.chunks import (
    TERM_SPACE,
    Chunk,
    ChunkEdit,
    ChunkEmbedding,
    FormerChunks,
    LibraryStatistics,
    Section,
    TermStatistics,
)
from apps.libraries.models.documents import Document, DocumentVersion, Library, SavedView, version_path
from apps.libraries.models.grants import Grant, Level, Place
from apps.libraries.models.pages import Figure, PageReading
from apps.libraries.models.questions import AskedQuestion, CuratedAnswer, CuratedVector, Lexicon

__all__ = [
    "TERM_SPACE",
    "AskedQuestion",
    "Chunk",
    "ChunkEdit",
    "ChunkEmbedding",
    "CuratedAnswer",
    "CuratedVector",
    "Document",
    "DocumentVersion",
    "Figure",
    "FormerChunks",
    "Grant",
    "Level",
    "Lexicon",
    "Library",
    "LibraryStatistics",
    "PageReading",
    "Place",
    "SavedView",
    "Section",
    "TermStatistics",
    "version_path",
]
