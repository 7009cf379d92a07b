-- title: One country, day by day
-- asks: country manager
-- question: How did happiness in my country go from day to day?
-- read: A day of few answers has a wide interval; a drop counts when intervals part, and the judge says so by an alert.
-- param country String = NO : Country
-- param from DateTime('UTC') = -30d : First day
-- param to DateTime('UTC') = now : End, excluded
SELECT day, n, score, lower, upper
FROM happiness_by_day
WHERE tenant = {tenant:String} AND dimension = 'country' AND value = {country:String}
  AND day >= {from:DateTime('UTC')} AND day < {to:DateTime('UTC')}
ORDER BY day
