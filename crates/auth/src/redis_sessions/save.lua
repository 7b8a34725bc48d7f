-- KEYS: the session. ARGV: now, when it ends, and how long that is, in milliseconds; its revision, and the one before; its key; the
-- sorted set of its owner, or nothing; the call; the record.
local key = KEYS[1]
local now_ms, ends, left, revision, before, id, owner, call, record = unpack(ARGV)
local found = redis.call('HMGET', key, 'revision', 'ends', 'owner', 'call')
if found[4] == call then return 1 end
local lives = found[1] and tonumber(found[2]) > tonumber(now_ms)
if revision == '1' then
    if lives then return 0 end
elseif not lives or found[1] ~= before then
    return 0
end
if found[3] and found[3] ~= '' and found[3] ~= owner then redis.call('ZREM', found[3], id) end
local time = lasting(tonumber(left) / 1000, 0)
redis.call('HSET', key, 'revision', revision, 'ends', ends, 'owner', owner, 'call', call, 'record', record)
redis.call('PEXPIRE', key, time)
if owner ~= '' then
    redis.call('ZREMRANGEBYSCORE', owner, '-inf', now_ms)
    redis.call('ZADD', owner, ends, id)
    if redis.call('PTTL', owner) < tonumber(time) then redis.call('PEXPIRE', owner, time) end
end
return 1
