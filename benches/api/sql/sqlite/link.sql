INSERT INTO article_tags (article_id, tag_id)
SELECT ?, id FROM tags WHERE name IN (SELECT value FROM json_each(?))
