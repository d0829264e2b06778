"""The statements that move quota. Each is atomic by itself: a row's condition is read under that row's lock.

A counter is kept only where a limit applies, so people wait for one another only where they share a limit. Whose limits
apply is found from the person, the team, the person's groups in it, and the API key. Counters are always touched in
the order of their unique key, so that two statements wait for each other but never in a circle.

Before each statement that writes, HOLD is taken, shared; `limits` takes it alone when what is limited changes, so that
a new counter can be filled from the ledger while nothing moves.
"""

# ruff: noqa: S608 -- only constants of these modules are put into statements

NOBODY = "00000000-0000-0000-0000-000000000000"  # the installation; also a missing team, person or key

LOCK = 0x71756F7461  # "quota"
HOLD = f"SELECT pg_advisory_xact_lock_shared({LOCK})"
HOLD_QUICKLY = f"{HOLD}, set_config('synchronous_commit', 'off', true)"
HOLD_ALONE = f"SELECT pg_advisory_xact_lock({LOCK})"

# The start and end of each window that contains `t`; `total` never ends.
WINDOWS = """
windows("window", starts_at, ends_at) AS (
    SELECT 'minute', date_trunc('minute', t), date_trunc('minute', t) + interval '1 minute' FROM clock
    UNION ALL SELECT 'day', date_trunc('day', t, 'UTC'), date_trunc('day', t, 'UTC') + interval '1 day' FROM clock
    UNION ALL SELECT 'month', date_trunc('month', t, 'UTC'),
        ((date_trunc('month', t, 'UTC') AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' FROM clock
    UNION ALL SELECT 'total', timestamptz '1970-01-01 00:00:00+00', NULL FROM clock
)"""

# The person in one team as the subject of a counter: there is no key of its own that outlives the membership.
MEMBER = "md5({team}::text || {user}::text)::uuid"

# `who` names person, team, groups and key; in a browser the key is NOBODY.
_WHO = """
who AS MATERIALIZED (
    SELECT %(user)s::uuid AS user_key, %(team)s::uuid AS team_key, %(key)s::uuid AS api_key, ARRAY(
        SELECT g.group_id FROM users_groupmember g JOIN users_membership m ON m.id = g.membership_id
        WHERE m.user_id = %(user)s AND m.team_id = %(team)s ORDER BY 1) AS group_keys
)"""

# The limit that counts for each subject: a row that names it, else the default row, else the setting.
RULES = f"""
subjects(scope, subject) AS (
    SELECT 'system', '{NOBODY}'::uuid FROM who
    UNION ALL SELECT 'team', team_key FROM who WHERE team_key <> '{NOBODY}'
    UNION ALL SELECT 'user', user_key FROM who WHERE user_key <> '{NOBODY}'
    UNION ALL SELECT 'member', {MEMBER.format(team="team_key", user="user_key")} FROM who
        WHERE user_key <> '{NOBODY}' AND team_key <> '{NOBODY}'
    UNION ALL SELECT 'key', api_key FROM who WHERE api_key <> '{NOBODY}'
    UNION ALL SELECT 'group', unnest(group_keys) FROM who
),
rules AS MATERIALIZED (
    SELECT q.scope, q.resource, q."window", q."limit", q.is_enabled, q.behaviour, q.fallback_model, q.warn_percent,
        num_nulls(q.team_id, q.user_id, q.group_id, q.key_id) AS breadth,
        CASE q.scope WHEN 'team' THEN q.team_id WHEN 'user' THEN q.user_id WHEN 'group' THEN q.group_id
            WHEN 'key' THEN q.key_id
            WHEN 'member' THEN {MEMBER.format(team="q.team_id", user="q.user_id")} END AS named
    FROM who, metering_quota q
    WHERE (q.team_id = who.team_key AND (q.user_id = who.user_key OR q.user_id IS NULL))
        OR (q.user_id = who.user_key AND q.team_id IS NULL)
        OR q.group_id = ANY(who.group_keys) OR q.key_id = who.api_key
        OR (q.team_id IS NULL AND q.user_id IS NULL AND q.group_id IS NULL AND q.key_id IS NULL)
    UNION ALL
    SELECT scope, resource, "window", "limit", true, 'block', '', 80, 9, NULL FROM unnest(
        %(d_scopes)s::text[], %(d_resources)s::text[], %(d_windows)s::text[], %(d_limits)s::bigint[]
    ) AS d(scope, resource, "window", "limit")
),
applying AS MATERIALIZED (
    SELECT DISTINCT ON (s.scope, s.subject, r.resource, r."window") s.scope, s.subject, r.resource, r."window",
        r."limit", r.is_enabled, r.behaviour, r.fallback_model, r.warn_percent
    FROM subjects s JOIN rules r ON r.scope = s.scope AND (r.named IS NULL OR r.named = s.subject)
    ORDER BY s.scope, s.subject, r.resource, r."window", r.breadth
)"""

# What the asked amounts cost by the price table: the newest price that has begun, the model's own before everybody's.
_COSTS = """
prices AS (
    SELECT DISTINCT ON (p.resource) p.resource, p.micros_per_million FROM metering_price p, clock, doing
    WHERE p.model IN ('', doing.model) AND p.starts_on <= (clock.t AT TIME ZONE 'UTC')::date
    ORDER BY p.resource, p.model = '', p.starts_on DESC
),
amounts(resource, amount) AS MATERIALIZED (
    SELECT resource, amount FROM asked
    UNION ALL
    SELECT 'money', round(sum(a.amount::numeric * p.micros_per_million / 1000000))::bigint
    FROM asked a JOIN prices p USING (resource) WHERE a.amount > 0 AND NOT EXISTS (
        SELECT FROM asked WHERE resource = 'money')
    HAVING round(sum(a.amount::numeric * p.micros_per_million / 1000000)) > 0
)"""

_ASKED = "asked(resource, amount) AS (SELECT * FROM unnest(%(resources)s::text[], %(amounts)s::bigint[]))"
_COUNTER = 'scope, subject, resource, "window", starts_at'
_IDLE = "make_interval(secs => CASE WHEN k.resource = 'generations' THEN 5 ELSE 3600 END)"  # where nothing begins anew

RESERVE = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),
doing AS (SELECT %(model)s::text AS model),
{_ASKED},{_WHO},{_COSTS},{WINDOWS},{RULES},
keys AS MATERIALIZED (
    SELECT a.scope, a.subject, a.resource, a."window", v.starts_at, v.ends_at, m.amount, a."limit", a.warn_percent,
        a.behaviour, a.fallback_model, a.behaviour = 'degrade' AND a.fallback_model <> '' AS is_soft
    FROM applying a JOIN windows v USING ("window") JOIN amounts m USING (resource) WHERE a.is_enabled
),
counted AS (
    INSERT INTO metering_counter AS c ({_COUNTER}, used, held)
    SELECT {_COUNTER}, 0, amount FROM keys WHERE is_soft OR amount <= "limit" ORDER BY {_COUNTER}
    ON CONFLICT ({_COUNTER}) DO UPDATE SET held = c.held + EXCLUDED.held
    WHERE (
        SELECT k.is_soft OR c.used + c.held + EXCLUDED.held <= k."limit" FROM keys k
        WHERE (k.scope, k.subject, k.resource, k."window") = (c.scope, c.subject, c.resource, c."window"))
    RETURNING c.scope, c.subject, c.resource, c."window", c.used + c.held AS reached
),
found AS MATERIALIZED (
    SELECT k.*, c.reached, CASE WHEN c.reached IS NULL THEN 'refused' WHEN c.reached > k."limit" THEN 'degraded'
        WHEN c.reached * 100 >= k."limit" * k.warn_percent THEN 'warning' END AS outcome
    FROM keys k LEFT JOIN counted c USING (scope, subject, resource, "window")
),
made AS (
    INSERT INTO metering_reservation (id, created_at, updated_at, user_id, team_id, user_key, team_key, group_keys,
        api_key, model, amounts, state, expires_at)
    SELECT %(id)s, t, t, NULLIF(user_key, '{NOBODY}'), NULLIF(team_key, '{NOBODY}'), user_key, team_key, group_keys,
        NULLIF(api_key, '{NOBODY}'),
        COALESCE((SELECT fallback_model FROM found WHERE outcome = 'degraded' ORDER BY scope, "window" LIMIT 1), model),
        COALESCE((SELECT jsonb_object_agg(resource, amount) FROM amounts), '{{}}'), 'open',
        t + make_interval(secs => %(ttl_s)s)
    FROM clock, who, doing WHERE NOT EXISTS (SELECT FROM found WHERE outcome = 'refused')
    RETURNING id
)
SELECT k.outcome, k.scope, k.subject, k.resource, k."window", k."limit", COALESCE(k.reached, 0), k.ends_at,
    GREATEST(1, CEIL(EXTRACT(EPOCH FROM COALESCE(k.ends_at, clock.t + {_IDLE}) - clock.t)))::bigint, k.fallback_model
FROM found k, clock WHERE k.outcome IS NOT NULL
ORDER BY k.outcome = 'refused' DESC, k.outcome = 'degraded' DESC, k.ends_at DESC NULLS FIRST, k.scope, k."window"
"""

# The days up to this one are in `UsageSum`; NULL before the first. It moves under HOLD_ALONE alone.
SUMMED_UNTIL = f"(SELECT max(day) FROM metering_usagesum WHERE scope = 'system' AND subject = '{NOBODY}')"

# Writes what was used to the ledger, to its sums by day, and to those of a day that is summed up already.
_WRITTEN = """
ledger AS (
    INSERT INTO metering_usageevent
        (at, user_key, team_key, group_keys, api_key, model, resource, amount, reservation)
    SELECT t, user_key, team_key, group_keys, NULLIF(api_key, '{nobody}'), doing.model, resource, amount, {reservation}
    FROM clock, who, doing, amounts WHERE amount <> 0
),
days AS (
    INSERT INTO metering_usageday AS d (day, team_key, user_key, api_key, model, resource, amount)
    SELECT (t AT TIME ZONE 'UTC')::date, team_key, user_key, NULLIF(api_key, '{nobody}'), doing.model, resource, amount
    FROM clock, who, doing, amounts WHERE amount <> 0 ORDER BY resource
    ON CONFLICT (day, team_key, user_key, api_key, model, resource) DO UPDATE SET amount = d.amount + EXCLUDED.amount
),
late AS (
    INSERT INTO metering_usagesum AS s (scope, subject, model, resource, day, amount)
    SELECT l.scope, l.subject, l.model, resource, (t AT TIME ZONE 'UTC')::date, amount
    FROM clock, who, doing, amounts, LATERAL (VALUES
        ('system', '{nobody}'::uuid, doing.model), ('team', team_key, ''), ('user', user_key, '')
    ) AS l(scope, subject, model)
    WHERE amount <> 0 AND (t AT TIME ZONE 'UTC')::date <= {summed_until} ORDER BY 1, 2, 4
    ON CONFLICT (scope, subject, day, resource, model) DO UPDATE SET amount = s.amount + EXCLUDED.amount
)"""

# A window that has ended is only corrected where its counter is there: nobody compares it with a limit any more.
_MOVED = f"""
moved_keys AS (
    SELECT a.scope, a.subject, m.resource, a."window", v.starts_at, m.used, m.held
    FROM applying a JOIN windows v USING ("window") JOIN moved m USING (resource)
    WHERE a.is_enabled AND (v.ends_at IS NULL OR v.ends_at > clock_timestamp() OR EXISTS (
        SELECT FROM metering_counter c WHERE (c.scope, c.subject, c.resource, c."window", c.starts_at)
            = (a.scope, a.subject, m.resource, a."window", v.starts_at)))
),
counted AS (
    INSERT INTO metering_counter AS c ({_COUNTER}, used, held)
    SELECT {_COUNTER}, used, held FROM moved_keys ORDER BY {_COUNTER}
    ON CONFLICT ({_COUNTER}) DO UPDATE SET used = c.used + EXCLUDED.used, held = c.held + EXCLUDED.held
)"""

# Closes a reservation and writes what was used. A reservation that expired can still be settled: the work was done.
CLOSE = f"""
WITH found AS (
    SELECT id, created_at AS t, user_key, team_key, group_keys, COALESCE(api_key, '{NOBODY}') AS api_key, model,
        amounts, state
    FROM metering_reservation WHERE id = %(id)s AND state = ANY(%(from_states)s) FOR UPDATE
),
closed AS (
    UPDATE metering_reservation r SET state = %(state)s, updated_at = clock_timestamp() FROM found WHERE r.id = found.id
),
clock AS MATERIALIZED (SELECT t FROM found),
who AS MATERIALIZED (SELECT user_key, team_key, api_key, group_keys FROM found),
doing AS MATERIALIZED (SELECT COALESCE(%(model)s::text, model) AS model FROM found),
{_ASKED},{_COSTS},{_WRITTEN.format(nobody=NOBODY, summed_until=SUMMED_UNTIL, reservation="%(id)s::uuid")},
moved AS (
    SELECT resource, sum(used)::bigint AS used, sum(held)::bigint AS held FROM (
        SELECT resource, amount AS used, 0 AS held FROM amounts
        UNION ALL SELECT key, 0, -value::bigint FROM found, jsonb_each_text(found.amounts) WHERE state = 'open'
    ) both_sides GROUP BY resource
),{WINDOWS},{RULES},{_MOVED}
SELECT count(*) FROM found
"""

# Counts without a reservation; a negative amount gives back, for instance the bytes of a purged document.
ADD = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),
doing AS (SELECT %(model)s::text AS model),
{_ASKED},{_WHO},{_COSTS},{_WRITTEN.format(nobody=NOBODY, summed_until=SUMMED_UNTIL, reservation="NULL::uuid")},
moved AS (SELECT resource, amount AS used, 0::bigint AS held FROM amounts),
{WINDOWS},{RULES},{_MOVED}
SELECT 1
"""

REMAINING = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS t),{_WHO},{WINDOWS},{RULES}
SELECT k.scope, k.subject, k.resource, k."window", k."limit", COALESCE(c.used, 0) + COALESCE(c.held, 0), v.ends_at,
    k.warn_percent, k.behaviour, k.fallback_model
FROM applying k JOIN windows v USING ("window")
LEFT JOIN metering_counter c USING (scope, subject, resource, "window", starts_at)
WHERE k.is_enabled ORDER BY k.resource, k.scope, k."window", k.subject
"""
