-- KEYS: the lock. ARGV: whose it is.
local is = held(KEYS[1])
if not is or is.owner ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
return 1
