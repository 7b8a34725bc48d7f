-- What the scripts of locks share: a lock that is held, with its owner, its token, and how much longer, in seconds and nanoseconds.
local function held(key)
    local fields = redis.call('HMGET', key, 'o', 't', 'e')
    if not fields[3] then return nil end
    local e_s, e_n = string.match(fields[3], '^(%d+):(%d+)$')
    e_s, e_n = tonumber(e_s), tonumber(e_n)
    local s, n = now()
    if not later(e_s, e_n, s, n) then return nil end
    local left_s, left_n = e_s - s, e_n - n
    if left_n < 0 then left_s, left_n = left_s - 1, left_n + 1000000000 end
    return {owner = fields[1], token = tonumber(fields[2]), left_s = left_s, left_n = left_n}
end

-- From now on for so long.
local function last(key, l_s, l_n)
    local s, n = now()
    local e_s, e_n = plus(s, n, l_s, l_n)
    redis.call('PEXPIRE', key, lasting(l_s, l_n))
    redis.call('HSET', key, 'e', text(e_s) .. ':' .. text(e_n))
end
