-- What the scripts of values share.
--
-- A value is a hash: `v`, the value; `e`, when it expires; and for each tag `t<tag>`, the version of the tag that it was kept under.
-- It is there while every tag still has that version. So to delete a tag is to delete its version, however many values it has;
-- and a tag that the server has dropped for want of room takes its values with it, rather than letting deleted ones come back.
--
-- Deletions are counted. The sorted set `deletions` has the count under `#`, and what was deleted last, `k<key>` or `t<tag>`, each
-- under its count. A count begins with the microseconds of the time, so that it goes on where the server has lost everything.
--
-- A server that is full and evicts nothing takes no more, and must still give and let go. It refuses what needs room only while a
-- script has changed nothing yet: so what keeps something begins with that, and what lets go begins by letting go.
local REMEMBERED = 4096

local function count(deletions)
    local known = redis.call('ZSCORE', deletions, '#')
    if known then return tonumber(known) end
    local s, n = now()
    local first = s * 1000000 + math.floor(n / 1000)
    -- One that is not kept is below the next one that is, as if everything were deleted in between.
    redis.pcall('ZADD', deletions, text(first), '#', text(first), '^')
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

-- What is under a key: its value, when it expires, the names of its tags. Nothing where it is no longer there; what is left goes.
local function found(key, tags)
    local fields = redis.call('HGETALL', key)
    if #fields == 0 then return nil end
    local is, is_there = {tags = {}}, true
    for index = 1, #fields, 2 do
        local name, content = fields[index], fields[index + 1]
        if name == 'v' then
            is.value = content
        elseif name == 'e' then
            local e_s, e_n = string.match(content, '^(%d+):(%d+)$')
            is.e_s, is.e_n = tonumber(e_s), tonumber(e_n)
            local s, n = now()
            if not later(is.e_s, is.e_n, s, n) then is_there = false end
        else
            local tag = string.sub(name, 2)
            table.insert(is.tags, tag)
            if redis.call('GET', tags .. tag) ~= content then is_there = false end
        end
    end
    if is_there and is.value and is.e_s then return is end
    redis.call('UNLINK', key)
    return nil
end

-- A tag goes no sooner than what it has.
local function outlive(tag, time)
    if redis.call('PTTL', tag) < tonumber(time) then redis.call('PEXPIRE', tag, time) end
end

-- Keeps a value in place of what is there, under the tags from `kept.first_tag` of the arguments on.
local function put(key, tags, counted, kept)
    if kept.l_s == 0 and kept.l_n == 0 then
        redis.call('UNLINK', key)
        return
    end
    local s, n = now()
    local e_s, e_n = plus(s, n, kept.l_s, kept.l_n)
    local expiry, time = text(e_s) .. ':' .. text(e_n), lasting(kept.l_s, kept.l_n)
    -- Refused by a server that is full.
    redis.call('HSET', key, 'e', expiry)
    redis.call('UNLINK', key)
    local fields = {'v', kept.value, 'e', expiry}
    for index = kept.first_tag, #ARGV do
        local tag = tags .. ARGV[index]
        local version = redis.call('GET', tag)
        if not version then
            version = text(counted)
            redis.call('SET', tag, version, 'PX', time)
        else
            outlive(tag, time)
        end
        table.insert(fields, 't' .. ARGV[index])
        table.insert(fields, version)
    end
    redis.call('HSET', key, unpack(fields))
    redis.call('PEXPIRE', key, time)
end
