-- title: One service, channel by channel
-- asks: service owner
-- question: Is it the service that people dislike, or how they reach it?
-- read: The row * holds blocks that mix channels: at 60 to 80 % coverage channels are a hint, not a measure.
-- param service String = mail : Service
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['channel'] AS channel, n, score, lower, upper, coverage
FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service', 'channel'])
WHERE tenant = {tenant:String} AND slice['service'] = {service:String}
ORDER BY score, channel
