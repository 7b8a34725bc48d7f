SELECT id, username, bio, image FROM users WHERE id = $1
