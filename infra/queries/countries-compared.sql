-- title: All countries side by side
-- asks: country manager
-- question: Where does my country stand among the others?
-- read: coverage says which share of all answers names its country; least and most bound the score for the rest.
-- param from DateTime('UTC') = -30d : Beginning, excluded
-- param to DateTime('UTC') = now : End, included
SELECT slice['country'] AS country, n, score, lower, upper, coverage, least, most
FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['country'])
WHERE tenant = {tenant:String}
ORDER BY score, country
