-- title: Lost working time by country
-- asks: country manager
-- question: How many hours did people lose, and how long is a usual disturbance?
-- read: Only what people told, each answer cut off at 480 minutes; bundles come two to six days after the answers.
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['country'] AS country, lost_n, lost_minutes / 60 AS lost_hours, mean_minutes
FROM lost_time_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['country'])
WHERE tenant = {tenant:String}
ORDER BY lost_minutes DESC, country
