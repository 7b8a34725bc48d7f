-- KEYS: the session. ARGV: now, in milliseconds.
local found = redis.call('HMGET', KEYS[1], 'record', 'ends')
return found[1] and tonumber(found[2]) > tonumber(ARGV[1]) and found[1]
