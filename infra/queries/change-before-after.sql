-- title: An application before and after its changes
-- asks: service owner
-- question: Did a rollout make it worse?
-- read: One row per change of the application, with the share of good time in the hours before and after; other changes at the same time are not told apart.
-- param application String = mailbox : Application
-- param from DateTime('UTC') = -30d : First change
-- param to DateTime('UTC') = now : End of the changes, excluded
-- param hours UInt16 = 6 : Hours on each side
WITH changed AS
(
    SELECT change_id, toStartOfInterval(started_at, INTERVAL 15 MINUTE) AS at
    FROM changes
    WHERE tenant = {tenant:String} AND application = {application:String}
      AND started_at >= {from:DateTime('UTC')} AND started_at < {to:DateTime('UTC')}
)
SELECT
    change_id, at,
    sumIf(good_ms, window_start < at) / sumIf(attempted_ms, window_start < at) AS good_before,
    sumIf(good_ms, window_start > at) / sumIf(attempted_ms, window_start > at) AS good_after
FROM changed
CROSS JOIN
(
    SELECT window_start, sum(t.good_ms) AS good_ms, sum(t.attempted_ms) AS attempted_ms
    FROM telemetry_15m AS t
    WHERE tenant = {tenant:String} AND metric = 'app.response_time' AND application = {application:String}
      AND window_start >= {from:DateTime('UTC')} - toIntervalHour({hours:UInt16})
      AND window_start < {to:DateTime('UTC')} + toIntervalHour({hours:UInt16})
    GROUP BY window_start
) AS quarters
WHERE window_start >= at - toIntervalHour({hours:UInt16}) AND window_start <= at + toIntervalHour({hours:UInt16})
GROUP BY change_id, at
ORDER BY at, change_id
