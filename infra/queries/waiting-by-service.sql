-- title: Waiting for applications, week by week
-- asks: CIO
-- question: Do people wait less for their applications than a few weeks ago?
-- read: Hours of use time in slow answers, over all reporting devices; weeks begin on Monday (UTC), the first and the last may be partial.
-- param from DateTime('UTC') = -30d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT service, toStartOfWeek(window_start, 1) AS week, (sum(attempted_ms) - sum(good_ms)) / 3600000 AS waited_hours
FROM telemetry_1d
WHERE tenant = {tenant:String} AND metric = 'app.response_time'
  AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
GROUP BY service, week
ORDER BY week, waited_hours DESC, service
