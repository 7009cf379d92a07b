-- title: Device models before and after an instant
-- asks: provider
-- question: Has a wave made one kind of device slow to log in?
-- read: Mean seconds from the password to a usable desktop, before and since; look for the model that moved alone.
-- param at DateTime('UTC') = -7d : When the wave began; whole days are compared
-- param days UInt16 = 7 : Days on each side
SELECT
    device_model,
    sumIf(value_sum, window_start < {at:DateTime('UTC')}) / sumIf(n, window_start < {at:DateTime('UTC')}) AS seconds_before,
    sumIf(value_sum, window_start >= {at:DateTime('UTC')}) / sumIf(n, window_start >= {at:DateTime('UTC')}) AS seconds_since,
    seconds_since / seconds_before AS ratio
FROM telemetry_1d
WHERE tenant = {tenant:String} AND metric = 'device.login_time'
  AND window_start >= {at:DateTime('UTC')} - toIntervalDay({days:UInt16})
  AND window_start < {at:DateTime('UTC')} + toIntervalDay({days:UInt16})
GROUP BY device_model
ORDER BY ratio DESC, device_model
