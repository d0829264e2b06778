"""The statements that move quota. Each is atomic by itself: a row's condition is read under that row's lock.

Every statement touches the counters of one person, their team and the installation, for each window, always in the
order of the unique key, so that two of them wait for each other but never in a circle.
"""

NOBODY = "00000000-0000-0000-0000-000000000000"  # the installation; also a missing team or person

# The start and end of each window that contains `t`; `total` never ends.
_WINDOWS = """
windows("window", starts_at, ends_at) AS (
    SELECT 'minute', date_trunc('minute', t), date_trunc('minute', t) + interval '1 minute' FROM clock
    UNION ALL SELECT 'day', date_trunc('day', t, 'UTC'), date_trunc('day', t, 'UTC') + interval '1 day' FROM clock
    UNION ALL SELECT 'month', date_trunc('month', t, 'UTC'),
        ((date_trunc('month', t, 'UTC') AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' FROM clock
    UNION ALL SELECT 'total', timestamptz '1970-01-01 00:00:00+00', NULL FROM clock
)"""

# The limit that counts for a key: a named person's or team's row, else the default row, else the setting. NULL: none.
_RULES = """
defaults(scope, resource, "window", "limit") AS (
    SELECT * FROM unnest(%(d_scopes)s::text[], %(d_resources)s::text[], %(d_windows)s::text[], %(d_limits)s::bigint[])
),
rules AS MATERIALIZED (
    SELECT scope, resource, "window", "limit", is_enabled, (team_id IS NULL AND user_id IS NULL)::int AS breadth
    FROM metering_quota
    WHERE (team_id IS NULL OR team_id = %(team)s) AND (user_id IS NULL OR user_id = %(user)s)
    UNION ALL SELECT scope, resource, "window", "limit", true, 2 FROM defaults
)"""

_LIMIT = """(
    SELECT CASE WHEN r.is_enabled THEN r."limit" END FROM rules r
    WHERE (r.scope, r.resource, r."window") = (s.scope, w.resource, v."window") ORDER BY r.breadth LIMIT 1
)"""

_SUBJECTS = f"""
subjects(scope, subject) AS (
    VALUES ('system', '{NOBODY}'::uuid), ('team', %(team)s::uuid), ('user', %(user)s::uuid)
)"""

RESERVE = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),
wanted(resource, amount) AS (SELECT * FROM unnest(%(resources)s::text[], %(amounts)s::bigint[])),
{_SUBJECTS},{_WINDOWS},{_RULES},
keys AS MATERIALIZED (
    SELECT s.scope, s.subject, w.resource, v."window", v.starts_at, v.ends_at, w.amount, {_LIMIT} AS "limit"
    FROM wanted w, subjects s, windows v
),
counted AS (
    INSERT INTO metering_counter AS c (scope, subject, resource, "window", starts_at, used, held)
    SELECT scope, subject, resource, "window", starts_at, 0, amount FROM keys
    WHERE "limit" IS NULL OR amount <= "limit"
    ORDER BY scope, subject, resource, "window", starts_at
    ON CONFLICT (scope, subject, resource, "window", starts_at) DO UPDATE SET held = c.held + EXCLUDED.held
    WHERE c.used + c.held + EXCLUDED.held <= COALESCE(
        (SELECT k."limit" FROM keys k WHERE (k.scope, k.resource, k."window") = (c.scope, c.resource, c."window")),
        9223372036854775807)
    RETURNING c.scope, c.resource, c."window"
),
refused AS (
    SELECT * FROM keys k WHERE NOT EXISTS (
        SELECT FROM counted c WHERE (c.scope, c.resource, c."window") = (k.scope, k.resource, k."window"))
),
made AS (
    INSERT INTO metering_reservation
        (id, created_at, updated_at, user_id, team_id, user_key, team_key, amounts, state, expires_at)
    SELECT %(id)s, t, t, NULLIF(%(user)s::uuid, '{NOBODY}'), NULLIF(%(team)s::uuid, '{NOBODY}'), %(user)s, %(team)s,
        %(json)s::jsonb, 'open', t + make_interval(secs => %(ttl_s)s)
    FROM clock WHERE NOT EXISTS (SELECT FROM refused)
    RETURNING id
)
SELECT k.scope, k.resource, k."window", k."limit", k.ends_at,
    GREATEST(1, CEIL(EXTRACT(EPOCH FROM k.ends_at - clock.t)))::bigint AS retry_after
FROM refused k, clock ORDER BY k.ends_at NULLS FIRST LIMIT 1
"""  # noqa: S608  (only constants of this module are put in)

# Closes a reservation and writes what was used. A reservation that expired can still be settled: the work was done.
CLOSE = f"""
WITH found AS (
    SELECT id, created_at AS t, user_key, team_key, amounts, state FROM metering_reservation
    WHERE id = %(id)s AND state = ANY(%(from_states)s) FOR UPDATE
),
closed AS (
    UPDATE metering_reservation r SET state = %(state)s, updated_at = clock_timestamp() FROM found WHERE r.id = found.id
),
clock AS MATERIALIZED (SELECT t FROM found),
actual(resource, amount) AS (SELECT * FROM unnest(%(resources)s::text[], %(amounts)s::bigint[])),
ledger AS (
    INSERT INTO metering_usageevent (at, user_key, team_key, resource, amount, reservation)
    SELECT t, user_key, team_key, resource, amount, id FROM found, actual WHERE amount <> 0
),
moved AS (
    SELECT resource, sum(used) AS used, sum(held) AS held FROM (
        SELECT resource, amount AS used, 0 AS held FROM actual
        UNION ALL SELECT key, 0, -value::bigint FROM found, jsonb_each_text(amounts) WHERE state = 'open'
    ) both_sides GROUP BY resource
),
subjects(scope, subject) AS (
    SELECT 'system', '{NOBODY}'::uuid FROM found UNION ALL SELECT 'team', team_key FROM found
    UNION ALL SELECT 'user', user_key FROM found
),{_WINDOWS},
counted AS (
    INSERT INTO metering_counter AS c (scope, subject, resource, "window", starts_at, used, held)
    SELECT s.scope, s.subject, m.resource, v."window", v.starts_at, m.used, m.held
    FROM moved m, subjects s, windows v
    ORDER BY s.scope, s.subject, m.resource, v."window", v.starts_at
    ON CONFLICT (scope, subject, resource, "window", starts_at)
        DO UPDATE SET used = c.used + EXCLUDED.used, held = c.held + EXCLUDED.held
)
SELECT count(*) FROM found
"""  # noqa: S608

# Counts without a reservation; a negative amount gives back, for instance the bytes of a purged document.
ADD = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),
actual(resource, amount) AS (SELECT * FROM unnest(%(resources)s::text[], %(amounts)s::bigint[])),
ledger AS (
    INSERT INTO metering_usageevent (at, user_key, team_key, resource, amount, reservation)
    SELECT t, %(user)s, %(team)s, resource, amount, NULL FROM clock, actual WHERE amount <> 0
),
{_SUBJECTS},{_WINDOWS}
INSERT INTO metering_counter AS c (scope, subject, resource, "window", starts_at, used, held)
SELECT s.scope, s.subject, a.resource, v."window", v.starts_at, a.amount, 0
FROM actual a, subjects s, windows v
ORDER BY s.scope, s.subject, a.resource, v."window", v.starts_at
ON CONFLICT (scope, subject, resource, "window", starts_at) DO UPDATE SET used = c.used + EXCLUDED.used
"""  # noqa: S608

REMAINING = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),
wanted(resource) AS (SELECT unnest(%(resources)s::text[])),
{_SUBJECTS},{_WINDOWS},{_RULES},
keys AS (
    SELECT s.scope, s.subject, w.resource, v."window", v.starts_at, v.ends_at, {_LIMIT} AS "limit"
    FROM wanted w, subjects s, windows v
)
SELECT k.scope, k.resource, k."window", k."limit", COALESCE(c.used, 0) + COALESCE(c.held, 0), k.ends_at
FROM keys k LEFT JOIN metering_counter c USING (scope, subject, resource, "window", starts_at)
WHERE k."limit" IS NOT NULL ORDER BY k.resource, k.scope, k."window"
"""  # noqa: S608

# What the counters should say, from the ledger and the open reservations alone.
DRIFT = f"""
WITH spans("window", field) AS (VALUES ('minute', 'minute'), ('day', 'day'), ('month', 'month'), ('total', '')),
events AS (
    SELECT at, user_key, team_key, resource, amount AS used, 0::bigint AS held FROM metering_usageevent
    UNION ALL
    SELECT created_at, user_key, team_key, key, 0, value::bigint FROM metering_reservation, jsonb_each_text(amounts)
    WHERE state = 'open'
),
expected AS (
    SELECT s.scope, s.subject, e.resource, spans."window",
        CASE WHEN field = '' THEN timestamptz '1970-01-01 00:00:00+00'
            ELSE date_trunc(field, e.at, 'UTC') END AS starts_at,
        sum(e.used) AS used, sum(e.held) AS held
    FROM events e, spans, LATERAL (
        VALUES ('system', '{NOBODY}'::uuid), ('team', e.team_key), ('user', e.user_key)) AS s(scope, subject)
    GROUP BY 1, 2, 3, 4, 5
)
SELECT scope, subject, resource, "window", starts_at, c.used, c.held, x.used, x.held
FROM metering_counter c FULL JOIN expected x USING (scope, subject, resource, "window", starts_at)
WHERE ("window" <> 'minute' OR starts_at > now() - make_interval(days => %(minute_days)s))
  AND (COALESCE(c.used, 0), COALESCE(c.held, 0)) IS DISTINCT FROM (COALESCE(x.used, 0), COALESCE(x.held, 0))
ORDER BY 1, 2, 3, 4, 5 LIMIT 100
"""  # noqa: S608
