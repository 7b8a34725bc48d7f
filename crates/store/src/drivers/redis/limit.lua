-- KEYS: a key for each quota. ARGV: the cost, and for each quota its price and the whole of it, each in seconds and nanoseconds.
-- Answers with now, and when each quota would have been whole again before.
local s, n = now()
local enough = tonumber(ARGV[1]) > 0
local before, after = {s, n}, {}
for index, key in ipairs(KEYS) do
    local at = index * 4 - 2
    local w_s, w_n = s, n
    local kept = redis.call('GET', key)
    if kept then
        local k_s, k_n = string.match(kept, '^(%d+):(%d+)$')
        k_s, k_n = tonumber(k_s), tonumber(k_n)
        if later(k_s, k_n, s, n) then w_s, w_n = k_s, k_n end
    end
    before[index * 2 + 1], before[index * 2 + 2] = w_s, w_n
    local t_s, t_n = plus(w_s, w_n, tonumber(ARGV[at]), tonumber(ARGV[at + 1]))
    local most_s, most_n = plus(s, n, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
    if later(t_s, t_n, most_s, most_n) then enough = false end
    after[index] = {t_s, t_n}
end
if enough then
    for index, key in ipairs(KEYS) do
        local t_s, t_n = after[index][1], after[index][2]
        redis.call('SET', key, text(t_s) .. ':' .. text(t_n), 'PX', lasting(t_s - s, t_n - n))
    end
end
return before
