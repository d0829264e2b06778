"""The role that the product works as in PostgreSQL: it owns the tables, but row-level security binds it too.

What only a superuser may do is done here and nowhere else: make the role and the extension, hand it what an earlier
version made as superuser, and let the operator of the word index be used behind the wall. Every step is idempotent.
"""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

ROLE = "zhiku"
LOCK = 0x7A68696B  # of the advisory lock: several processes may find the role missing

# A condition of ours runs on rows only after the policy let them through, unless its function is known to tell nothing
# of what it read, by an error for example; PostgreSQL calls it leakproof. An index is asked before the policy, so the
# index of words needs its operator marked. It compares two values of its own types and refuses none.
_LEAKPROOF = "ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF"
_NOT_OURS = """
SELECT c.relkind::text, n.nspname, c.relname, '' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relowner <> %(role)s::regrole
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
UNION ALL
SELECT 'f', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND p.proowner <> %(role)s::regrole
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_KINDS = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE", "f": "FUNCTION"}


def provision(address: str, database: str, role: str = ROLE) -> None:
    """Make the role and give it the database. `address` is of a superuser: a URL or key=value pairs."""
    for name in ("template1", database):  # a new database, of a benchmark for example, begins as a copy of the first
        with psycopg.connect(make_conninfo(address, dbname=name), autocommit=True) as link:
            link.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            make_role(link, role)
            link.execute("CREATE EXTENSION IF NOT EXISTS vector")
            link.execute(_LEAKPROOF)
            if name == database:
                hand_over(link, database, role)


def make_role(link: "psycopg.Connection[tuple[object, ...]]", role: str) -> None:
    """Make the role unless it is there; whatever it was, it shall not be mightier than this."""
    known = link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    link.execute(
        sql.SQL("{} ROLE {} LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE").format(verb, sql.Identifier(role))
    )
    link.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(sql.Identifier(role)))


def hand_over(link: "psycopg.Connection[tuple[object, ...]]", database: str, role: str) -> None:
    """Give the role the database and everything in it that is ours; the catalogue is not."""
    owner = sql.Identifier(role)
    link.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), owner))
    link.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    with link.transaction():
        for kind, schema, name, arguments in link.execute(_NOT_OURS, {"role": role}).fetchall():
            place = sql.Identifier(str(schema), str(name))
            signature = sql.SQL(f"({arguments})") if kind == "f" else sql.SQL("")  # the server's own words
            link.execute(
                sql.SQL("ALTER {} {}{} OWNER TO {}").format(sql.SQL(_KINDS[str(kind)]), place, signature, owner)
            )
