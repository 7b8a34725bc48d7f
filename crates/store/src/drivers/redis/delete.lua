-- KEYS: a value or a tag, the deletions. ARGV: its name among deletions.
note(KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[1])
return 1
