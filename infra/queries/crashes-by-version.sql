-- title: Crashes by version of the operating system
-- asks: service owner
-- question: Does an application crash everywhere, or on one version only?
-- read: Counts of crashes, not rates: compare with the versions' share of the devices.
-- param application String = mailbox : Application
-- param from DateTime('UTC') = -7d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT os_version, sum(n) AS crashes
FROM telemetry_1d
WHERE tenant = {tenant:String} AND metric = 'app.crash' AND application = {application:String}
  AND window_start >= {from:DateTime('UTC')} AND window_start < {to:DateTime('UTC')}
GROUP BY os_version
ORDER BY crashes DESC, os_version
