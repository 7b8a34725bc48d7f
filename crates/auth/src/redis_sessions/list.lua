-- KEYS: the sorted set of an owner. ARGV: what keys of sessions begin with, and now, in milliseconds.
local owner, now_ms = KEYS[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', owner, '-inf', ARGV[2])
local sessions = {}
for _, id in ipairs(redis.call('ZRANGE', owner, 0, -1)) do
    local found = redis.call('HMGET', ARGV[1] .. id, 'record', 'ends', 'owner')
    if found[1] and found[3] == owner and tonumber(found[2]) > now_ms then
        sessions[#sessions + 1] = {id, found[1]}
    else
        redis.call('ZREM', owner, id)
    end
end
return sessions
