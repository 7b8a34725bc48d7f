-- KEYS: the lock. ARGV: whose it is, and for how long in seconds and nanoseconds.
local is = held(KEYS[1])
if not is or is.owner ~= ARGV[1] then return 0 end
last(KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]))
return 1
