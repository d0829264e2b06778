"""Puts the tables of teams behind row-level security (docs/adr/0031); later tables bring their policy themselves.

Tables with a team's id ask for it; all others ask for the row above them, whose own policy answers.
"""

from django.db import migrations

BY_TEAM = "team_id = ANY ((SELECT kb_teams())::uuid[])"
FUNCTIONS = migrations.RunSQL(
    """
    CREATE FUNCTION kb_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(current_setting('kb.teams', true), '') = '*' $$;
    CREATE FUNCTION kb_teams() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN coalesce(current_setting('kb.teams', true), '') IN ('', '*') THEN '{}'::uuid[]
            ELSE string_to_array(current_setting('kb.teams', true), ',')::uuid[] END $$;
    """,
    "DROP FUNCTION kb_teams(); DROP FUNCTION kb_sees_all()",
)

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


def _by_parent(table: str, column: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} up WHERE up.id = {column})"


def _walled(table: str, condition: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY wall ON {table} USING ((SELECT kb_sees_all()) OR {condition});"
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
        f"DROP POLICY wall ON {table}",
    )


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
        *(_walled(table, BY_TEAM) for table in _OF_TEAM),
        *(_walled(table, _by_parent(*above)) for table, above in _BELOW.items()),
    ]
