-- KEYS: the value, the deletions. ARGV: what keys of tags begin with, the name of the key, the value, the lifetime in seconds and
-- nanoseconds, since which deletion or nothing, `free` where nothing may be there, and the tags.
local key, deletions, tags, name = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local since = tonumber(ARGV[6])
local counted = count(deletions)
if since and since ~= counted then
    -- What is no longer remembered may have been anything; a count from the future is of another server.
    local oldest = tonumber(redis.call('ZRANGE', deletions, 0, 0, 'WITHSCORES')[2])
    if not oldest or since < oldest or since > counted then return false end
    if was_deleted_since(deletions, since, 'k' .. name) then return false end
    for index = 8, #ARGV do
        if was_deleted_since(deletions, since, 't' .. ARGV[index]) then return false end
    end
end
if ARGV[7] == 'free' and found(key, tags) then return false end
put(key, tags, counted, {value = ARGV[3], l_s = tonumber(ARGV[4]), l_n = tonumber(ARGV[5]), first_tag = 8})
return counted
