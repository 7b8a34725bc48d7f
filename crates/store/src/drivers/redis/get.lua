-- KEYS: the value, the deletions. ARGV: what keys of tags begin with.
local key, deletions, tags = KEYS[1], KEYS[2], ARGV[1]
local counted = count(deletions)
local fields = redis.call('HGETALL', key)
local value = false
local is_there = #fields > 0
for index = 1, #fields, 2 do
    local name, content = fields[index], fields[index + 1]
    if name == 'v' then
        value = content
    elseif name == 'e' then
        local e_s, e_n = string.match(content, '^(%d+):(%d+)$')
        local s, n = now()
        if not later(tonumber(e_s), tonumber(e_n), s, n) then is_there = false end
    elseif redis.call('GET', tags .. string.sub(name, 2)) ~= content then
        is_there = false
    end
end
if #fields > 0 and not is_there then redis.call('UNLINK', key) end
return {counted, is_there and value}
