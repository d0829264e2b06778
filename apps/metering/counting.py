"""The statements that fill counters and sums from the ledger, and those that compare them. Needs HOLD_ALONE."""

# ruff: noqa: S608 -- only constants of these modules are put into statements

from apps.metering.sql import MEMBER, NOBODY, SUMMED_UNTIL
from apps.metering.sql import WINDOWS as _WINDOWS

_MEMBER = MEMBER.format(team="team_key", user="user_key")
_OF_SCOPE = {  # the subject of a row of the ledger, of its sums by day, and of a reservation
    "system": f"'{NOBODY}'::uuid",
    "team": f"NULLIF(team_key, '{NOBODY}')",
    "user": f"NULLIF(user_key, '{NOBODY}')",
    "member": f"CASE WHEN team_key <> '{NOBODY}' AND user_key <> '{NOBODY}' THEN {_MEMBER} END",
    "key": "api_key",
    "group": "unnest(group_keys)",
}
# Whose rows are read where one subject is recounted: these columns have indexes, their expressions do not.
NARROWED = "(%(team)s::uuid IS NULL OR team_key = %(team)s) AND (%(user)s::uuid IS NULL OR user_key = %(user)s)"

FORGET = """
DELETE FROM metering_counter WHERE scope = %(scope)s AND resource = %(resource)s AND "window" = %(window)s
AND (%(subject)s::uuid IS NULL OR subject = %(subject)s)
"""


def recount(scope: str, window: str) -> str:
    """Return the statement that fills the counters of a scope in the current window; a row of theirs must be gone."""
    subject = _OF_SCOPE[scope]
    by_day = f"SELECT {subject} AS subject, amount AS used FROM metering_usageday, span WHERE day >= first_day"
    by_event = f"SELECT {subject} AS subject, amount AS used FROM metering_usageevent, span WHERE at >= starts_at"
    rows = by_event if scope == "group" or window == "minute" else by_day  # the sums by day know no groups
    return f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),{_WINDOWS},
span AS MATERIALIZED (
    SELECT starts_at, (starts_at AT TIME ZONE 'UTC')::date AS first_day FROM windows WHERE "window" = %(window)s
),
counted AS (
    SELECT subject, used, 0::bigint AS held FROM ({rows} AND resource = %(resource)s AND {NARROWED}) used
    UNION ALL
    SELECT subject, 0, held FROM (
        SELECT {subject} AS subject, (amounts ->> %(resource)s)::bigint AS held FROM metering_reservation, span
        WHERE state = 'open' AND created_at >= starts_at AND amounts ? %(resource)s AND {NARROWED}) held
)
INSERT INTO metering_counter (scope, subject, resource, "window", starts_at, used, held)
SELECT %(scope)s, subject, %(resource)s, %(window)s, span.starts_at, sum(used), sum(held) FROM counted, span
WHERE subject IS NOT NULL AND (%(subject)s::uuid IS NULL OR subject = %(subject)s) GROUP BY subject, span.starts_at
"""


_SUBJECTS = " UNION ALL ".join(
    f"SELECT '{scope}' AS scope, {subject} AS subject, {'team_key' if scope == 'member' else 'NULL'}::uuid AS of_team,"
    " at, resource, used, held FROM events"
    for scope, subject in _OF_SCOPE.items()
)
_SPANS = (
    """spans("window", field) AS (VALUES ('minute', 'minute'), ('day', 'day'), ('month', 'month'), ('total', ''))"""
)

# What the counters should say, from the ledger and the open reservations alone; only what has a limit is counted.
DRIFT = f"""
WITH {_SPANS},
limited AS (
    SELECT scope, resource, "window", CASE scope WHEN 'team' THEN team_id WHEN 'user' THEN user_id
        WHEN 'group' THEN group_id WHEN 'key' THEN key_id
        WHEN 'member' THEN {MEMBER.format(team="team_id", user="user_id")} END AS named, team_id
    FROM metering_quota WHERE is_enabled
    UNION ALL SELECT *, NULL::uuid, NULL::uuid FROM unnest(
        %(d_scopes)s::text[], %(d_resources)s::text[], %(d_windows)s::text[])
),
lifted AS (
    SELECT scope, resource, "window", CASE scope WHEN 'team' THEN team_id WHEN 'user' THEN user_id
        WHEN 'group' THEN group_id WHEN 'key' THEN key_id
        WHEN 'member' THEN {MEMBER.format(team="team_id", user="user_id")} END AS named
    FROM metering_quota WHERE NOT is_enabled
),
events AS (
    SELECT at, user_key, team_key, group_keys, api_key, resource, amount AS used, 0::bigint AS held
    FROM metering_usageevent
    UNION ALL
    SELECT created_at, user_key, team_key, group_keys, api_key, key, 0, value::bigint
    FROM metering_reservation, jsonb_each_text(amounts) WHERE state = 'open'
),
expected AS (
    SELECT e.scope, e.subject, e.of_team, e.resource, s."window", CASE WHEN s.field = ''
        THEN timestamptz '1970-01-01 00:00:00+00' ELSE date_trunc(s.field, e.at, 'UTC') END AS starts_at,
        sum(e.used) AS used, sum(e.held) AS held
    FROM ({_SUBJECTS}) e, spans s WHERE e.subject IS NOT NULL
    AND (e.scope, e.resource, s."window") IN (SELECT scope, resource, "window" FROM limited)
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT scope, subject, resource, "window", starts_at, c.used, c.held, x.used, x.held
FROM metering_counter c FULL JOIN expected x USING (scope, subject, resource, "window", starts_at)
WHERE ("window" <> 'minute' OR starts_at > now() - make_interval(days => %(minute_days)s))
AND (COALESCE(c.used, 0), COALESCE(c.held, 0)) IS DISTINCT FROM (COALESCE(x.used, 0), COALESCE(x.held, 0))
AND (c.subject IS NOT NULL OR "window" = 'total' OR starts_at = date_trunc("window", now(), 'UTC'))
AND EXISTS (SELECT FROM limited l WHERE (l.scope, l.resource, l."window") = (
    COALESCE(c.scope, x.scope), COALESCE(c.resource, x.resource), COALESCE(c."window", x."window"))
    AND (l.named = COALESCE(c.subject, x.subject) OR (l.named IS NULL AND (
        scope <> 'member' OR l.team_id IS NULL OR l.team_id = x.of_team))))
AND NOT EXISTS (SELECT FROM lifted l WHERE (l.scope, l.resource, l."window") = (
    COALESCE(c.scope, x.scope), COALESCE(c.resource, x.resource), COALESCE(c."window", x."window"))
    AND l.named = COALESCE(c.subject, x.subject))
ORDER BY 1, 2, 3, 4, 5 LIMIT 100
"""

DAYS_DRIFT = """
WITH expected AS (
    SELECT (at AT TIME ZONE 'UTC')::date AS day, team_key, user_key, COALESCE(api_key, %(nobody)s) AS api_key, model,
        resource, sum(amount) AS amount
    FROM metering_usageevent GROUP BY 1, 2, 3, 4, 5, 6
),
summed AS (SELECT day, team_key, user_key, COALESCE(api_key, %(nobody)s) AS api_key, model, resource, amount
    FROM metering_usageday)
SELECT day, team_key, user_key, model, resource, s.amount, x.amount
FROM summed s FULL JOIN expected x USING (day, team_key, user_key, api_key, model, resource)
WHERE COALESCE(s.amount, 0) IS DISTINCT FROM COALESCE(x.amount, 0) ORDER BY 1, 2, 3, 4, 5 LIMIT 100
"""

_SUMS = f"""
SELECT CASE WHEN GROUPING(team_key) = 0 THEN 'team' WHEN GROUPING(user_key) = 0 THEN 'user' ELSE 'system' END AS scope,
    COALESCE(team_key, user_key, '{NOBODY}') AS subject, COALESCE(model, '') AS model, resource, day,
    sum(amount)::bigint AS amount
FROM metering_usageday WHERE {{days}} GROUP BY day, resource, GROUPING SETS ((model), (team_key), (user_key))
"""

# Sums up the first day with any use that is over and not summed up yet; no row where there is none.
_NEXT = f"""day = (
    SELECT min(day) FROM metering_usageday WHERE day < %(before)s AND day > COALESCE({SUMMED_UNTIL}, '-infinity'))"""
SUM_UP = f"""
INSERT INTO metering_usagesum (scope, subject, model, resource, day, amount)
{_SUMS.format(days=_NEXT)} ORDER BY scope, resource, subject
"""

_SUMMED = f"day <= {SUMMED_UNTIL}"
SUMS_DRIFT = f"""
WITH expected AS ({_SUMS.format(days=_SUMMED)})
SELECT day, scope, subject, model, resource, s.amount, x.amount
FROM metering_usagesum s FULL JOIN expected x USING (day, scope, subject, model, resource)
WHERE COALESCE(s.amount, 0) IS DISTINCT FROM COALESCE(x.amount, 0) ORDER BY 1, 2, 3, 4, 5 LIMIT 100
"""
