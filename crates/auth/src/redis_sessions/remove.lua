-- KEYS: the session. ARGV: its key.
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= '' then redis.call('ZREM', owner, ARGV[1]) end
return redis.call('UNLINK', KEYS[1])
