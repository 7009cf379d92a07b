-- title: Lost working time by service
-- asks: CIO
-- question: Which service costs people most of their time?
-- read: Hours that people told in answers about the service; most people are never asked, so this is a sample, not the sum of the company.
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['service'] AS service, lost_n, lost_minutes / 60 AS lost_hours, mean_minutes
FROM lost_time_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service'])
WHERE tenant = {tenant:String}
ORDER BY lost_minutes DESC, service
