-- title: The service level, day by day
-- asks: provider
-- question: Did we close tickets in time?
-- read: Tickets count in the day in which their closing became known; days and places of fewer than 5 people are left out.
-- param from DateTime('UTC') = -30d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT period_start AS day, sum(s.tickets) AS tickets, sum(s.made) AS made, made / tickets AS share
FROM sla AS s
WHERE tenant = {tenant:String} AND period_start >= {from:DateTime('UTC')} AND period_start < {to:DateTime('UTC')}
GROUP BY day
ORDER BY day
