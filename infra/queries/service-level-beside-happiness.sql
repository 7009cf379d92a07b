-- title: Service level beside happiness
-- asks: CIO
-- question: Which services keep their service level while people are unhappy?
-- read: A watermelon is green outside (90 % of the tickets in time) and red inside (happiness surely under 60).
-- param from DateTime('UTC') = -30d : First day
-- param to DateTime('UTC') = now : End
-- param goal Float64 = 0.9 : Share of tickets in time that is promised
-- param objective Float64 = 60 : Happiness that is promised
SELECT
    service, tickets, made / tickets AS share, n, score, upper,
    share >= {goal:Float64} AND upper < {objective:Float64} AS is_watermelon
FROM
(
    SELECT service, sum(s.tickets) AS tickets, sum(s.made) AS made
    FROM sla AS s
    WHERE tenant = {tenant:String}
      AND period_start >= {from:DateTime('UTC')} AND period_start < {to:DateTime('UTC')}
    GROUP BY service
) AS kept
INNER JOIN
(
    SELECT slice['service'] AS service, n, score, upper
    FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service'])
    WHERE tenant = {tenant:String}
) AS felt USING (service)
ORDER BY score, service
