-- title: The applications of a service
-- asks: service owner
-- question: Which of my applications keep people waiting, and how long do the slowest answers take?
-- read: waited_hours is use time in answers slower than the catalogue allows; p95 is within 0.8 %.
-- param service String = mail : Service
-- param from DateTime('UTC') = -7d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT slice['application'] AS application, n, good_share, (attempted_ms - good_ms) / 3600000 AS waited_hours, p95
FROM telemetry_by(grid = '1d', metric = 'app.response_time', from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service', 'application'])
WHERE tenant = {tenant:String} AND slice['service'] = {service:String}
ORDER BY good_share, application
