-- KEYS: the value, the deletions. ARGV: what keys of tags begin with, the name of the key, the value, the lifetime in seconds and
-- nanoseconds, since which deletion or nothing, and the tags.
local key, deletions, tags, name = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local l_s, l_n, since = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local counted = count(deletions)
if since and since ~= counted then
    -- What is no longer remembered may have been anything; a count from the future is of another server.
    local oldest = tonumber(redis.call('ZRANGE', deletions, 0, 0, 'WITHSCORES')[2])
    if since < oldest or since > counted or was_deleted_since(deletions, since, 'k' .. name) then return false end
    for index = 7, #ARGV do
        if was_deleted_since(deletions, since, 't' .. ARGV[index]) then return false end
    end
end
redis.call('UNLINK', key)
if l_s == 0 and l_n == 0 then return counted end
local s, n = now()
local e_s, e_n = plus(s, n, l_s, l_n)
local time = lasting(l_s, l_n)
redis.call('HSET', key, 'v', ARGV[3], 'e', text(e_s) .. ':' .. text(e_n))
redis.call('PEXPIRE', key, time)
for index = 7, #ARGV do
    local tag = tags .. ARGV[index]
    local version = redis.call('GET', tag)
    if not version then
        version = text(counted)
        redis.call('SET', tag, version, 'PX', time)
    elseif redis.call('PTTL', tag) < tonumber(time) then
        redis.call('PEXPIRE', tag, time)
    end
    redis.call('HSET', key, 't' .. ARGV[index], version)
end
return counted
