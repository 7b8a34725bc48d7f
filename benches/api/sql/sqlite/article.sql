SELECT a.slug, a.title, a.description, a.created_at, a.updated_at, u.username, u.bio, u.image,
  (SELECT count(*) FROM favorites f WHERE f.article_id = a.id) AS favorites,
  EXISTS (SELECT 1 FROM favorites f WHERE f.article_id = a.id AND f.user_id = ?) AS favorited,
  EXISTS (SELECT 1 FROM follows w WHERE w.to_user_id = a.author_id AND w.from_user_id = ?) AS following,
  (SELECT json_group_array(name) FROM (SELECT t.name FROM article_tags l JOIN tags t ON t.id = l.tag_id
    WHERE l.article_id = a.id ORDER BY t.name)) AS tags,
  a.body
FROM articles a JOIN users u ON u.id = a.author_id WHERE a.slug = ?
