-- What the scripts of values share.
--
-- A value is a hash: `v`, the value; `e`, when it expires; and for each tag `t<tag>`, the version of the tag that it was kept under.
-- It is there while every tag still has that version. So to delete a tag is to delete its version, however many values it has;
-- and a tag that the server has dropped for want of room takes its values with it, rather than letting deleted ones come back.
--
-- Deletions are counted. The sorted set `deletions` has the count under `#`, and what was deleted last, `k<key>` or `t<tag>`, each
-- under its count. A count begins with the microseconds of the time, so that it goes on where the server has lost everything.
local REMEMBERED = 4096

local function count(deletions)
    local known = redis.call('ZSCORE', deletions, '#')
    if known then return tonumber(known) end
    local s, n = now()
    local first = s * 1000000 + math.floor(n / 1000)
    redis.call('ZADD', deletions, text(first), '#', text(first), '^')
    return first
end

local function note(deletions, name)
    local next = text(count(deletions) + 1)
    redis.call('ZADD', deletions, next, '#', next, name)
    redis.call('ZREMRANGEBYRANK', deletions, 0, -(REMEMBERED + 1))
end

local function was_deleted_since(deletions, since, name)
    local at = redis.call('ZSCORE', deletions, name)
    return at and tonumber(at) > since
end
