-- title: One application, quarter hour by quarter hour
-- asks: service owner
-- question: When exactly did it become slow, and when well again?
-- read: One row per quarter of an hour over all countries; a quarter in which fewer than 5 devices of a country reported lacks that country.
-- param application String = mailbox : Application
-- param from DateTime('UTC') = -1d : First quarter
-- param to DateTime('UTC') = now : End, excluded
SELECT window_start, sum(n) AS readings, sum(good_ms) / sum(attempted_ms) AS good_share
FROM telemetry_15m
WHERE tenant = {tenant:String} AND metric = 'app.response_time' AND application = {application:String}
  AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
GROUP BY window_start
ORDER BY window_start
