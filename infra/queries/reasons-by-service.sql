-- title: What people name as reasons
-- asks: service desk
-- question: What do people praise and complain about, for one service?
-- read: Counts of answers that name a reason, from bundles of at least 20 people.
-- param service String = mail : Service
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT factor.1 AS reason, sum(factor.2) AS answers
FROM feedback_details
ARRAY JOIN CAST(factors, 'Array(Tuple(String, UInt32))') AS factor
WHERE tenant = {tenant:String} AND service = {service:String}
  AND epoch > {from:DateTime('UTC')} AND epoch <= {to:DateTime('UTC')}
GROUP BY reason
ORDER BY answers DESC, reason
