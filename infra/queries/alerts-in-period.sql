-- title: What called us, and why
-- asks: service desk
-- question: Which alerts were raised, when, and what explains them?
-- read: change is what happened closest before, not a proven cause; inhibited alerts are explained by another one.
-- param from DateTime('UTC') = -30d : Beginning
-- param to DateTime('UTC') = now : End, excluded
SELECT
    started_at, target, kind, state, calls, score, usual,
    arrayFirst(c -> startsWith(c['kind'], 'deploy') OR c['kind'] IN ('wave', 'process'), coincidences)['name'] AS change
FROM alerts
WHERE tenant = {tenant:String} AND started_at >= {from:DateTime('UTC')} AND started_at < {to:DateTime('UTC')}
ORDER BY started_at, target, kind
