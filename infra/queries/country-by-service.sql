-- title: One country, service by service
-- asks: country manager
-- question: With which services are people in my country least happy, and how sure is that?
-- read: Compare intervals (lower to upper), not scores alone. Services with too few answers for a block of their own are in the row *.
-- param country String = NO : Country
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['service'] AS service, n, score, lower, upper
FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['country', 'service'])
WHERE tenant = {tenant:String} AND slice['country'] = {country:String}
ORDER BY score, service
