"""Asks less of the planner: a search spent two milliseconds on the policies' sub-queries (docs/adr/0031).

A row of a library asks a function for the libraries, which the planner need not look into; and one function says both
which teams are seen and, by NULL, that all are. `core.tenancy` builds the same conditions for later tables.
"""

from django.db import migrations

_FUNCTIONS = """
CREATE OR REPLACE FUNCTION kb_teams() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE coalesce(current_setting('kb.teams', true), '') WHEN '*' THEN NULL WHEN '' THEN '{}'::uuid[]
        ELSE string_to_array(current_setting('kb.teams', true), ',')::uuid[] END $$;
CREATE FUNCTION kb_libraries() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    SELECT id FROM public.libraries_library WHERE team_id = ANY (public.kb_teams())
    UNION ALL SELECT NULL::uuid WHERE public.kb_teams() IS NULL $$;
"""
_TEAM = "coalesce(team_id = ANY ((SELECT kb_teams())::uuid[]), true)"
_LIBRARY = "coalesce(library_id IN (SELECT kb_libraries()), true)"
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
_OF_LIBRARY = (
    "libraries_document",
    "libraries_savedview",
    "libraries_termstatistics",
    "libraries_chunkembedding",
    "libraries_lexicon",
    "libraries_place",
    "evaluation_questionset",
)
_BELOW = {
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
    "evaluation_setquestion": ("evaluation_questionset", "questions_id"),
    "evaluation_run": ("evaluation_questionset", "questions_id"),
    "evaluation_runresult": ("evaluation_run", "run_id"),
    "evaluation_gapquestion": ("evaluation_gap", "gap_id"),
}


def _altered() -> str:
    below = {
        table: f"(SELECT kb_teams()) IS NULL OR EXISTS (SELECT 1 FROM {above} up WHERE up.id = {column})"
        for table, (above, column) in _BELOW.items()
    }
    conditions = dict.fromkeys(_OF_TEAM, _TEAM) | dict.fromkeys(_OF_LIBRARY, _LIBRARY) | below
    return "".join(f"ALTER POLICY wall ON {table} USING ({condition});" for table, condition in conditions.items())


class Migration(migrations.Migration):
    """Writes into the catalogue alone. There is no way back but to the tables without policies."""

    dependencies = [("core", "0001_wall")]

    operations = [migrations.RunSQL(_FUNCTIONS + _altered() + "DROP FUNCTION kb_sees_all()")]
