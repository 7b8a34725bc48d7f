-- KEYS: a value or a tag, the deletions. ARGV: its name among deletions, what keys of tags begin with, and `take` where a value is
-- asked for.
local is = ARGV[3] == 'take' and found(KEYS[1], ARGV[2])
redis.call('UNLINK', KEYS[1])
note(KEYS[2], ARGV[1])
return is and is.value
