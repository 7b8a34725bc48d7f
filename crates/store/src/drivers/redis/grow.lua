-- KEYS: the value, the deletions. ARGV: what keys of tags begin with, by how much it grows, the lifetime of a new one in seconds
-- and nanoseconds, and its tags. Answers with the number, in digits, since a number of Lua has fewer than 64 bits; else why not.
local key, tags = KEYS[1], ARGV[1]
local is = found(key, tags)
if not is then
    local kept = {value = ARGV[2], l_s = tonumber(ARGV[3]), l_n = tonumber(ARGV[4]), first_tag = 5}
    put(key, tags, count(KEYS[2]), kept)
    return ARGV[2]
end
local grown = redis.pcall('HINCRBY', key, 'v', ARGV[2])
if type(grown) == 'number' then return redis.call('HGET', key, 'v') end
if string.find(grown.err, 'overflow') then return 'out of range' end
if string.find(grown.err, 'not an integer') then return 'no number' end
return grown
