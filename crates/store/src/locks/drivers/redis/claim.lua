-- KEYS: the lock, the tokens. ARGV: who claims it, for how long in seconds and nanoseconds.
-- Answers with the token, or with 0 and for how much longer it is somebody else's.
local key, tokens, owner = KEYS[1], KEYS[2], ARGV[1]
local l_s, l_n = tonumber(ARGV[2]), tonumber(ARGV[3])
local is = held(key)
if is and is.owner ~= owner then return {0, is.left_s, is.left_n} end
local token
if is then
    token = is.token
else
    local s, n = now()
    token = math.max((tonumber(redis.call('GET', tokens)) or 0) + 1, s * 1000000 + math.floor(n / 1000))
    -- Refused by a server that is full, before anything has changed.
    redis.call('SET', tokens, text(token))
    redis.call('HSET', key, 'o', owner, 't', text(token))
end
last(key, l_s, l_n)
return {token, 0, 0}
