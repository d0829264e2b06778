"""Puts the tables of teams behind row-level security (docs/adr/0031); later tables bring their policy themselves.

Tables with a team's id ask for it; all others ask for the row above them, whose own policy answers.
"""

from django.db import migrations

from apps.core.tenancy import BY_TEAM, FUNCTIONS, by_parent, walled

_OF_TEAM = (
    "libraries_library",
    "libraries_chunk",
    "libraries_curatedanswer",
    "libraries_askedquestion",
    "ingestion_ingestionjob",
    "ingestion_websource",
    "chat_conversation",
    "evaluation_gap",
)
_BELOW = {  # table: (the table above it, the column that names its row)
    "libraries_document": ("libraries_library", "library_id"),
    "libraries_savedview": ("libraries_library", "library_id"),
    "libraries_termstatistics": ("libraries_library", "library_id"),
    "libraries_chunkembedding": ("libraries_library", "library_id"),
    "libraries_lexicon": ("libraries_library", "library_id"),
    "libraries_place": ("libraries_library", "library_id"),
    "libraries_grant": ("libraries_place", "place_id"),
    "libraries_documentversion": ("libraries_document", "document_id"),
    "libraries_section": ("libraries_document", "document_id"),
    "libraries_chunkedit": ("libraries_document", "document_id"),
    "libraries_formerchunks": ("libraries_documentversion", "version_id"),
    "libraries_pagereading": ("libraries_documentversion", "version_id"),
    "libraries_figure": ("libraries_documentversion", "version_id"),
    "libraries_curatedvector": ("libraries_curatedanswer", "curated_id"),
    "ingestion_stagedchunk": ("ingestion_ingestionjob", "job_id"),
    "ingestion_webpage": ("ingestion_websource", "source_id"),
    "chat_conversation_libraries": ("chat_conversation", "conversation_id"),
    "chat_message": ("chat_conversation", "conversation_id"),
    "chat_chatopening": ("chat_conversation", "conversation_id"),
    "chat_citation": ("chat_message", "message_id"),
    "chat_answertrace": ("chat_message", "message_id"),
    "chat_feedback": ("chat_message", "message_id"),
    "evaluation_questionset": ("libraries_library", "library_id"),
    "evaluation_setquestion": ("evaluation_questionset", "questions_id"),
    "evaluation_run": ("evaluation_questionset", "questions_id"),
    "evaluation_runresult": ("evaluation_run", "run_id"),
    "evaluation_gapquestion": ("evaluation_gap", "gap_id"),
}


class Migration(migrations.Migration):
    """Writes into the catalogue alone; no row is read."""

    dependencies = [
        ("libraries", "0011_places_and_grants"),
        ("ingestion", "0006_model_switches"),
        ("chat", "0005_chat_opening"),
        ("evaluation", "0004_run_alarm"),
    ]

    operations = [
        FUNCTIONS,
        *(walled(table, BY_TEAM) for table in _OF_TEAM),
        *(walled(table, by_parent(*above)) for table, above in _BELOW.items()),
    ]
