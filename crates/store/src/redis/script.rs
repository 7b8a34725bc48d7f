//! Lua that a server runs in one step.

use std::fmt;

/// What every script may use: `now()`, in seconds and nanoseconds, as whole numbers, since a number of Lua does not hold
/// nanoseconds of half a century; `later` and `plus` of two such moments; and `text` of a whole number, of which `tostring`
/// would drop the end.
///
/// What a script leaves expires by itself after the milliseconds of `lasting`.
const PRELUDE: &str = r"
local at_s, at_n, slack = table.remove(ARGV, 1), table.remove(ARGV, 1), tonumber(table.remove(ARGV, 1))
local function now()
    if at_s ~= '' then return tonumber(at_s), tonumber(at_n) end
    local time = redis.call('TIME')
    return tonumber(time[1]), tonumber(time[2]) * 1000
end
local function text(number) return string.format('%.0f', number) end
local function later(a_s, a_n, b_s, b_n) return a_s > b_s or (a_s == b_s and a_n > b_n) end
local function plus(a_s, a_n, b_s, b_n)
    local n = a_n + b_n
    if n >= 1000000000 then return a_s + b_s + 1, n - 1000000000 end
    return a_s + b_s, n
end
local function lasting(s, n) return text(math.ceil(s * 1000 + n / 1000000) + 1 + slack) end
";

/// A script, which a server knows by its digest after the first time.
pub struct RedisScript(pub(super) redis::Script);

impl RedisScript {
    /// This Lua, behind the prelude that all scripts share.
    pub fn new(lua: &str) -> Self {
        Self(redis::Script::new(&format!("{PRELUDE}{lua}")))
    }
}

impl fmt::Debug for RedisScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisScript").field(&self.0.get_hash()).finish()
    }
}
