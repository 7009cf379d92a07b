-- title: The network lines of a country's sites
-- asks: country manager
-- question: At which site do people wait for the network?
-- read: good_share is the part of the time with a round trip of at most 150 ms, as the metric catalogue has it.
-- param country String = NO : Country
-- param from DateTime('UTC') = -7d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT site, sum(n) AS readings, sum(good_ms) / sum(attempted_ms) AS good_share, sum(value_sum) / readings AS mean_ms
FROM telemetry_1d
WHERE tenant = {tenant:String} AND metric = 'network.latency' AND country = {country:String}
  AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
GROUP BY site
ORDER BY good_share, site
