INSERT INTO articles (slug, title, description, body, author_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id
