-- KEYS: the value. ARGV: what keys of tags begin with, the lifetime in seconds and nanoseconds.
local key, tags = KEYS[1], ARGV[1]
local l_s, l_n = tonumber(ARGV[2]), tonumber(ARGV[3])
local is = found(key, tags)
if not is then return 0 end
if l_s == 0 and l_n == 0 then
    redis.call('UNLINK', key)
    return 1
end
local s, n = now()
local e_s, e_n = plus(s, n, l_s, l_n)
local time = lasting(l_s, l_n)
redis.call('HSET', key, 'e', text(e_s) .. ':' .. text(e_n))
redis.call('PEXPIRE', key, time)
for _, tag in ipairs(is.tags) do outlive(tags .. tag, time) end
return 1
