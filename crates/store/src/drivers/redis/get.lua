-- KEYS: the value, the deletions. ARGV: what keys of tags begin with, and `tags` where those of the value are asked for.
-- Answers with the count of deletions, with the value and how much longer it is kept, in seconds and nanoseconds, and with its tags.
local counted = count(KEYS[2])
local is = found(KEYS[1], ARGV[1])
if not is then return {counted, false, 0, 0, {}} end
local s, n = now()
local left_s, left_n = is.e_s - s, is.e_n - n
if left_n < 0 then left_s, left_n = left_s - 1, left_n + 1000000000 end
return {counted, is.value, left_s, left_n, ARGV[2] == 'tags' and is.tags or {}}
