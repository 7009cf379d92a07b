-- title: One service, country by country
-- asks: service owner
-- question: Where are people unhappy with my service?
-- read: A country whose upper end lies under the lower end of another one really is less happy.
-- param service String = mail : Service
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['country'] AS country, n, score, lower, upper
FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['country', 'service'])
WHERE tenant = {tenant:String} AND slice['service'] = {service:String}
ORDER BY score, country
